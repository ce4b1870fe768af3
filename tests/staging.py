"""A business with one of everything that an address can name."""

from typing import Any

from accounts.models import ApiKey, Business, Invitation, Membership
from billing import pay_links
from billing.invoices import close, credit_notes
from billing.metering import meter
from billing.models import Export, Invoice
from core.tenancy import system
from hosting.models import (
    Broadcast,
    CannedReply,
    ChatExport,
    ChatImport,
    Conversation,
    Label,
    Media,
    Message,
    Number,
    SimulatedPhone,
    Template,
    Webhook,
)
from hosting.webhooks import delivery
from shops.models import Catalog, CatalogImport
from tests.factories import make_deliveries, make_key, make_member, make_template
from tests.shops.sample_data import make_catalog, make_delivery, make_order, make_product

PREVIEW = {
    "senders": [],
    "day_orders": ["dmy"],
    "guess": {"number": "", "contact": "", "time_zone": "UTC"},
}


def one_of_everything(business: Business, number: Number) -> dict[str, Any]:
    """Create rows of every kind; returns their ids in URLs, such as {"thread": <public id>}."""
    spare, template = make_member(business), make_template(number)
    key = make_key(business)
    message = make_deliveries(business, number, 2)[0]
    meter.meter_due()
    with system("test data"):
        month = Message.objects.get(pk=message).created_at.date().replace(day=1)
        close.close_period(business=Business.objects.get(pk=business.pk), month=month)
        shop = make_catalog(business, number)
        return {
            "key": ApiKey.objects.get(prefix=key[7:15]).pk,
            "member": Membership.objects.get(user=spare).pk,
            "message": message,
            "template": template.template_id,
            "number": number.phone_number_id,
            "waba": number.account.waba_id,
            **_chats(business, number, template),
            **_wiring(business, number),
            **_shop(business, number, shop),
            **_money(business),
            "invitation": Invitation.objects.create(
                business=business,
                email="x@example.com",
                role="agent",
                digest=b"x" * 32,
                invited_by=spare,
            ).pk,
        }


def _chats(business: Business, number: Number, template: Template) -> dict[str, Any]:
    thread = Conversation.objects.get(business=business)
    sent = Broadcast.objects.create(business=business, name="x", number=number, template=template)
    job = ChatImport.objects.create(
        business=business, filename="chat.txt", source="whatsapp", state="ready", preview=PREVIEW
    )
    return {
        "thread": thread.public_id,
        "contact": thread.contact_id,
        "media": Media.objects.create(
            business=business, mime_type="image/png", size=1, sha256="0" * 64
        ).media_id,
        "simulated_phone": SimulatedPhone.objects.create(
            business=business, wa_id="14155550100", name="Phone"
        ).pk,
        "canned": CannedReply.objects.create(
            business=business, shortcut="hours", text="8 to 18"
        ).pk,
        "label": Label.objects.create(business=business, name="urgent").pk,
        "import": job.public_id,
        "export": ChatExport.objects.create(business=business, format="csv", title="All").public_id,
        "broadcast": sent.public_id,
    }


def _wiring(business: Business, number: Number) -> dict[str, Any]:
    webhook = Webhook.objects.create(
        business=business, account=number.account, url="http://127.0.0.1:9/"
    )
    return {
        "webhook": webhook.public_id,
        "call": delivery.send_sample(webhook, field="messages").public_id,
    }


def _shop(business: Business, number: Number, shop: Catalog) -> dict[str, Any]:
    feed = CatalogImport.objects.create(
        business=business, catalog=shop, filename="x.csv", state="ready"
    )
    return {
        "order": make_order(business, number).pk,
        "shop": shop.slug,
        "feed": feed.public_id,
        "product": make_product(shop, "rye").pk,
        "delivery": make_delivery(shop).pk,
        "collection": shop.collections.create(business=business, name="Bread", slug="bread").pk,
    }


def _money(business: Business) -> dict[str, Any]:
    invoice = Invoice.objects.get(business=business)
    note = credit_notes.credit(invoice=invoice, reason="test", amounts={1: 1})
    return {
        "invoice": invoice.number,
        "credit_note": note.number,
        "pay_token": pay_links.pay_path(invoice).split("/")[2],
        "finance_export": Export.objects.create(business=business, kind="journal").pk,
    }
