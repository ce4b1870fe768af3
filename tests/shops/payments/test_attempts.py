"""Payments on the pay page: test cards, 3-D Secure question, on delivery, by transfer; once, with
refunds.
"""

import re
from io import BytesIO
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from accounts.models import Plan
from core.errors import ParleyError
from core.tenancy import scope, system
from hosting.models import Message, SimulatedPhone
from shops import fulfilment
from shops.models import (
    BuyerPayment,
    BuyerRefund,
    Cart,
    Catalog,
    Order,
    PaymentStatus,
    PaymentWay,
    Product,
)
from shops.orders import delivery
from shops.payments import attempts, refunds
from shops.tasks import sweep
from tests.shops.chat.test_orders_intake import cart_of, send, settle, shop_messages
from tests.shops.sample_data import make_catalog, make_delivery, make_product, said

pytestmark = pytest.mark.django_db
CARD = {"number": "4242 4242 4242 4242", "expiry": "12/34", "code": "123"}
DECLINED = CARD | {"number": "4000 0000 0000 0002"}
ASKED = CARD | {"number": "4000-0027-6000-3184"}
HOME = {
    "name": "Zoe Field",
    "street": "Main 1",
    "postcode": "10115",
    "city": "Berlin",
    "country": "de",
}


@pytest.fixture
def catalog() -> Catalog:
    catalog = make_catalog(
        currency="USD", takes_cash=True, takes_transfer=True, bank_details="IBAN DE02 1203 0000"
    )
    make_product(catalog, "rye", 480, stock=9, title="Rye bread", tax_percent=7)
    make_product(catalog, "mug", 1190, title="Mug", tax_percent=19)
    return catalog


@pytest.fixture
def order(catalog: Catalog) -> Order:
    """Two breads and a mug: $21.50."""
    with system("test"):
        phone = SimulatedPhone.objects.create(
            business=catalog.business, wa_id="14155550123", name="Zoe"
        )
    send(catalog, phone, "order", cart_of(catalog, ("rye", 2, 4.8), ("mug", 1, 11.9)))
    with system("test"):
        return Order.objects.get()


def fresh(order: Order) -> Order:
    with system("test"):
        return Order.objects.select_related("business", "catalog").get(pk=order.pk)


def post(order: Order, action: str, **given: Any) -> Any:
    return Client().post(reverse(f"shop_pay_{action}", args=[order.token]), given)


def payments(order: Order) -> list[tuple[str, str, int]]:
    with system("test"):
        return list(
            BuyerPayment.objects.filter(order=order).values_list("way", "status", "amount_minor")
        )


def test_a_test_card_pays_once_and_the_receipt_comes_into_the_chat(
    catalog: Catalog, order: Order
) -> None:
    assert post(order, "card", **CARD).status_code == 302
    assert post(order, "card", **CARD).status_code == 409
    paid = fresh(order)
    assert (paid.state, paid.way, paid.paid_minor) == ("confirmed", "card", 2150)
    assert payments(order) == [("card", "succeeded", 2150)]
    settle()
    update, receipt = shop_messages(catalog)[1:]
    assert update["body"]["text"] == "Thank you! $21.50 for your order #1 has arrived."
    assert (receipt["filename"], receipt["caption"]) == (
        f"{catalog.slug}-1.pdf",
        "Receipt for order #1",
    )
    page = Client().get(reverse("shop_pay", args=[order.token]))
    assert "Your payment has arrived." in page.content.decode()
    assert page.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in page.headers["Content-Security-Policy"]
    pdf = Client().get(reverse("shop_receipt", args=[order.token])).content
    words = PdfReader(BytesIO(pdf)).pages[0].extract_text()
    for shown in (
        "Receipt #1",
        "Rye bread",
        "$9.60",
        "Tax 7 % included",
        "$0.63",
        "Tax 19 % included",
        "$1.90",
        "$21.50",
    ):
        assert shown in words
    assert b"4242" not in pdf


def test_a_payment_update_is_sent_even_when_storage_for_the_receipt_is_full(
    catalog: Catalog, order: Order
) -> None:
    with system("test"):
        Plan.objects.filter(pk=catalog.business.plan_id).update(media_megabytes=0)
    assert post(order, "card", **CARD).status_code == 302
    settle()
    assert [one["body"]["text"] for one in shop_messages(catalog)[1:]] == [
        "Thank you! $21.50 for your order #1 has arrived."
    ]
    assert fresh(order).state == "confirmed"


