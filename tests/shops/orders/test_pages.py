"""Orders in the dashboard and the API: contents, steps and their refusals, refunds, webhooks."""

from typing import Any

import orjson
import pytest
from django.test import Client
from django.urls import reverse

from core.tenancy import scope, system
from hosting.models import SimulatedPhone, Webhook, WebhookCall
from shops.chat.order_updates import order_facts
from shops.models import Catalog, Order, OrderNote
from shops.payments import attempts
from tests.factories import make_client, make_key
from tests.shops.chat.test_orders_intake import cart_of, send, settle, shop_messages
from tests.shops.payments.test_attempts import CARD
from tests.shops.sample_data import make_catalog, make_product

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog() -> Catalog:
    catalog = make_catalog(currency="USD", takes_cash=True)
    make_product(catalog, "rye", 480, title="Rye bread", stock=9)
    return catalog


@pytest.fixture
def order(catalog: Catalog) -> Order:
    """Two breads: $9.60."""
    with system("test"):
        phone = SimulatedPhone.objects.create(
            business=catalog.business, wa_id="14155550123", name="Zoe Field"
        )
        Webhook.objects.create(
            business=catalog.business, account=catalog.number.account, url="http://127.0.0.1:9/"
        )
    send(catalog, phone, "order", cart_of(catalog, ("rye", 2, 4.8)))
    return fresh()


@pytest.fixture
def client(catalog: Catalog) -> Client:
    return make_client(catalog.business, "agent")


@pytest.fixture
def program(catalog: Catalog) -> Client:
    return Client(headers={"Authorization": f"Bearer {make_key(catalog.business)}"})


def fresh() -> Order:
    with system("test"):
        return Order.objects.select_related(
            "business", "catalog__number", "conversation__contact"
        ).get()


def pay(order: Order) -> None:
    with scope(order.business_id):
        attempts.pay_by_test_card(order, **CARD)


def act(client: Client, order: Order, action: str, **given: Any) -> list[str]:
    """Submit a form of the order's page, and the page that asks again; returns the messages."""
    address = reverse("shop_order_act", args=[order.pk, action])
    answer = client.post(address, given, follow=True)
    if "once" in answer.context:
        again = {name: answer.context[name] for name in ("once",)}
        again |= dict(answer.context["given"]) | {"expected": answer.context["amount_minor"]}
        answer = client.post(address, again, follow=True)
    return [str(message) for message in answer.context["messages"]]


def events(order: Order) -> list[dict[str, Any]]:
    """Events about orders in the business's webhook outbox."""
    with system("test"):
        calls = WebhookCall.objects.filter(business_id=order.business_id, field="orders").order_by(
            "id"
        )
        return [orjson.loads(bytes(call.body))["entry"][0]["changes"][0]["value"] for call in calls]


def test_an_empty_page_offers_one_button(client: Client) -> None:
    page = client.get(reverse("shop_orders")).content.decode()
    assert "No orders yet" in page
    assert page.count('class="button primary"') == 1


def test_the_board_and_the_list_show_the_order(client: Client, order: Order) -> None:
    board = client.get(reverse("shop_orders"))
    assert [
        (column["state"], column["count"], len(column["orders"]))
        for column in board.context["columns"]
    ] == [
        ("placed", 1, 1),
        ("confirmed", 0, 0),
        ("packed", 0, 0),
        ("shipped", 0, 0),
    ]
    for found, query in (
        (1, {}),
        (1, {"q": "#1"}),
        (1, {"q": "zoe"}),
        (0, {"q": "7"}),
        (0, {"state": "packed"}),
    ):
        listed = client.get(reverse("shop_orders"), {"view": "list"} | query)
        assert len(listed.context["rows"]) == found, query


def test_an_order_goes_step_by_step_beside_its_conversation(client: Client, order: Order) -> None:
    assert act(client, order, "ship") == ["An order that is placed cannot become shipped."]
    assert fresh().state == "placed"
    pay(order)
    page = client.get(reverse("shop_order", args=[order.pk]))
    assert page.context["steps"] == {"packed", "shipped", "delivered", "cancelled"}
    assert f"/inbox/{order.conversation.public_id}/" in page.content.decode()
    assert act(client, order, "pack") == []
    assert act(client, order, "ship", tracking="L-42") == []
    assert (fresh().state, fresh().tracking) == ("shipped", "L-42")
    assert act(client, order, "cancel") == ["An order that is shipped cannot become cancelled."]
    assert act(client, order, "deliver") == []
    assert fresh().state == "delivered"
    assert client.post(reverse("shop_order_act", args=[order.pk, "burn"])).status_code == 404


def test_refunds_by_line_by_amount_and_the_rest(client: Client, order: Order) -> None:
    assert act(client, order, "refund", all="1") == ["Nothing was paid for this order."]
    pay(order)
    assert act(client, order, "refund") == ["Choose lines, an amount, or all that is left."]
    assert act(client, order, "refund", **{"line-1": "0", "amount": " "}) == [
        "Choose lines, an amount, or all that is left."
    ]
    assert fresh().refunded_minor == 0
    assert act(client, order, "refund", **{"line-1": "1"}, reason="stale") == []
    assert fresh().refunded_minor == 480
    assert act(client, order, "refund", amount="1,30") == []
    for amount, answer in (
        ("4.80", "Between 1 and 350 can be refunded (in the smallest unit)."),
        ("1.234", "Write the amount in digits, such as 4.80."),
        ("NaN", "Write the amount in digits, such as 4.80."),
        ("-1", "Between 1 and 350 can be refunded (in the smallest unit)."),
    ):
        assert act(client, order, "refund", amount=amount) == [answer]
    assert fresh().refunded_minor == 610
    assert act(client, order, "refund", all="1") == []
    assert fresh().refunded_minor == 960


