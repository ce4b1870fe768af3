"""Rows for every queue of the registry, and where a planted fault strikes while one is worked
on.
"""

import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
from django.db.models.functions import Now
from PIL import Image

from billing import finance_exports
from core import outbox
from core.models import Email
from core.queue import Queue
from core.queue.work import work
from core.tenancy import scope, system
from hosting.broadcasts import drafts, run
from hosting.exports import jobs as export_jobs
from hosting.imports import jobs as import_jobs
from hosting.inbound import events
from hosting.models import (
    ChatImport,
    Contact,
    Event,
    LimitNotice,
    Message,
    Outgoing,
    ParkedStatus,
    Receipt,
    TemplateSync,
    Webhook,
    WebhookCall,
)
from hosting.privacy import erasure
from shops.catalog import imports as catalog_imports
from shops.models import Catalog, CatalogImport, IncomingOrder, OrderUpdate, Picture, Product
from tests.core import payment_plants
from tests.core.sites import Site
from tests.factories import make_member, make_messages, make_number, make_template
from tests.hosting.receivers import Receiver, Taken
from tests.hosting.upstreams import accepted, make_media_fetch, put_behind
from tests.shops.sample_data import make_catalog, make_order, make_product

NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)
_held = io.BytesIO()
Image.new("RGB", (64, 48)).save(_held, "PNG")
PNG = _held.getvalue()
_count = itertools.count(1)


@dataclass(frozen=True)
class Plant:
    """How a queue is tested: `add` writes a row and returns its key and a marker of it.

    A planted fault strikes at `event` on `table` where `when` holds; it names the marker.
    """

    add: Callable[[Site], tuple[int, str]]
    table: str
    event: str
    when: str


def answer(taken: Taken) -> tuple[int, bytes]:
    """What servers of others say to whatever is posted there."""
    if (said := payment_plants.answer_of(taken)) is not None:
        return said
    return (
        accepted(taken)
        if taken.path.endswith("/messages") and b'"to"' in taken.body
        else (
            200,
            b"{}",
        )
    )


def shown_by(server: Receiver) -> Callable[[Taken], tuple[int, bytes]]:
    """What a server of others shows: files, and where they are."""
    place = {"mime_type": "image/png", "url": server.url.replace("/hook", "/file")}
    files = ("/file", "/picture.png")

    def show(taken: Taken) -> tuple[int, bytes]:
        said = payment_plants.answer_of(taken)
        return said or (200, PNG if taken.path in files else orjson.dumps(place))

    return show


def _message(site: Site, **fields: Any) -> Message:
    n = next(_count)
    (key,) = make_messages(site.number.business, site.number, 1, to=f"1415555{n:04}")
    with system("test"):
        Message.objects.filter(pk=key).update(wamid=f"wamid.plant{n}", **fields)
        return Message.objects.get(pk=key)


def event(site: Site) -> tuple[int, str]:
    n = next(_count)
    text = {
        "from": f"1415555{n:04}",
        "id": f"wamid.in{n}",
        "timestamp": "1778414400",
        "type": "text",
        "text": {"body": f"plant{n}"},
    }
    value = {"metadata": {"phone_number_id": site.number.phone_number_id}, "messages": [text]}
    change = {"field": "messages", "value": value}
    body = orjson.dumps({"entry": [{"id": "1", "changes": [change]}]})
    with system("test"):
        events.store_event(body=body, account_id=site.number.account_id)
        return Event.objects.latest("pk").pk, f"plant{n}"


def parked_status(site: Site) -> tuple[int, str]:
    message = _message(site, status="sent")
    with system("test"):
        row = ParkedStatus.objects.create(
            business_id=site.number.business_id,
            phone_number_id=site.number.phone_number_id,
            wamid=message.wamid,
            status="delivered",
            occurred_at=NOON,
        )
    return row.pk, message.wamid


def outgoing(site: Site, transport: str, state: str = "open", **fields: Any) -> tuple[int, str]:
    message = _message(site, status="accepted", **fields)
    with system("test"):
        Outgoing.objects.create(
            message=message,
            business_id=message.business_id,
            number=site.number,
            transport=transport,
            state=state,
        )
    return message.pk, message.wamid


def link(site: Site) -> tuple[int, str]:
    url = site.server.url.replace("/hook", "/picture.png")
    return outgoing(site, "sandbox", "fetching", kind="image", content={"link": url})


def upstream_message(site: Site) -> tuple[int, str]:
    _behind(site)
    return outgoing(site, "cloudapi", kind="text", content={"body": "Hello"})


def _behind(site: Site) -> None:
    if site.number.transport != "cloudapi":
        put_behind(site.number, site.server, upstream_id=f"5550{next(_count)}")


def receipt(site: Site) -> tuple[int, str]:
    _behind(site)
    wamid = f"wamid.read{next(_count)}"
    with system("test"):
        row = Receipt.objects.create(
            business_id=site.number.business_id, number=site.number, wamid=wamid
        )
    return row.pk, wamid


def media_fetch(site: Site) -> tuple[int, str]:
    _behind(site)
    with system("test"):
        row = make_media_fetch(site.number)
    return row.pk, str(row.pk)


