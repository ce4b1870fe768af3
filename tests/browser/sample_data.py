"""A business that has something on every page, and one of everything that an address can name."""

from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.audit import record
from accounts.models import Invitation
from billing.metering import meter
from core.tenancy import scope, system
from hosting.broadcasts import drafts
from hosting.conversations import teamwork
from hosting.models import Broadcast, Contact, Conversation
from shops.catalog import pictures
from shops.models import Catalog, CatalogImport, ImportProblem, Order
from tests.browser.conftest import Site
from tests.factories import make_deliveries, make_template
from tests.hosting.kinds import say_every_kind
from tests.shops.catalog.test_pages import a_picture
from tests.shops.sample_data import make_product
from tests.staging import one_of_everything


def furnish(site: Site) -> dict[str, Any]:
    """Fill the business; returns the names of its rows as addresses hold them."""
    names = one_of_everything(site.business, site.number)
    names |= _month(site) | _chat(site) | _shop(site, names["shop"]) | _list(site)
    with system("test data"):
        record.record(
            action="member.role_changed",
            subject="zoe@example.com",
            business=site.business,
            before={"role": "agent"},
            after={"role": "finance"},
        )
        Invitation.objects.filter(pk=names["invitation"]).update(
            digest=Invitation.digest_of("welcome")
        )
        names["order_token"] = Order.objects.get(pk=names["order"]).token
    return names


def _month(site: Site) -> dict[str, Any]:
    """Last month's charges."""
    last = (datetime.now(UTC).replace(day=1) - timedelta(days=2)).replace(day=10, hour=12)
    make_deliveries(site.business, site.number, 5, at=last)
    while meter.meter_due():
        pass
    return {"month": f"{last:%Y-%m}"}


def _chat(site: Site) -> dict[str, Any]:
    """A thread with every type of message, a note and a label."""
    now = datetime.now(UTC)
    with scope(site.business.pk):
        contact = Contact.objects.create(
            business=site.business, wa_id=site.simulated_phone.wa_id, name=site.simulated_phone.name
        )
        thread = Conversation.objects.create(
            business=site.business,
            number=site.number,
            contact=contact,
            last_inbound_at=now,
            last_message_at=now,
            last_message_text="Two of the rye with the long crust, please",
            unread_count=3,
        )
        said = say_every_kind(thread)
        teamwork.write_note(
            conversation=thread, author=site.owner, text="Knows the owner; likes her rye dark."
        )
        teamwork.add_label(conversation=thread, name="regular")
    return {
        "thread": thread.public_id,
        "contact": contact.pk,
        "simulated_phone": site.simulated_phone.pk,
        "photo": said["image"].content["id"],
        "failed_message": said["failed"].pk,
    }


def _shop(site: Site, slug: str) -> dict[str, Any]:
    """A shop with variants, a sale, a sold-out product, a picture, a collection and a bad feed."""
    with scope(site.business.pk):
        shop = Catalog.objects.get(slug=slug)
        shop.slug, shop.description = "bakery", "Bread since 1908"
        shop.save()
    rye = make_product(
        shop,
        "rye-s",
        450,
        title="Rye loaf with a long crust",
        item_group="rye",
        options={"size": "S"},
        stock=3,
        sale_price_minor=390,
        description="Dark.\n\nKeeps a week.",
        tax_percent=7,
    )
    make_product(
        shop,
        "rye-l",
        800,
        title="Rye loaf with a long crust",
        item_group="rye",
        options={"size": "L"},
    )
    make_product(shop, "bun", 80, title="Bun", stock=0)
    with scope(site.business.pk):
        pictures.add_picture(rye, content=a_picture().read(), mime_type="image/jpeg")
        shop.collections.get(slug="bread").products.add(
            rye, through_defaults={"business_id": site.business.pk}
        )
        job = CatalogImport.objects.create(
            business=site.business,
            catalog=shop,
            filename="spring.csv",
            state="ready",
            total=2,
            bad=1,
            processed=2,
        )
        ImportProblem.objects.create(
            business=site.business,
            job=job,
            row=3,
            column="price",
            value="free",
            reason="Write a number.",
        )
    return {"shop": "bakery", "product": rye.pk, "feed": job.public_id}


def _list(site: Site) -> dict[str, Any]:
    """A broadcast that waits for its review, with lines that were left out."""
    template = make_template(
        site.number, "new_harvest", components=[{"type": "BODY", "text": "Bag {{1}} is ready"}]
    )
    with scope(site.business.pk):
        lines = (
            "\n".join(f"+1415555{n:04},{n}" for n in range(1000, 1020))
            + "\n12,x\n+14155551000,again"
        )
        waiting: Broadcast = drafts.create_draft(
            business=site.business,
            author=site.owner,
            name="New harvest",
            number=site.number,
            template=template,
            text=lines,
        )
    return {"broadcast": waiting.public_id}
