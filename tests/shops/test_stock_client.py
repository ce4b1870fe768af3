"""A stock client library sends product messages: three kinds arrive, unknown products raise its own
error.
"""

from typing import Any

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from pywa import WhatsApp
from pywa.errors import WhatsAppError
from pywa.types import ProductsSection

from core.tenancy import system
from hosting.models import Conversation, Message
from shops.models import Catalog
from tests.factories import make_key
from tests.shops.sample_data import make_catalog, make_conversation, make_product

pytestmark = pytest.mark.django_db
BUYER = "14155550123"


@pytest.fixture
def catalog() -> Catalog:
    catalog = make_catalog()
    for name in ("rye", "bun"):
        make_product(catalog, name)
    make_conversation(catalog, BUYER)
    with system("test"):
        Conversation.objects.update(last_inbound_at=timezone.now())
    return catalog


def answer_by_our_application(request: httpx.Request) -> httpx.Response:
    """Answer the client's requests by our application, bytes and headers unchanged."""
    answer = Client(headers=dict(request.headers)).generic(
        request.method,
        request.url.raw_path.decode(),
        request.content,
        content_type=request.headers["content-type"],
    )
    return httpx.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)


@pytest.fixture
def client(catalog: Catalog) -> WhatsApp:
    """The client with our base URL and nothing else changed."""
    client = WhatsApp(
        phone_id=catalog.number.phone_number_id,
        token=make_key(catalog.business),
        server=None,
        verify_token="vt",
    )
    headers = client.api._session.headers
    client.api._session = httpx.Client(
        transport=httpx.MockTransport(answer_by_our_application),
        base_url="http://localhost/v23.0",
        headers=headers,
    )
    return client


def sent() -> list[dict[str, Any]]:
    with system("test"):
        return list(
            Message.objects.filter(direction="out").order_by("id").values_list("content", flat=True)
        )


def test_a_product_a_list_and_the_catalogue_are_sent(catalog: Catalog, client: WhatsApp) -> None:
    name = catalog.catalog_id
    wamids = [
        client.send_product(BUYER, name, "rye", body="Try it").id,
        client.send_products(
            BUYER, name, [ProductsSection("Bread", ["rye", "bun"])], title="All", body="Ours"
        ).id,
        client.send_catalog(BUYER, "Look around", thumbnail_product_sku="bun").id,
    ]
    product, products, everything = sent()
    with system("test"):
        assert wamids == list(
            Message.objects.filter(direction="out").order_by("id").values_list("wamid", flat=True)
        )
    assert product["action"] == {"catalog_id": name, "product_retailer_id": "rye"}
    items = [{"product_retailer_id": "rye"}, {"product_retailer_id": "bun"}]
    assert products["action"] == {
        "catalog_id": name,
        "sections": [{"title": "Bread", "product_items": items}],
    }
    assert everything["type"] == "catalog_message"


def test_what_is_not_in_the_catalogue_is_refused_as_the_network_does(
    catalog: Catalog, client: WhatsApp
) -> None:
    with pytest.raises(WhatsAppError) as refused:
        client.send_product(BUYER, catalog.catalog_id, "cake")
    assert (refused.value.code, "cake" in str(refused.value.details)) == (131009, True)
    assert sent() == []
