"""Product messages: unknown products are refused with the Cloud API's code; upstream ids are
mapped.
"""

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from core.tenancy import scope, system
from hosting.inbound import events
from hosting.messages import send
from hosting.models import Contact, Conversation, Message, Outgoing, Webhook, WebhookCall
from hosting.transports import cloudapi
from tests.factories import make_business, make_key, make_number
from tests.hosting.receivers import Receiver
from tests.hosting.upstreams import accepted, put_behind
from tests.shops.sample_data import make_catalog, make_product

PHONE = "14155550199"
pytestmark = pytest.mark.django_db


def open_window(number):
    with system("test"):
        contact = Contact.objects.create(business=number.business, wa_id=PHONE)
        Conversation.objects.create(
            business=number.business, number=number, contact=contact, last_inbound_at=timezone.now()
        )


@pytest.fixture
def shop():
    shop = make_catalog(upstream_id="900800")
    make_product(shop, "rye")
    make_product(shop, "hidden", is_hidden=True)
    open_window(shop.number)
    return shop


def single(catalog_id, product):
    return {"type": "product", "action": {"catalog_id": catalog_id, "product_retailer_id": product}}


def several(catalog_id, *products):
    items = [{"product_retailer_id": product} for product in products]
    action = {"catalog_id": catalog_id, "sections": [{"title": "S", "product_items": items}]}
    return {
        "type": "product_list",
        "header": {"type": "text", "text": "H"},
        "body": {"text": "B"},
        "action": action,
    }


def catalogue(thumbnail=""):
    parameters = {"thumbnail_product_retailer_id": thumbnail} if thumbnail else {}
    action = {"name": "catalog_message", "parameters": parameters}
    return {"type": "catalog_message", "body": {"text": "B"}, "action": action}


def post(number, interactive):
    body = {
        "messaging_product": "whatsapp",
        "to": PHONE,
        "type": "interactive",
        "interactive": interactive,
    }
    answer = Client(headers={"Authorization": f"Bearer {make_key(number.business)}"}).post(
        f"/v23.0/{number.phone_number_id}/messages",
        orjson.dumps(body),
        content_type="application/json",
    )
    return answer.status_code, answer.json()


def messages():
    with system("test"):
        return Message.objects.filter(direction="out").count()


def test_products_that_are_there_are_sent_by_our_id_and_by_the_upstreams(shop):
    for content in (
        single(shop.catalog_id, "rye"),
        single("900800", "rye"),
        several(shop.catalog_id, "rye"),
        catalogue(),
        catalogue("rye"),
    ):
        assert post(shop.number, content)[0] == 200
    assert messages() == 5


@pytest.mark.parametrize("name", ["none", "hidden", "RYE"])
def test_an_unknown_or_hidden_product_is_refused_and_nothing_is_sent(shop, name):
    for content in (single(shop.catalog_id, name), several(shop.catalog_id, "rye", name)):
        status, answer = post(shop.number, content)
        assert (status, answer["error"]["code"]) == (400, 131009)
        assert (
            answer["error"]["error_data"]["details"]
            == f"Products not found in catalog {shop.catalog_id}: {name}."
        )
    assert messages() == 0


def test_another_business_catalogue_is_not_found(shop):
    other = make_catalog()
    make_product(other, "rye")
    status, answer = post(shop.number, single(other.catalog_id, "rye"))
    assert (status, answer["error"]["code"]) == (400, 131009)
    assert answer["error"]["error_data"]["details"] == "Catalog not found: it is none of yours."
    assert messages() == 0


def test_a_catalogue_message_whose_picture_is_gone_shows_the_first_product(shop):
    assert post(shop.number, catalogue("none"))[0] == 200


def test_a_catalogue_that_no_shop_here_has_is_kept_elsewhere(shop):
    assert [
        post(shop.number, content)[0]
        for content in (single("333", "sku-1"), several("333", "sku-1"))
    ] == [
        200,
        200,
    ]
    assert messages() == 2


def test_a_business_without_a_shop_may_send_unknown_catalogue_ids():
    number = make_number(make_business())
    open_window(number)
    assert post(number, single("333", "sku-1"))[0] == 200


def test_upstream_messages_use_the_upstreams_catalogue_id(shop, settings):
    settings.ALLOW_PRIVATE_URLS = True
    with Receiver(answer=accepted) as upstream:
        put_behind(shop.number, upstream)
        with scope(shop.business_id):
            sent = send.send_message(
                business=shop.business,
                number=shop.number,
                to=PHONE,
                kind="interactive",
                content=single(shop.catalog_id, "rye"),
            )
        cloudapi.deliver_due()
        [taken] = upstream.taken
    assert orjson.loads(taken.body)["interactive"]["action"] == {
        "catalog_id": "900800",
        "product_retailer_id": "rye",
    }
    with system("test"):
        assert not Outgoing.objects.exists()
        assert Message.objects.get(pk=sent.pk).content["action"]["catalog_id"] == shop.catalog_id


def catalog_ids_received(number, order, product):
    """Catalogue ids in webhooks for an upstream's order of one catalogue and its question about
    another's product.
    """
    items = [{"product_retailer_id": "rye", "quantity": 1, "item_price": 5, "currency": "EUR"}]
    asked = {
        "from": "1",
        "id": "wamid.x",
        "referred_product": {"catalog_id": product, "product_retailer_id": "rye"},
    }
    messages = [
        {"type": "order", "order": {"catalog_id": order, "product_items": items}},
        {"type": "text", "text": {"body": "Is it there?"}, "context": asked},
    ]
    for n, message in enumerate(messages):
        message |= {
            "from": PHONE,
            "id": f"wamid.{number.pk}.{n}",
            "timestamp": str(int(timezone.now().timestamp())),
        }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"phone_number_id": number.upstream_id},
        "messages": messages,
    }
    entry = {"id": "777", "changes": [{"field": "messages", "value": value}]}
    body = orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})
    with system("test"):
        events.store_event(body=body, account_id=number.account_id)
    events.apply_due()
    with system("test"):
        first, second = Message.objects.filter(number=number, direction="in").order_by("id")
        calls = [
            orjson.loads(bytes(call.body))
            for call in WebhookCall.objects.filter(webhook__account=number.account_id)
        ]
    received = [
        one for call in calls for one in call["entry"][0]["changes"][0]["value"]["messages"]
    ]
    ids = [
        first.content["catalog_id"],
        second.content["_webhook"]["context"]["referred_product"]["catalog_id"],
    ]
    assert [
        received[0]["order"]["catalog_id"],
        received[1]["context"]["referred_product"]["catalog_id"],
    ] == ids
    return ids


def test_an_upstreams_catalogue_id_is_mapped_to_ours(shop):
    other = make_number(make_business())
    with Receiver(answer=accepted) as upstream:
        for number, name in ((shop.number, "5550001"), (other, "5550002")):
            put_behind(number, upstream, name)
            with system("test"):
                Webhook.objects.create(
                    business=number.business, account=number.account, url="http://127.0.0.1:9/"
                )
    assert catalog_ids_received(shop.number, "900800", "900800") == [shop.catalog_id] * 2
    # A catalogue that no shop of this business has keeps the name it came with.
    assert catalog_ids_received(other, "900800", "17") == ["900800", "17"]
