"""One of two Parleys in a chain: seeds its own database, works its queues, and does what it is
told, a line at a time.

Run as `python -m tests.hosting.chained`: reads JSON lines `{"do": name, ...}`, answers each once.
"""

import base64
import json
import os
import select
import sys
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from accounts.models import ApiKey, Business  # noqa: E402
from billing.metering import meter  # noqa: E402
from billing.models import Charge  # noqa: E402
from core.tenancy import system  # noqa: E402
from hosting.inbound import events, upstream_media  # noqa: E402
from hosting.media import store  # noqa: E402
from hosting.message_templates import upstream_sync  # noqa: E402
from hosting.models import (  # noqa: E402
    Account,
    Block,
    Conversation,
    Media,
    Message,
    Number,
    SimulatedPhone,
    Template,
    Upstream,
)
from hosting.transports import cloudapi, receipts, sandbox  # noqa: E402
from hosting.webhooks import delivery, subscriptions  # noqa: E402
from shops.chat import orders_intake  # noqa: E402
from shops.models import Catalog, Order  # noqa: E402

PRESS = {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Thanks"}]}
TEMPLATE = {
    "name": "order_update",
    "language": "en_US",
    "category": "utility",
    "status": "APPROVED",
    "components": [{"type": "BODY", "text": "Order {{1}} is ready"}, PRESS],
}


def seed(name: str, digits: str, upstream: dict[str, str] | None = None) -> dict[str, str]:
    """A business with one number, behind an upstream or in the sandbox with one phone."""
    business = Business.objects.create(name=name, plan_id="business")
    account = Account.objects.create(business=business, name=name)
    number = Number.objects.create(
        business=business, account=account, verified_name=name, digits=digits
    )
    if upstream:
        # Its templates are the upstream's, and come from there.
        Number.objects.update(transport="cloudapi", upstream_id=upstream.pop("phone_number_id"))
        Upstream.objects.create(business=business, account=account, **upstream)
    else:
        Template.objects.create(business=business, account=account, **TEMPLATE)
        SimulatedPhone.objects.create(
            business=business, wa_id="14155550199", name="Sheena Nelson", reads_at_once=True
        )
    return {
        "waba_id": account.waba_id,
        "phone_number_id": number.phone_number_id,
        "app_secret": account.app_secret,
        "verify_token": account.verify_token,
        "token": ApiKey.issue(business, name="chain")[1],
    }


def subscribe(url: str, verify_token: str) -> None:
    """Send the account's webhooks there, once it has answered the challenge."""
    account = Account.objects.get()
    subscriptions.challenge(url=url, verify_token=verify_token, business_id=account.business_id)
    subscriptions.subscribe(account=account, url=url, verify_token=verify_token)


def customer(kind: str, content: dict[str, Any], about: str = "") -> str:
    """The customer sends something from the simulated phone; `about` is a text it answers to."""
    number = Number.objects.select_related("account", "business").get()
    context = Message.objects.get(text=about).wamid if about else ""
    simulated_phone = SimulatedPhone.objects.select_related("business").get()
    return sandbox.send_from_phone(
        simulated_phone=simulated_phone, number=number, kind=kind, content=content, context=context
    )


def picture(content: str) -> str:
    """The customer sends a picture (base64) from the simulated phone."""
    business = Business.objects.get()
    media = store.store_media(
        business=business, content=base64.b64decode(content), mime_type="image/png"
    )
    held = {
        "id": media.media_id,
        "mime_type": media.mime_type,
        "sha256": media.sha256,
        "caption": "Is it this one?",
    }
    return customer("image", held)


def block(wa_id: str) -> None:
    """The number takes nothing for that customer."""
    number = Number.objects.get()
    Block.objects.create(business_id=number.business_id, number=number, wa_id=wa_id)


def open_shop(upstream_id: str) -> str:
    """A shop whose catalogue the upstream knows by that id, with the product of the customer's
    order; returns our id.
    """
    number = Number.objects.get()
    names = {
        "business_id": number.business_id,
        "name": "Bakery",
        "slug": "bakery",
        "currency": "USD",
    }
    catalog = Catalog.objects.create(number=number, upstream_id=upstream_id, **names)
    catalog.products.create(
        business_id=number.business_id,
        retailer_id="di9ozbzfi4",
        title="Cake",
        price_minor=3000,
        stock=5,
    )
    return catalog.catalog_id


def take() -> list[list[Any]]:
    """Make orders of what was sent; returns them as catalogue, total, what is left of the first
    product.
    """
    orders_intake.process_due()
    rows = Order.objects.values_list("catalog__catalog_id", "total_minor", "lines__product__stock")
    return [list(row) for row in rows]


def synchronise() -> None:
    """Fetch the upstream's templates now."""
    upstream_sync.request_sync(Account.objects.get())


def report() -> dict[str, Any]:
    """Every message, the SHA-256 of their files, what is unread, and the charges of those that
    were metered.
    """
    rows = Message.objects.order_by("id").values_list(
        "direction", "kind", "text", "status", "wamid", "context_wamid"
    )
    held = Message.objects.filter(kind="image").order_by("id").values_list("content__id", flat=True)
    files = dict(Media.objects.filter(is_ready=True).values_list("media_id", "sha256"))
    return {
        "messages": [list(row) for row in rows],
        "charges": Charge.objects.count(),
        "files": [files.get(media_id) for media_id in held],
        "unread": sum(Conversation.objects.values_list("unread_count", flat=True)),
        "templates": list(Template.objects.order_by("name").values_list("name", "status")),
    }


def work() -> int:
    """One round through all queues."""
    verbs = (
        upstream_sync.synchronise_due,
        sandbox.deliver_due,
        cloudapi.deliver_due,
        events.apply_due,
        events.unpark,
        upstream_media.retrieve_due,
        receipts.pass_due,
        delivery.call_due,
        meter.meter_due,
    )
    return sum(verb() for verb in verbs)


def main() -> None:
    """Work until the input ends."""
    todo: dict[str, Any] = {
        "seed": seed,
        "subscribe": subscribe,
        "customer": customer,
        "picture": picture,
        "block": block,
        "synchronise": synchronise,
        "report": report,
        "open_shop": open_shop,
        "take": take,
    }
    while True:
        if select.select([sys.stdin], [], [], 0 if work() else 0.05)[0]:
            line = sys.stdin.readline()
            if not line:
                return
            asked = json.loads(line)
            with system("a test"):
                answer = todo[asked.pop("do")](**asked)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
