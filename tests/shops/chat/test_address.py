"""Addresses asked for in the chat: forms in the network's shapes set it, invalid ones are asked
again.
"""

from typing import Any

import orjson
import pytest
from django.test import Client
from django.urls import reverse

from core.tenancy import scope, system
from hosting.models import Message, Number, SimulatedPhone
from shops.chat import address as chat_address
from shops.models import Catalog, IncomingOrder, Order
from tests.factories import make_member
from tests.shops.chat.test_orders_intake import cart_of, send, settle, shop_messages
from tests.shops.sample_data import make_catalog, make_delivery, make_product

pytestmark = pytest.mark.django_db
# The fields of Meta's documentation of address messages (India), with a saved address's id beside
# them.
INDIAN = {
    "name": "Asha Rao",
    "phone_number": "+919820000000",
    "in_pin_code": "400063",
    "floor_number": "8",
    "building_name": "",
    "address": "Wing A, Film City Road",
    "landmark_area": "Goregaon",
    "city": "Mumbai",
    "state": "Maharashtra",
}
ELSEWHERE = {"name": "Zoe Field", "address": "Main 1", "postal_code": "05401", "city": "Burlington"}


@pytest.fixture
def catalog() -> Catalog:
    catalog = make_catalog(currency="USD", takes_cash=True)
    make_product(catalog, "rye", 480, stock=20)
    make_delivery(catalog, "Dispatch", 450)
    return catalog


@pytest.fixture
def phone(catalog: Catalog) -> SimulatedPhone:
    return make_phone(catalog, "14155550123")


def make_phone(catalog: Catalog, digits: str) -> SimulatedPhone:
    with system("test"):
        return SimulatedPhone.objects.create(business=catalog.business, wa_id=digits, name="Zoe")


def order(catalog: Catalog, phone: SimulatedPhone) -> dict[str, Any]:
    """Send a cart; returns the parameters of the form that comes back."""
    send(catalog, phone, "order", cart_of(catalog, ("rye", 1, 4.8)))
    return form(shop_messages(catalog)[-1])


def form(content: dict[str, Any]) -> dict[str, Any]:
    assert content["type"] == "address_message"
    return content["action"]["parameters"]  # type: ignore[no-any-return]


def reply(values: Any, *, name: str = "address_message", raw: str | None = None) -> dict[str, Any]:
    """An `nfm_reply` as the network sends it: the values are JSON in a string."""
    filled = (
        {"saved_address_id": "address1", "values": values} if name == "address_message" else values
    )
    text = orjson.dumps(filled).decode() if raw is None else raw
    return {"type": "nfm_reply", "nfm_reply": {"name": name, "body": "Sent", "response_json": text}}


def answer(catalog: Catalog, phone: SimulatedPhone, values: Any, **how: Any) -> None:
    send(catalog, phone, "interactive", reply(values, **how))


def address() -> dict[str, Any]:
    with system("test"):
        return dict(Order.objects.latest("id").address)


def test_a_form_asks_where_to_and_its_answer_fills_the_order(
    catalog: Catalog, phone: SimulatedPhone
) -> None:
    assert order(catalog, phone) == {"country": "US"}
    [request] = shop_messages(catalog)
    assert request["body"]["text"] == "Where shall we bring your order #1?"
    answer(catalog, phone, ELSEWHERE)
    home = {
        "name": "Zoe Field",
        "street": "Main 1",
        "city": "Burlington",
        "postcode": "05401",
        "country": "US",
    }
    assert address() == home
    # Payment is asked for once the address is known, and once.
    thanks, payment = shop_messages(catalog)[1:]
    assert thanks == {
        "body": "Thank you. Your order #1 comes to:\n"
        "Zoe Field\nMain 1\n05401 Burlington\nUnited States"
    }
    assert payment["type"] == "order_details"
    # Another form of the same buyer has the address in it, and an answer before the payment
    # corrects it.
    answer(catalog, phone, ELSEWHERE | {"address": "Main 2"})
    assert address() == home | {"street": "Main 2"}
    assert [one.get("type") for one in shop_messages(catalog)[3:]] == [None]
    prefilled = {
        "name": "Zoe Field",
        "address": "Main 2",
        "city": "Burlington",
        "postal_code": "05401",
    }
    assert order(catalog, phone) == {"country": "US", "values": prefilled}
    with system("test"):
        assert IncomingOrder.objects.count() == 0


