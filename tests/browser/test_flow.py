"""A flow on the simulated phone: inputs, a field that appears, the next screen, and its answers."""

import time
from typing import Any

from playwright.sync_api import expect

from accounts.models import Business
from core.tenancy import scope, system
from hosting.flows import lifecycle
from hosting.flows.previews import preview_of
from hosting.messages.send import send_message
from hosting.models import Conversation
from hosting.transports import sandbox
from tests.browser.conftest import PICTURES, Site
from tests.browser.test_every_page import problems_of
from tests.hosting.api.test_flows import source
from tests.hosting.flows.test_running import footer, screen

DISHES = [
    {"id": "vegan", "title": "Vegan"},
    {"id": "other", "title": "Something else", "description": "Tell us what"},
]
TABLE: dict[str, Any] = {
    "version": "7.2",
    "screens": [
        screen(
            "TABLE",
            {"type": "TextHeading", "text": "When do you come?"},
            {"type": "TextBody", "text": "We are open from *Tuesday* to Sunday."},
            {"type": "DatePicker", "name": "day", "label": "Day", "required": True},
            {
                "type": "Dropdown", "name": "guests", "label": "Guests", "required": True,
                "data-source": [{"id": str(n), "title": f"{n} people"} for n in (2, 4, 6)],
            },
            {"type": "CheckboxGroup", "name": "food", "label": "Food", "data-source": DISHES},
            {
                "type": "If", "condition": "${form.food} == ${data.other}",
                "then": [{"type": "TextArea", "name": "wish", "label": "Your wish"}],
            },
            footer(
                "Next", "navigate",
                {"text": "`'A table for ' ${form.guests} ' on ' ${form.day} '.'`"},
                next={"type": "screen", "name": "CONFIRM"},
            ),
            data={"other": {"type": "array", "__example__": ["other"]}},
        ),
        screen(
            "CONFIRM",
            {"type": "TextBody", "text": "${data.text}"},
            {"type": "OptIn", "name": "agreed", "label": "I come or call", "required": True},
            footer(
                "Book", "complete",
                {"day": "${screen.TABLE.form.day}", "guests": "${screen.TABLE.form.guests}",
                 "wish": "${screen.TABLE.form.wish}", "agreed": "${form.agreed}"},
            ),
            terminal=True,
        ),
    ],
}  # fmt: skip


def _is_window_open(site: Site) -> bool:
    with system("test"):
        found = Conversation.objects.filter(number=site.number)
        return found.exclude(last_inbound_at=None).exists()


def test_a_customer_fills_in_a_flow_and_the_inbox_shows_the_answers(site: Site) -> None:
    PICTURES.mkdir(exist_ok=True)
    with system("test"):
        sandbox.write(simulated_phone=site.simulated_phone, number=site.number, text="Hello")
    # The site's own worker applies it.
    while not _is_window_open(site):
        time.sleep(0.05)
    with scope(site.business.pk):
        flow = lifecycle.create(
            site.number.account,
            {"name": "Table", "categories": ["OTHER"], "flow_json": source(TABLE)},
        )
        lifecycle.publish(flow)
        address, _expires = preview_of(flow)
        business = Business.objects.select_related("plan").get(pk=site.business.pk)
        parameters = {
            "flow_message_version": "3", "flow_id": flow.flow_id, "flow_cta": "Book a table",
            "flow_action_payload": {"screen": "TABLE", "data": {"other": ["other"]}},
        }  # fmt: skip
        message = send_message(
            business=business, number=site.number, to=site.simulated_phone.wa_id,
            kind="interactive",
            content={
                "type": "flow", "body": {"text": "Come and eat."},
                "action": {"name": "flow", "parameters": parameters},
            },
        )  # fmt: skip
    phone = site.window(viewport={"width": 390, "height": 844}).new_page()
    phone.goto(f"/phone/{site.simulated_phone.pk}/{site.number.phone_number_id}/")
    phone.get_by_role("link", name="Book a table").click()
    phone.get_by_label("Day").fill("2026-12-24")
    phone.get_by_label("Guests").select_option("4")
    phone.get_by_label("Something else").check()
    phone.get_by_label("Your wish").fill("No nuts")
    phone.screenshot(path=PICTURES / "phone-flow-390.png")
    assert problems_of(phone, "phone-flow", 390) == []
    phone.get_by_role("button", name="Next").click()
    expect(phone.get_by_text("A table for 4 on 2026-12-24.")).to_be_visible()
    phone.get_by_role("button", name="Book").click()
    expect(phone.locator("#flow .error")).to_have_text("Fill this in.")
    phone.screenshot(path=PICTURES / "phone-flow-error-390.png")
    phone.get_by_label("I come or call").check()
    phone.get_by_role("button", name="Book").click()
    expect(phone.locator("#latest")).to_contain_text("No nuts")
    desk = site.window(viewport={"width": 1440, "height": 900}, color_scheme="dark").new_page()
    desk.goto("/inbox/")
    desk.locator(".talk", has_text="Zoe Field").click()
    expect(desk.locator(".answers")).to_contain_text("2026-12-24")
    desk.screenshot(path=PICTURES / "inbox-flow-dark-1440.png")
    desk.goto(address)
    expect(desk.get_by_text("We are open from")).to_be_visible()
    desk.screenshot(path=PICTURES / "flow-preview-dark-1440.png")
    assert problems_of(desk, "flow-preview", 1440) == []
    assert message.pk