def test_a_refund_names_its_amount_before_it_is_made_and_a_double_click_makes_one(
    client: Client, order: Order
) -> None:
    pay(order)
    address = reverse("shop_order_act", args=[order.pk, "refund"])
    asked = client.post(address, {"line-1": "1", "reason": "stale"})
    page = asked.content.decode()
    assert "Refund $4.80?" in page
    assert fresh().refunded_minor == 0
    given = {"line-1": "1", "reason": "stale", "once": asked.context["once"], "expected": "480"}
    for _ in range(2):
        assert client.post(address, given).status_code == 302
    assert fresh().refunded_minor == 480
    # What is left changed after the page had named it.
    late = {"all": "1", "once": "another", "expected": "960"}
    answer = client.post(address, late, follow=True)
    assert [str(one) for one in answer.context["messages"]] == [
        "What is left to refund has changed. Look at the amount again."
    ]
    assert fresh().refunded_minor == 480


def test_notes_are_kept_and_empty_ones_are_not(client: Client, order: Order) -> None:
    assert act(client, order, "note", text="  ") == ["A note has from 1 to 2,000 characters."]
    assert act(client, order, "note", text="Rings twice") == []
    with system("test"):
        assert list(OrderNote.objects.values_list("text", flat=True)) == ["Rings twice"]
    assert "Rings twice" in client.get(reverse("shop_order", args=[order.pk])).content.decode()


def test_the_api_reads_and_changes_orders(program: Client, order: Order) -> None:
    listed = program.get("/api/v1/orders/", {"state": "placed", "wa_id": "14155550123"}).json()
    with system("test"):
        facts = order_facts(fresh())
    assert listed == {"data": [facts], "next": None}
    assert (facts["number"], facts["total_minor"], facts["lines"][0]["product_retailer_id"]) == (
        1,
        960,
        "rye",
    )
    assert program.get(f"/api/v1/orders/{order.pk}/").json() == facts
    assert program.get("/api/v1/orders/", {"state": "packed"}).json()["data"] == []
    assert program.get("/api/v1/orders/", {"state": "x"}).json()["error"]["field"] == "state"

    def step(**body: Any) -> Any:
        return program.post(
            f"/api/v1/orders/{order.pk}/steps/", body, content_type="application/json"
        )

    assert (step(to="packed").status_code, step(to="flown").status_code) == (409, 400)
    pay(order)
    assert step(to="shipped", tracking="L-42").json()["tracking"] == "L-42"
    assert fresh().state == "shipped"

    def refund(**body: Any) -> Any:
        return program.post(
            f"/api/v1/orders/{order.pk}/refunds/", body, content_type="application/json"
        )

    assert refund(lines={"1": 1}).json()["refunded_minor"] == 480
    refusals = [
        refund(amount_minor=481),
        refund(lines={"x": 1}),
        refund(lines={"1": 9}),
        refund(amount_minor=0),
    ]
    assert [answer.status_code for answer in refusals] == [400] * 4
    assert fresh().refunded_minor == 480


def test_a_key_of_the_shop_neither_refunds_nor_cancels(catalog: Catalog, order: Order) -> None:
    reader = Client(
        headers={
            "Authorization": f"Bearer {make_key(catalog.business, scopes=['shop', 'messages'])}"
        }
    )
    assert reader.get(f"/api/v1/orders/{order.pk}/").status_code == 200
    answer = reader.post(
        f"/api/v1/orders/{order.pk}/steps/", {"to": "cancelled"}, content_type="application/json"
    )
    assert (answer.status_code, fresh().state) == (403, "placed")
    answer = reader.post(f"/api/v1/orders/{order.pk}/refunds/", {}, content_type="application/json")
    assert (answer.status_code, fresh().refunded_minor) == (403, 0)
    other = Client(
        headers={"Authorization": f"Bearer {make_key(catalog.business, scopes=['messages'])}"}
    )
    assert other.get(f"/api/v1/orders/{order.pk}/").status_code == 403


def test_webhooks_report_each_update_once_and_in_order(client: Client, order: Order) -> None:
    pay(order)
    act(client, order, "ship")
    act(client, order, "refund", amount="1")
    settle()
    settle()
    sent = events(order)
    assert [event["event"] for event in sent] == [
        "order.placed",
        "order.paid",
        "order.confirmed",
        "order.shipped",
        "order.refunded",
    ]
    assert (sent[-1]["id"], sent[-1]["wa_id"], sent[-1]["refunded_minor"]) == (
        order.pk,
        "14155550123",
        100,
    )


def test_erasing_a_buyer_keeps_the_order_without_a_name(catalog: Catalog, order: Order) -> None:
    from hosting.privacy import erasure

    with system("test"):
        Order.objects.update(address={"name": "Zoe Field", "street": "Main 1"}, buyer_note="Ring")
    with scope(catalog.business_id):
        erasure.request_erasure(contact=order.conversation.contact)
    assert erasure.erase_due() == 1
    left = fresh()
    assert (left.conversation, left.address, left.buyer_note, left.total_minor) == (
        None,
        {},
        "",
        960,
    )
    assert shop_messages(catalog) == []