def test_a_declined_card_is_reported_and_another_one_pays(order: Order) -> None:
    assert post(order, "card", **DECLINED).status_code == 302
    assert (
        "The card was declined."
        in Client().get(reverse("shop_pay", args=[order.token])).content.decode()
    )
    assert (fresh(order).state, payments(order)) == ("placed", [("card", "failed", 2150)])
    post(order, "card", **CARD)
    assert fresh(order).paid_minor == 2150
    assert [status for _, status, _ in payments(order)] == ["failed", "succeeded"]


def test_the_banks_question_is_answered_yes_or_no(order: Order) -> None:
    post(order, "card", **ASKED)
    assert payments(order) == [("card", "pending", 2150)]
    page = Client().get(reverse("shop_pay", args=[order.token])).content.decode()
    assert "Do you want to pay $21.50 to Bakery?" in page
    post(order, "confirm", accepted="0")
    assert (fresh(order).paid_minor, payments(order)) == (0, [("card", "failed", 2150)])
    post(order, "card", **ASKED)
    post(order, "confirm", accepted="1")
    assert post(order, "confirm", accepted="1").status_code == 409
    assert (fresh(order).paid_minor, [status for _, status, _ in payments(order)]) == (
        2150,
        ["failed", "succeeded"],
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"number": "4111 1111 1111 1111"}, "Only test cards pay here: 4242 4242 4242 4242."),
        ({"number": ""}, "Only test cards pay here: 4242 4242 4242 4242."),
        ({"expiry": "13/34"}, "Write the expiry as MM/YY."),
        ({"expiry": "01/20"}, "This card has expired."),
        ({"code": "12"}, "The security code has three or four digits."),
    ],
)
def test_a_card_that_cannot_be_is_refused_and_nothing_tried(
    order: Order, change: dict[str, str], expected: str
) -> None:
    refused = post(order, "card", **(CARD | change))
    assert refused.status_code == 400
    assert expected in refused.content.decode()
    assert payments(order) == []


def test_delivery_and_address_come_before_the_payment(catalog: Catalog, order: Order) -> None:
    dispatch = make_delivery(catalog, "Dispatch", 450, countries="DE AT")
    make_delivery(catalog, "Pick-up", 0, needs_address=False)
    assert post(order, "card", **CARD).status_code == 409
    assert payments(order) == []
    for change, field in (
        ({"street": ""}, "street"),
        ({"country": "fr"}, "country"),
        ({"method": "99"}, "method"),
    ):
        refused = post(order, "delivery", **({"method": dispatch.pk} | HOME | change))
        assert (refused.status_code, refused.context["error"].field) == (400, field)
    assert fresh(order).delivery_name == ""
    assert post(order, "delivery", method=dispatch.pk, **HOME).status_code == 302
    chosen = fresh(order)
    assert (chosen.delivery_minor, chosen.total_minor, chosen.address["country"]) == (
        450,
        2600,
        "DE",
    )
    post(order, "card", **CARD)
    assert fresh(order).paid_minor == 2600


def offered(order: Order) -> list[tuple[str, str]]:
    page = Client().get(reverse("shop_pay", args=[order.token])).content.decode()
    return re.findall(r'<option value="([A-Z]{2})" (|selected)>', page)


def test_the_countries_to_choose_from_are_those_that_goods_go_to(
    catalog: Catalog, order: Order
) -> None:
    make_delivery(catalog, "Dispatch", 450, countries="DE AT")
    make_delivery(catalog, "Pick-up", 0, needs_address=False)
    assert offered(order) == [("AT", ""), ("DE", "")], "the buyer's number is of the US"
    make_delivery(catalog, "Courier", 900, countries="us")
    assert offered(order) == [("AT", ""), ("DE", ""), ("US", "selected")]
    make_delivery(catalog, "Worldwide", 2900)
    everywhere = offered(order)
    assert len(everywhere) > 240
    assert [code for code, chosen in everywhere if chosen] == ["US"]


def test_a_method_chosen_in_the_chat_still_asks_where_to(catalog: Catalog, order: Order) -> None:
    dispatch = make_delivery(catalog, "Dispatch", 450)
    with scope(catalog.business_id):
        dispatch.refresh_from_db()
        delivery.choose_delivery(order, method=dispatch)
        assert attempts.lacks_delivery(fresh(order))
    assert post(order, "card", **CARD).status_code == 409
    post(order, "delivery", method=dispatch.pk, **HOME)
    post(order, "card", **CARD)
    assert fresh(order).paid_minor == 2600