def template_sync(site: Site) -> tuple[int, str]:
    own = make_number(site.number.business)
    upstream = put_behind(own, site.server, upstream_id=f"5550{next(_count)}")
    with system("test"):
        TemplateSync.objects.create(upstream=upstream, business_id=own.business_id)
    return upstream.pk, str(upstream.pk)


def limit_notice(site: Site) -> tuple[int, str]:
    n, business = next(_count), site.number.business
    make_member(business)
    with system("test"):
        row = LimitNotice.objects.create(
            business=business,
            limit="hosted_messages",
            month=date(2000 + n, 5, 1),
            percent=80,
            used=80,
            allowed=100,
        )
    return row.pk, f"80-{row.pk}"


def webhook_call(site: Site) -> tuple[int, str]:
    with system("test"):
        webhook, _ = Webhook.objects.get_or_create(
            business=site.number.business,
            account=site.number.account,
            url=f"{site.server.url}/{next(_count)}",
        )
        row = WebhookCall.objects.create(
            business=site.number.business, webhook=webhook, field="messages", body=b"{}"
        )
    return row.pk, str(row.pk)


def broadcast(site: Site) -> tuple[int, str]:
    n = next(_count)
    template = make_template(
        site.number,
        f"plant_{n}",
        category="marketing",
        components=[{"type": "BODY", "text": "Hello"}],
    )
    with scope(site.number.business_id):
        made = drafts.create_draft(
            business=site.number.business,
            author=None,
            name="Spring",
            number=site.number,
            template=template,
            text=f"+1415557{n:04}\n+1415558{n:04}",
        )
        run.start(broadcast=made)
    return made.pk, str(template.pk)


def _look_through(queue: Queue, model: Any) -> None:
    """Check the file that was just uploaded; those that are checked already stay as they are."""
    running = model.objects.filter(state="running")
    with system("test"):
        running.update(not_before=Now() + timedelta(days=1))
    while work(queue):
        pass
    with system("test"):
        running.update(not_before=Now())


def chat_import(site: Site) -> tuple[int, str]:
    n = next(_count)
    raw = f"13.03.21, 14:05 - Ann: Hello\n13.03.21, 14:06 - Ann: plant{n}\n".encode()
    business = site.number.business
    with scope(business.pk):
        job = import_jobs.create_import(
            business=business, author=None, file=io.BytesIO(raw), filename="chat.txt"
        )
    _look_through(import_jobs.QUEUE, ChatImport)
    with scope(business.pk):
        job = ChatImport.objects.get(pk=job.pk)
        import_jobs.start_import(
            job=job, answers={"contact": f"1415555{n:04}", "business_senders": []}
        )
    return job.pk, f"plant{n}"


def chat_export(site: Site) -> tuple[int, str]:
    _message(site)
    with scope(site.number.business_id):
        job = export_jobs.request_export(
            business=site.number.business,
            author=None,
            wanted=export_jobs.ExportRequest(format="jsonl"),
        )
    return job.pk, str(job.pk)


def customer_erasure(site: Site) -> tuple[int, str]:
    with scope(site.number.business_id):
        contact = Contact.objects.create(
            business=site.number.business, wa_id=f"1415555{next(_count):04}"
        )
        return erasure.request_erasure(contact=contact).pk, str(contact.pk)


def _shop(site: Site) -> Catalog:
    with system("test"):
        found = Catalog.objects.filter(business=site.number.business).first()
    return found or make_catalog(site.number.business, site.number)


def incoming_order(site: Site) -> tuple[int, str]:
    catalog = _shop(site)
    with system("test"):
        known = Product.objects.filter(catalog=catalog, retailer_id="rye").exists()
    if not known:
        make_product(catalog, "rye", 480)
    item = {"product_retailer_id": "rye", "quantity": 1, "item_price": 4.8, "currency": "EUR"}
    message = _message(
        site,
        direction="in",
        category="",
        status="received",
        kind="order",
        content={"catalog_id": catalog.catalog_id, "product_items": [item]},
    )
    with system("test"):
        IncomingOrder.objects.create(message=message, business_id=message.business_id)
    return message.pk, str(message.pk)


def order_update(site: Site) -> tuple[int, str]:
    with system("test"):
        order = make_order(site.number.business, site.number)
        row = OrderUpdate.objects.get(order=order)
    return row.pk, str(row.pk)


def picture(site: Site) -> tuple[int, str]:
    product = make_product(_shop(site), f"p{next(_count)}")
    with system("test"):
        row = Picture.objects.create(
            business_id=product.business_id,
            product=product,
            source_url=site.server.url.replace("/hook", "/picture.png"),
        )
    return row.pk, str(row.pk)


def catalog_import(site: Site) -> tuple[int, str]:
    catalog, marker = _shop(site), f"plant{next(_count)}"
    raw = f"id,title,price\r\n{marker},Rye,4.80 {catalog.currency}\r\n".encode()
    with scope(catalog.business_id):
        job = catalog_imports.create_import(
            catalog=catalog, author=None, file=io.BytesIO(raw), filename="feed.csv"
        )
    _look_through(catalog_imports.QUEUE, CatalogImport)
    with scope(catalog.business_id):
        catalog_imports.start_import(CatalogImport.objects.get(pk=job.pk))
    return job.pk, marker