def test_the_indian_form_is_read_field_by_field(catalog: Catalog) -> None:
    phone = make_phone(catalog, "919820000000")
    assert order(catalog, phone) == {"country": "IN"}
    answer(catalog, phone, INDIAN)
    assert address() == {
        "name": "Asha Rao",
        "street": "8, Wing A, Film City Road, Goregaon",
        "city": "Mumbai",
        "postcode": "400063",
        "region": "Maharashtra",
        "country": "IN",
        "phone": "+919820000000",
    }


@pytest.mark.parametrize(
    ("change", "said_so", "errors"),
    [
        ({"address": " "}, "Street and number: please fill this in.", "address"),
        ({"name": ""}, "Name: please fill this in.", "name"),
        ({"city": "x" * 201}, "Town: 200 characters are the most.", "city"),
        ({"in_pin_code": "4000"}, "A postcode in India has six digits.", "in_pin_code"),
    ],
)
def test_a_wrong_answer_is_asked_again_with_what_was_right(
    catalog: Catalog, change: dict[str, str], said_so: str, errors: str
) -> None:
    phone = make_phone(catalog, "919820000000")
    order(catalog, phone)
    plain = {
        "name": "Asha Rao",
        "address": "Film City Road 8",
        "in_pin_code": "400063",
        "city": "Mumbai",
    }
    answer(catalog, phone, plain | change)
    assert address() == {}
    again = shop_messages(catalog)[1]
    assert again["body"]["text"] == f"{said_so}\nWhere shall we bring your order #1?"
    kept = {name: text for name, text in (plain | change).items() if text.strip()}
    assert form(again) == {"country": "IN", "values": kept, "validation_errors": {errors: said_so}}
    answer(catalog, phone, plain)
    assert address()["street"] == "Film City Road 8"


@pytest.mark.parametrize(
    "raw", ["", "{", "[]", '"x"', "null", '{"values": 7}', '{"values": {"name": ["\\u0000"]}}']
)
def test_an_answer_that_cannot_be_read_is_asked_again(
    catalog: Catalog, phone: SimulatedPhone, raw: str
) -> None:
    order(catalog, phone)
    answer(catalog, phone, None, raw=raw)
    assert address() == {}
    assert form(shop_messages(catalog)[1])["validation_errors"] == {
        "name": "Name: please fill this in."
    }
    with system("test"):
        assert IncomingOrder.objects.count() == 0


def test_a_flow_that_holds_an_address_fills_it_too_and_another_flow_does_nothing(
    catalog: Catalog, phone: SimulatedPhone
) -> None:
    order(catalog, phone)
    for values in ({"flow_token": "t", "table": "4", "name": "Zoe"}, {}, ["x"]):
        answer(catalog, phone, values, name="flow")
    answer(catalog, phone, ELSEWHERE, name="galaxy_message")
    assert (address(), len(shop_messages(catalog))) == ({}, 1)
    filled = {
        "flow_token": "t",
        "full_name": "Zoe",
        "street": "Main\u0000 1",
        "zip": "10115",
        "town": "Berlin",
    }
    answer(catalog, phone, filled | {"country": "de"}, name="flow")
    assert address() == {
        "name": "Zoe",
        "street": "Main\ufffd 1",
        "city": "Berlin",
        "postcode": "10115",
        "country": "DE",
    }


def test_where_no_order_waits_or_goods_are_fetched_nothing_happens(
    catalog: Catalog, phone: SimulatedPhone
) -> None:
    answer(catalog, phone, ELSEWHERE)
    assert shop_messages(catalog) == []
    with system("test"):
        catalog.delivery_methods.update(needs_address=False)
    send(catalog, phone, "order", cart_of(catalog, ("rye", 1, 4.8)))
    assert [content["type"] for content in shop_messages(catalog)] == ["order_details"]
    answer(catalog, phone, ELSEWHERE)
    assert (address(), len(shop_messages(catalog))) == ({}, 1)
    other = make_phone(catalog, "14155550999")
    answer(catalog, other, ELSEWHERE)
    assert (address(), len(shop_messages(catalog))) == ({}, 1)