def test_cash_and_transfer_confirm_and_the_money_is_noted_when_it_comes(
    catalog: Catalog, order: Order
) -> None:
    assert post(order, "later", way="card").status_code == 400
    assert post(order, "later", way="transfer").status_code == 302
    waiting = fresh(order)
    assert (waiting.state, waiting.way, waiting.paid_minor) == ("confirmed", "transfer", 0)
    settle()
    assert shop_messages(catalog)[-1]["body"]["text"] == (
        "Bakery has your order #1. Please transfer $21.50 and name the order as reference.\n"
        "IBAN DE02 1203 0000"
    )
    with scope(catalog.business_id), pytest.raises(ParleyError):
        fulfilment.ship(waiting)
    with scope(catalog.business_id):
        attempts.record_payment(waiting, reference="statement 7")
    with scope(catalog.business_id), pytest.raises(ParleyError):
        attempts.record_payment(waiting)
    assert fresh(order).paid_minor == 2150
    with scope(catalog.business_id):
        fulfilment.ship(fresh(order), tracking="L-42")
    assert fresh(order).state == "shipped"


def test_cash_is_paid_when_it_is_delivered(catalog: Catalog, order: Order) -> None:
    post(order, "later", way="cash")
    with scope(catalog.business_id):
        for step in (fulfilment.pack, fulfilment.ship, fulfilment.deliver):
            step(fresh(order))
    assert (fresh(order).state, fresh(order).paid_minor, payments(order)) == (
        "delivered",
        2150,
        [("cash", "succeeded", 2150)],
    )
    settle()
    texts = [said(content) for content in shop_messages(catalog)[1:] if "body" in content]
    assert texts == [
        "Bakery has your order #1. Please pay $21.50 when it arrives.",
        "Your order #1 is packed.",
        "Your order #1 is on its way.",
        "Your order #1 has arrived. Enjoy it!",
        "Thank you! $21.50 for your order #1 has arrived.",
    ]


def test_repeated_and_reordered_results_pay_once(catalog: Catalog, order: Order) -> None:
    post(order, "card", **ASKED)
    with system("test"):
        payment = BuyerPayment.objects.get()
    reported = [
        PaymentStatus.SUCCEEDED,
        PaymentStatus.FAILED,
        PaymentStatus.SUCCEEDED,
        PaymentStatus.CANCELLED,
    ]
    for status in reported:
        with scope(catalog.business_id):
            attempts.settle(payment, status=status, reference="pi_1")
    assert payments(order) == [("card", "succeeded", 2150)]
    assert (fresh(order).state, fresh(order).paid_minor) == ("confirmed", 2150)


def test_the_database_refuses_a_second_live_payment(catalog: Catalog, order: Order) -> None:
    post(order, "card", **ASKED)
    with (
        pytest.raises(IntegrityError, match="one_live_payment_per_order"),
        system("test"),
        transaction.atomic(),
    ):
        attempts.new_attempt(order, way=PaymentWay.CARD)


def test_money_for_goods_sold_meanwhile_goes_back_at_once(catalog: Catalog, order: Order) -> None:
    post(order, "card", **ASKED)
    with system("test"), connection.cursor() as cursor:
        cursor.execute("UPDATE shops_order SET state = 'expired'")
        cursor.execute("UPDATE shops_product SET stock = 0 WHERE retailer_id = 'rye'")
    post(order, "confirm", accepted="1")
    late = fresh(order)
    assert (late.state, late.paid_minor, late.refunded_minor) == ("expired", 2150, 2150)