def finance_export(site: Site) -> tuple[int, str]:
    row = finance_exports.request_export(kind="journal", business=site.number.business)
    return row.pk, str(row.pk)


def email(site: Site) -> tuple[int, str]:
    key = f"plant{next(_count)}"
    content = outbox.Content("test", "Subject", "Text")
    business_id = site.number.business_id
    with scope(business_id):
        outbox.write(content, key=key, recipients=["ann@example.com"], business_id=business_id)
        return Email.objects.get(key=key).pk, key


PLANTS = {
    "emails": Plant(email, "core_email", "UPDATE", "NEW.key = '{marker}' AND NEW.state = 'sent'"),
    "events": Plant(event, "hosting_message", "INSERT", "NEW.text = '{marker}'"),
    "parked_statuses": Plant(parked_status, "hosting_message", "UPDATE", "NEW.wamid = '{marker}'"),
    "sandbox": Plant(
        lambda site: outgoing(site, "sandbox"),
        "hosting_event",
        "INSERT",
        "position('{marker}'::bytea in NEW.body) > 0",
    ),
    "media_links": Plant(link, "hosting_message", "UPDATE", "NEW.wamid = '{marker}'"),
    "outgoing": Plant(upstream_message, "hosting_message", "UPDATE", "NEW.wamid = '{marker}'"),
    "receipts": Plant(receipt, "hosting_receipt", "DELETE", "OLD.wamid = '{marker}'"),
    "media_fetches": Plant(media_fetch, "hosting_media", "UPDATE", "NEW.id = {marker}"),
    "template_syncs": Plant(
        template_sync,
        "hosting_upstream",
        "UPDATE",
        "NEW.id = {marker} AND NEW.synchronised_at IS NOT NULL",
    ),
    "limit_notices": Plant(limit_notice, "core_email", "INSERT", "NEW.key = '{marker}'"),
    "webhook_calls": Plant(
        webhook_call,
        "hosting_webhookcall",
        "UPDATE",
        "NEW.id = {marker} AND NEW.tries <> OLD.tries",
    ),
    "broadcasts": Plant(broadcast, "hosting_message", "INSERT", "NEW.template_id = {marker}"),
    "imports": Plant(chat_import, "hosting_message", "INSERT", "NEW.text = '{marker}'"),
    "exports": Plant(
        chat_export,
        "hosting_chatexport",
        "UPDATE",
        "NEW.id = {marker} AND NEW.parts > OLD.parts",
    ),
    "erasures": Plant(customer_erasure, "hosting_contact", "DELETE", "OLD.id = {marker}"),
    "incoming_orders": Plant(incoming_order, "shops_order", "INSERT", "NEW.message_id = {marker}"),
    "order_updates": Plant(
        order_update,
        "shops_orderupdate",
        "UPDATE",
        "NEW.id = {marker} AND NEW.notified_at IS NOT NULL",
    ),
    "pictures": Plant(
        picture, "shops_picture", "UPDATE", "NEW.id = {marker} AND NEW.media_id IS NOT NULL"
    ),
    "catalog_imports": Plant(
        catalog_import, "shops_product", "INSERT", "NEW.retailer_id = '{marker}'"
    ),
    "finance_exports": Plant(
        finance_export, "billing_export", "UPDATE", "NEW.id = {marker} AND NEW.state = 'done'"
    ),
    "spend_alerts": Plant(
        payment_plants.spend_alert, "core_email", "INSERT", "NEW.key = '{marker}'"
    ),
    "recounts": Plant(
        payment_plants.recount,
        "billing_recount",
        "UPDATE",
        "NEW.id = {marker} AND NEW.finished_at IS NOT NULL",
    ),
    "payments": Plant(
        payment_plants.payment,
        "billing_payment",
        "UPDATE",
        "NEW.key = '{marker}' AND NEW.status = 'succeeded'",
    ),
    "refunds": Plant(
        payment_plants.refund,
        "billing_refund",
        "UPDATE",
        "NEW.key = '{marker}' AND NEW.status = 'succeeded'",
    ),
    "payment_events": Plant(
        payment_plants.payment_event,
        "billing_payment",
        "UPDATE",
        "NEW.key = '{marker}' AND NEW.status = 'succeeded'",
    ),
    "card_pages": Plant(
        payment_plants.card_page,
        "shops_buyerpayment",
        "UPDATE",
        "NEW.id = {marker} AND NEW.status = 'cancelled'",
    ),
    "shop_refunds": Plant(
        payment_plants.shop_refund,
        "shops_buyerrefund",
        "UPDATE",
        "NEW.id = {marker} AND NEW.status = 'succeeded'",
    ),
    "shop_payment_events": Plant(
        payment_plants.shop_payment_event,
        "shops_buyerpayment",
        "UPDATE",
        "NEW.id = {marker} AND NEW.status = 'succeeded'",
    ),
}