def test_a_country_that_is_not_served_goes_on_at_the_orders_page(
    catalog: Catalog, phone: SimulatedPhone
) -> None:
    with system("test"):
        catalog.delivery_methods.update(countries="DE AT")
    assert order(catalog, phone) == {"country": "DE"}
    answer(
        catalog,
        phone,
        {"name": "Zoe", "street": "Main 1", "city": "Ulm", "country": "US"},
        name="flow",
    )
    assert address() == {}
    refusal, payment = shop_messages(catalog)[1:]
    assert refusal == {"body": "Dispatch goes to Germany, Austria only."}
    assert payment["type"] == "order_details"


@pytest.mark.parametrize(
    ("digits", "country"), [("919820000000", "IN"), ("4915112345678", ""), ("999", "")]
)
def test_the_network_shows_the_form_in_india_only(
    catalog: Catalog, digits: str, country: str
) -> None:
    from shops.chat import send as chat_send
    from tests.shops.sample_data import make_conversation

    conversation = make_conversation(catalog, digits)
    with system("test"):
        Number.objects.update(transport="upstream")
        conversation.number.refresh_from_db()
        assert chat_send._form_country(catalog.delivery_methods.get(), conversation) == country


def test_the_simulated_phone_fills_in_the_form(catalog: Catalog, phone: SimulatedPhone) -> None:
    order(catalog, phone)
    client = Client()
    client.force_login(
        make_member(catalog.business, "agent"), backend="django.contrib.auth.backends.ModelBackend"
    )
    with system("test"):
        asked = Message.objects.get(content__type="address_message")
    chat = reverse("phone_chat", args=[phone.pk, catalog.number.phone_number_id])
    assert f'name="address-{asked.pk}-postal_code" form="tap"' in client.get(chat).content.decode()
    filled = {f"address-{asked.pk}-{name}": text for name, text in ELSEWHERE.items()} | {
        "address-1-city": "Rome"
    }
    tapped = client.post(
        reverse("phone_tap", args=[phone.pk, catalog.number.phone_number_id, asked.pk]), filled
    )
    assert tapped.status_code == 302
    settle()
    assert (address()["city"], address()["country"]) == ("Burlington", "US")
    shown = client.get(chat).content.decode()
    assert "Sent an address" in shown
    assert "Zoe Field<br>Main 1" in shown or "Zoe Field\nMain 1" in shown


def test_of_two_open_orders_the_one_without_an_address_is_meant(
    catalog: Catalog, phone: SimulatedPhone
) -> None:
    order(catalog, phone)
    order(catalog, phone)
    with system("test"):
        Order.objects.filter(number=2).update(
            address={"name": "Zoe", "street": "Elm 2", "country": "US"}
        )
    answer(catalog, phone, ELSEWHERE)
    with system("test"):
        streets = list(Order.objects.order_by("number").values_list("address__street", flat=True))
    assert streets == ["Main 1", "Elm 2"]
    answer(
        catalog, phone, ELSEWHERE | {"address": "Main 3"}
    )  # none lacks one now: the newest is corrected
    with system("test"):
        streets = list(Order.objects.order_by("number").values_list("address__street", flat=True))
    assert streets == ["Main 1", "Main 3"]


def test_another_kind_of_reply_holds_no_address() -> None:
    for content in (
        {},
        {"nfm_reply": None},
        {"nfm_reply": {"name": "flow", "response_json": 7}},
        {"nfm_reply": "x"},
    ):
        assert chat_address.read_address(content) is None


def test_the_pay_page_asks_for_what_the_chat_left_open(
    catalog: Catalog, phone: SimulatedPhone
) -> None:
    order(catalog, phone)
    with scope(catalog.business_id):
        token = Order.objects.get().token
    page = reverse("shop_pay", args=[token])
    assert 'name="street"' in Client().get(page).content.decode()
    answer(catalog, phone, ELSEWHERE)
    assert 'name="street"' not in Client().get(page).content.decode()