def test_refunds_by_line_and_in_full_never_exceed_what_was_paid(
    catalog: Catalog, order: Order
) -> None:
    with scope(catalog.business_id), pytest.raises(ParleyError, match="Nothing was paid"):
        refunds.refund(order)
    post(order, "card", **CARD)
    with scope(catalog.business_id):
        assert refunds.refund(order, lines={1: 1}, reason="stale").amount_minor == 480
    for wrong in (
        {"lines": {1: 2}},
        {"lines": {9: 1}},
        {"amount_minor": 1671},
        {"amount_minor": 0},
    ):
        with scope(catalog.business_id), pytest.raises(ParleyError):
            refunds.refund(order, **wrong)
    with scope(catalog.business_id):
        assert refunds.refund(order).amount_minor == 1670
    with scope(catalog.business_id), pytest.raises(ParleyError):
        refunds.refund(order)
    with system("test"):
        assert list(BuyerRefund.objects.values_list("amount_minor", "status", "lines")) == [
            (480, "succeeded", {"1": 1}),
            (1670, "succeeded", {}),
        ]
    settle()
    texts = [
        content["body"]["text"]
        for content in shop_messages(catalog)
        if re.search("Refund", str(content.get("body")))
    ]
    assert texts == [
        "Refund issued: $4.80 of your order #1.",
        "Refund issued: $16.70 of your order #1.",
    ]


def test_cancelling_gives_goods_and_money_back(catalog: Catalog, order: Order) -> None:
    post(order, "card", **CARD)
    with scope(catalog.business_id):
        cancelled = fulfilment.cancel(fresh(order), reason="Oven broken")
    assert (cancelled.state, cancelled.refunded_minor) == ("cancelled", 2150)
    with system("test"):
        assert Product.objects.get(retailer_id="rye").stock == 9
    settle()
    ended, refunded = shop_messages(catalog)[-2:]
    assert ended["action"]["parameters"]["order"]["status"] == "canceled"
    # The network refuses another status of an order that is over, so the refund is a text.
    assert "action" not in refunded
    texts = [said(ended), said(refunded)]
    assert texts == [
        "Your order #1 was cancelled.\nOven broken",
        "Refund issued: $21.50 of your order #1.",
    ]


def test_an_expired_order_cannot_be_paid(order: Order) -> None:
    with system("test"), connection.cursor() as cursor:
        cursor.execute("UPDATE shops_order SET state = 'expired'")
    refused = post(order, "card", **CARD)
    assert refused.status_code == 409
    assert "Please send your cart again." in refused.content.decode()
    assert payments(order) == []


def test_a_status_after_the_window_goes_as_a_template_or_is_noted(
    catalog: Catalog, order: Order
) -> None:
    from tests.factories import make_template

    post(order, "later", way="cash")
    with system("test"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE hosting_conversation SET last_inbound_at = now() - interval '2 days'"
        )
    settle()
    with system("test"):
        (note,) = order.notes.values_list("text", flat=True)
    assert note.startswith("The buyer was not notified: More than 24 hours")
    words = [{"type": "BODY", "text": "News of your order {{1}}: {{2}}"}]
    make_template(catalog.number, "order_status_update", components=words)
    with scope(catalog.business_id):
        fulfilment.ship(fresh(order))
    settle()
    with system("test"):
        last = Message.objects.filter(direction="out").latest("id")
    assert (last.kind, last.text) == (
        "template",
        "News of your order #1: Your order #1 is on its way.",
    )


def test_test_cards_pay_only_in_the_sandbox(catalog: Catalog, order: Order) -> None:
    with system("test"):
        Catalog.objects.update(stripe_key="sk_test_x")
    assert post(order, "card", **CARD).status_code == 409
    assert payments(order) == []


def test_an_unpaid_order_expires_releases_its_goods_and_notifies_the_buyer(
    catalog: Catalog, order: Order
) -> None:
    post(order, "card", **ASKED)
    sweep()
    assert (fresh(order).state, payments(order)) == ("placed", [("card", "pending", 2150)])
    with system("test"):
        Order.objects.update(expires_at=timezone.now())
    sweep()
    assert (fresh(order).state, payments(order)) == ("expired", [("card", "cancelled", 2150)])
    with system("test"):
        assert Product.objects.get(retailer_id="rye").stock == 9
    settle()
    assert shop_messages(catalog)[-1]["body"]["text"] == (
        "Your order #1 was not paid in time, so its goods are free for others again."
    )


def test_expired_carts_are_deleted_unless_they_became_orders(
    catalog: Catalog, order: Order
) -> None:
    with system("test"):
        kept = Cart.objects.create(business=catalog.business, catalog=catalog)
        Order.objects.update(cart=kept)
        Cart.objects.create(business=catalog.business, catalog=catalog)
        Cart.objects.update(expires_at=timezone.now())
    sweep()
    with system("test"):
        assert list(Cart.objects.values_list("pk", flat=True)) == [kept.pk]
