"""Rows for the queues of payments, refunds and the payment networks' webhooks, and what Stripe says
about them.
"""

import itertools
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from accounts.models import Business
from billing.invoices import close
from billing.invoices.close import next_month
from billing.metering import reconciliation
from billing.models import (
    CashReceipt,
    GatewayEvent,
    Invoice,
    Payment,
    PaymentMethod,
    PaymentStatus,
    Period,
    Refund,
    SpendAlert,
)
from core.tenancy import scope, system
from shops.models import BuyerPayment, BuyerRefund, Catalog, Order, PaymentWay, ShopGatewayEvent
from shops.models import PaymentStatus as BuyerStatus
from shops.payments import attempts
from tests.core.sites import Site
from tests.factories import make_member
from tests.hosting.receivers import Taken
from tests.shops.sample_data import make_order

MAY = date(2026, 5, 1)
_count = itertools.count(1)


def stripe_says(path: str, body: bytes = b"") -> tuple[int, bytes] | None:
    """Answers of Stripe, where every card pays and every refund succeeds; None elsewhere."""
    parts = urlsplit(path).path.strip("/").split("/")
    if parts[0] != "v1":
        return None
    return 200, orjson.dumps(_object(parts[1:], parse_qs(body.decode())))


def _object(parts: list[str], form: dict[str, list[str]]) -> dict[str, Any]:
    key = form.get("metadata[parley_key]", [""])[0]
    if parts[:2] == ["checkout", "sessions"]:
        closed = parts[-1] == "expire"
        return {
            "id": parts[2],
            "object": "checkout.session",
            "mode": "payment",
            "status": "expired" if closed else "complete",
            "payment_status": "unpaid" if closed else "paid",
            "payment_intent": f"pi_of_{parts[2]}",
            "setup_intent": None,
        }
    if not form:
        return {"object": "list", "data": [], "has_more": False, "url": "/v1/payment_intents"}
    return {
        "id": f"of_{key}",
        "object": parts[0].rstrip("s"),
        "status": "succeeded",
        "metadata": {"parley_key": key},
    }


def invoice(business: Business) -> Invoice:
    """The invoice of the business's next month: $49.00."""
    with system("test"):
        Business.objects.filter(pk=business.pk).update(plan_id="team", timezone="UTC")
        business.refresh_from_db()
        closed = Period.objects.filter(business=business, state="closed").order_by("month").last()
    month = next_month(closed.month) if closed else MAY
    closed_with = close.close_period(business=business, month=month)
    assert closed_with is not None
    return closed_with


def _payment(business: Business, **fields: Any) -> Payment:
    n, owed = next(_count), invoice(business)
    return Payment.objects.create(
        business=business,
        invoice=owed,
        attempt=1,
        method=PaymentMethod.STRIPE,
        amount_minor=owed.total_minor,
        currency=owed.currency,
        key=f"plant-{n}",
        **fields,
    )


def payment(site: Site) -> tuple[int, str]:
    with system("test"):
        row = _payment(site.number.business)
    return row.pk, row.key


def refund(site: Site) -> tuple[int, str]:
    n, business = next(_count), site.number.business
    with system("test"):
        receipt = CashReceipt.objects.create(
            business=business,
            method=PaymentMethod.STRIPE,
            currency="USD",
            amount_minor=500,
            value_date=MAY,
            reference=f"pi_plant{n}",
            key=f"plant-{n}",
        )
        row = Refund.objects.create(
            business=business,
            receipt=receipt,
            method=PaymentMethod.STRIPE,
            currency="USD",
            amount_minor=500,
            key=f"plant-refund-{n}",
        )
    return row.pk, row.key


def payment_event(site: Site) -> tuple[int, str]:
    page = f"cs_plant{next(_count)}"
    with system("test"):
        made = _payment(site.number.business, status=PaymentStatus.PENDING, reference=page)
        row = GatewayEvent.objects.create(
            event_id=f"evt_{page}", kind="checkout.session.completed", object_id=page
        )
    return row.pk, made.key


def spend_alert(site: Site) -> tuple[int, str]:
    n, business = next(_count), site.number.business
    make_member(business)
    with system("test"):
        row = SpendAlert.objects.create(
            business=business,
            month=MAY.replace(year=2000 + n),
            percent=80,
            limit_micros=10_000_000,
            spent_micros=8_000_000,
        )
    return row.pk, f"alert-{row.pk}"


def recount(site: Site) -> tuple[int, str]:
    row = reconciliation.request_recount(month=MAY)
    return row.pk, str(row.pk)


def unpaid_order(site: Site, page: str) -> tuple[Order, BuyerPayment]:
    """An order in a new shop with a key of Stripe, and an attempt to pay it by this page."""
    with system("test"):
        order = make_order(site.number.business, site.number)
        Catalog.objects.filter(pk=order.catalog_id).update(stripe_key="sk_test_seller")
        order = Order.objects.select_related("business", "catalog").get(pk=order.pk)
    with scope(order.business_id):
        row = attempts.new_attempt(order, way=PaymentWay.CARD, status=BuyerStatus.PENDING)
        BuyerPayment.objects.filter(pk=row.pk).update(reference=page)
    return order, row


def card_page(site: Site) -> tuple[int, str]:
    order, row = unpaid_order(site, f"cs_plant{next(_count)}")
    with system("test"):
        Order.objects.filter(pk=order.pk).update(expires_at=order.placed_at)
    return row.pk, str(row.pk)


def shop_refund(site: Site) -> tuple[int, str]:
    n = next(_count)
    order, paid = unpaid_order(site, f"cs_plant{n}")
    with scope(order.business_id):
        attempts.settle(paid, status=BuyerStatus.SUCCEEDED)
        row = BuyerRefund.objects.create(
            business_id=order.business_id, payment=paid, amount_minor=100, key=f"plant-{n}"
        )
    return row.pk, str(row.pk)


def shop_payment_event(site: Site) -> tuple[int, str]:
    page = f"cs_plant{next(_count)}"
    order, waiting = unpaid_order(site, page)
    with system("test"):
        row = ShopGatewayEvent.objects.create(
            business_id=order.business_id,
            catalog_id=order.catalog_id,
            event_id=f"evt_{page}",
            object_id=page,
        )
    return row.pk, str(waiting.pk)


def answer_of(taken: Taken) -> tuple[int, bytes] | None:
    """What Stripe says to a request; None where it was not asked."""
    return stripe_says(taken.path, taken.body)
