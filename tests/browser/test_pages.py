"""Every page, light and wide, dark and narrow: no serious accessibility problem, nothing sticks out, a picture to look at."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as django_settings
from playwright.sync_api import Page

from accounts import auditing
from accounts.tenancy import system
from billing import invoicing, metering
from hosting.models import Contact, Conversation, Message
from tests.browser.conftest import Site
from tests.factories import make_deliveries, make_template

PICTURES = Path(django_settings.BASE_DIR) / "pictures"

KINDS: list[tuple[str, str, dict[str, Any]]] = [
    ("text", "Do you have *rye* today? See https://example.com/rye", {}),
    ("image", "", {"id": "1", "caption": "This one?"}),
    ("audio", "", {"id": "2", "voice": True, "mime_type": "audio/ogg"}),
    ("document", "", {"id": "3", "filename": "order.pdf", "mime_type": "application/pdf"}),
    ("location", "", {"latitude": 37.77, "longitude": -122.41, "name": "Ferry Building", "address": "1 Ferry Plaza"}),
    (
        "contacts",
        "",
        {"contacts": [{"name": {"formatted_name": "Bob Baker"}, "phones": [{"phone": "+1 415 555 0142"}]}]},
    ),
    ("interactive", "Rye", {"type": "list_reply", "list_reply": {"title": "Rye", "description": "1 kg, sliced"}}),
    ("button", "Yes please", {"text": "Yes please"}),
    (
        "order",
        "",
        {"product_items": [{"quantity": 2, "product_retailer_id": "RYE", "item_price": 4, "currency": "USD"}]},
    ),
    ("hologram", "", {}),
]


def furnish(site: Site) -> dict[str, str]:
    """Fill the business with something of everything; returns the addresses of all pages by name."""
    make_template(site.number)
    month = (datetime.now(UTC).replace(day=1) - timedelta(days=2)).replace(day=10, hour=12)
    charged = make_deliveries(site.business, site.number, 5, at=month)
    while metering.meter_due():
        pass
    invoice = invoicing.close_period(business=site.business, month=month.date().replace(day=1))
    assert invoice is not None
    with system("test data"):
        contact = Contact.objects.create(business=site.business, wa_id=site.handset.wa_id, name=site.handset.name)
        conversation = Conversation.objects.create(
            business=site.business, number=site.number, contact=contact, last_inbound_at=datetime.now(UTC)
        )
        common = {"business": site.business, "number": site.number, "conversation": conversation, "contact": contact}
        Message.objects.bulk_create(
            Message(direction="in", status="received", kind=kind, text=text, content=content, **common)
            for kind, text, content in KINDS
        )
        Message.objects.bulk_create(
            Message(direction="out", category="service", kind="text", text=status, status=status, **common)
            for status in ("accepted", "sent", "delivered", "read", "failed")
        )
        auditing.record(
            action="member.role_changed", subject="zoe@example.com", business=site.business,
            before={"role": "agent"}, after={"role": "finance"},
        )  # fmt: skip
    chat = f"/phone/{site.handset.pk}/{site.number.phone_number_id}/"
    lines = f"/invoices/{invoice.number}/"
    thread = f"/inbox/{conversation.public_id}/"
    return {
        "home": "/", "inbox": "/inbox/", "thread": thread, "templates": f"{thread}templates/", "messages": "/messages/",
        "message": f"/messages/{charged[0]}/", "phones": "/phone/", "phone": f"/phone/{site.handset.pk}/", "chat": chat,
        "usage": f"/usage/?month={month:%Y-%m}", "usage-empty": "/usage/", "charge": f"/charges/{charged[0]}/",
        "invoices": "/invoices/", "invoice": lines, "invoice-line": f"{lines}lines/1/", "you": "/you/", "keys": "/keys/",
        "team": "/team/", "audit": "/settings/audit/", "mails": "/mails/",
        "search": "/search/?q=rye", "search-empty": "/search/", "search-none": "/search/?q=absent&kind=text",
        "contacts": "/contacts/", "contact": f"/contacts/{contact.pk}/", "retention": "/retention/",
        "password": "/account/password/change/", "logout": "/account/logout/", "not-found": "/phone/9999999/",
    }  # fmt: skip


@pytest.mark.parametrize(("scheme", "width", "height"), [("light", 1440, 900), ("dark", 390, 844)])
def test_every_page_is_accessible_and_fits(site: Site, scheme: Any, width: int, height: int) -> None:
    addresses = furnish(site)
    PICTURES.mkdir(exist_ok=True)
    problems: list[str] = []
    stranger = site.stranger(color_scheme=scheme, viewport={"width": width, "height": height}).new_page()
    for name, address in {"login": "/account/login/", "signup": "/account/signup/"}.items():
        problems += inspect(stranger, name, address, scheme, width)
    page = site.window(color_scheme=scheme, viewport={"width": width, "height": height}).new_page()
    for name, address in addresses.items():
        problems += inspect(page, name, address, scheme, width)
    assert problems == []


def inspect(page: Page, name: str, address: str, scheme: str, width: int) -> list[str]:
    """Problems of one page; its picture goes to pictures/."""
    page.goto(address)
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_timeout(150)
    page.screenshot(path=PICTURES / f"{name}-{scheme}-{width}.png")
    wide = page.evaluate("document.documentElement.scrollWidth")
    problems = [f"{name}: {wide} wide"] if wide > width else []
    found = Axe().run(page).response["violations"]
    for violation in found:
        if violation["impact"] in ("serious", "critical"):
            where = [node["target"][0] for node in violation["nodes"][:3]]
            problems.append(f"{name}: {violation['id']} {where}")
    return problems
