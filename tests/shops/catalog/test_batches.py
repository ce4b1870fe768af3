"""Catalogues by the Cloud API: listed, products read and made, batches of changes."""

from typing import Any

import orjson
import pytest
from django.test import Client

from core.tenancy import system
from shops.models import Catalog, Product
from tests.factories import make_business, make_key, make_number
from tests.shops.sample_data import make_catalog, make_product

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog() -> Catalog:
    return make_catalog()


@pytest.fixture
def client(catalog: Catalog) -> Client:
    return with_key(catalog)


def with_key(catalog: Catalog, **more: Any) -> Client:
    key = make_key(catalog.business, **more)
    return Client(headers={"Authorization": f"Bearer {key}"})


def ask(client: Client, path: str, **given: Any) -> Any:
    path = f"/v23.0/{path}"
    if not given:
        return client.get(path).json()
    return client.post(path, orjson.dumps(given), "application/json").json()


def batch(client: Client, catalog: Catalog, *requests: Any, **more: Any) -> Any:
    return ask(
        client, f"{catalog.catalog_id}/items_batch", item_type="PRODUCT_ITEM",
        requests=list(requests), **more,
    )  # fmt: skip


def update(**data: Any) -> dict[str, Any]:
    return {"method": "UPDATE", "data": data}


def stored() -> list[tuple[str, str, int]]:
    with system("test"):
        rows = Product.objects.order_by("retailer_id")
        return list(rows.values_list("retailer_id", "title", "price_minor"))


def code(reply: Any) -> int:
    return int(reply["error"]["code"])


def test_a_catalogue_is_listed_with_its_products(catalog: Catalog, client: Client) -> None:
    make_product(catalog, "rye", 450, brand="Luma", availability="in stock", stock=3)
    waba = catalog.number.account.waba_id
    assert ask(client, f"{waba}/product_catalogs")["data"] == [
        {"id": catalog.catalog_id, "name": "Bakery", "vertical": "commerce"}
    ]
    (shown,) = ask(
        client, f"{catalog.catalog_id}/products?fields=retailer_id,name,price,inventory"
    )["data"]
    assert {key: value for key, value in shown.items() if key != "id"} == {
        "retailer_id": "rye", "name": "Rye", "price": "€4.50", "inventory": 3,
    }  # fmt: skip
    assert code(client.post(f"/v23.0/{waba}/product_catalogs").json()) == 3


def test_a_product_is_made_once(catalog: Catalog, client: Client) -> None:
    path = f"{catalog.catalog_id}/products"
    given = {
        "retailer_id": "bun", "name": "Bun", "price": 120, "currency": "EUR",
        "url": "https://a.example/bun", "image_url": "https://a.example/bun.jpg",
    }  # fmt: skip
    assert ask(client, path, **given)["id"].isdecimal()
    assert code(ask(client, path, **given)) == 100
    assert code(ask(client, path, **given | {"retailer_id": "x", "currency": "USD"})) == 100
    assert code(ask(client, path, **given | {"retailer_id": "x", "price": 1.5})) in (100, 131009)
    assert code(ask(client, path, **given | {"retailer_id": "x", "url": "javascript:1"})) == 100
    assert stored() == [("bun", "Bun", 120)]
    (shown,) = ask(client, f"{path}?retailer_id=bun")["data"]
    assert shown["image_url"] == "https://a.example/bun.jpg"


def test_a_batch_creates_changes_and_deletes(catalog: Catalog, client: Client) -> None:
    make_product(catalog, "old", 500)
    make_product(catalog, "price", 500, description="kept", sale_price_minor=400)
    answer = batch(
        client, catalog,
        {
            "method": "CREATE",
            "data": {
                "id": "new", "title": "New", "price": "9.99 EUR", "availability": "in stock",
                "image": [{"url": "https://a.example/1.jpg", "tag": ["x"]}],
            },
        },
        update(id="price", price="6.00 EUR"),
        {"method": "UPDATE", "retailer_id": "upsert", "data": {"title": "Up", "price": "1 EUR"}},
        {"method": "DELETE", "data": {"id": "old"}},
    )  # fmt: skip
    assert answer["validation_status"] == []
    assert stored() == [("new", "New", 999), ("price", "Price", 600), ("upsert", "Up", 100)]
    with system("test"):
        held = Product.objects.get(retailer_id="price")
        assert (held.description, held.sale_price_minor) == ("kept", 400)
        picture = Product.objects.get(retailer_id="new").pictures.get()
        assert picture.source_url == "https://a.example/1.jpg"
    (handle,) = answer["handles"]
    (state,) = client.get(
        f"/v23.0/{catalog.catalog_id}/check_batch_request_status", {"handle": handle}
    ).json()["data"]
    assert (state["status"], state["errors_total_count"]) == ("finished", 0)


def test_what_is_wrong_in_a_batch_is_said_and_the_rest_is_done(
    catalog: Catalog, client: Client
) -> None:
    make_product(catalog, "rye", 500)
    answer = batch(
        client, catalog,
        update(id="rye", title="Rye bread"),
        update(id="rye", title="Twice"),
        update(id="none", title="x", price="1 EUR"),
        update(id="dollar", title="x", price="1.00 USD"),
        update(id="cents", title="x", price=199),
        {"method": "DELETE", "data": {"id": "gone"}},
        {"method": "MAGIC", "data": {"id": "x"}},
        {"method": "CREATE", "data": {"title": "no id"}},
        {"method": "CREATE", "data": {"id": "half"}},
        "nothing",
        allow_upsert=False,
    )  # fmt: skip
    assert stored() == [("rye", "Rye bread", 500)]
    (state,) = client.get(
        f"/v23.0/{catalog.catalog_id}/check_batch_request_status", {"handle": answer["handles"][0]}
    ).json()["data"]
    lines = sorted({one["line"] for one in state["errors"]})
    assert lines == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert "rye" in state["ids_of_invalid_requests"]
    assert {one["retailer_id"] for one in answer["validation_status"]} >= {"rye", "gone", "half"}


def test_a_catalogue_is_nobody_elses_and_needs_its_scope(catalog: Catalog, client: Client) -> None:
    stranger = with_key(make_catalog())
    elsewhere = make_number(catalog.business)
    limited = with_key(catalog, scopes=["shop"], number_ids=[elsewhere.pk])
    for one in (stranger, limited):
        assert code(ask(one, f"{catalog.catalog_id}/products")) == 803
        assert code(batch(one, catalog, update(id="a", title="A", price="1 EUR"))) == 803
    without = with_key(catalog, scopes=["messages"])
    assert code(ask(without, f"{catalog.catalog_id}/products")) == 200
    other = make_catalog(make_business())
    handle = batch(client, catalog, update(id="a", title="A", price="1 EUR"))["handles"][0]
    path = f"/v23.0/{other.catalog_id}/check_batch_request_status"
    assert code(with_key(other).get(path, {"handle": handle}).json()) == 100
    assert [name for name, _, _ in stored()] == ["a"]


@pytest.mark.parametrize("requests", [None, "x", {}, []])
def test_a_batch_without_requests_is_refused(
    catalog: Catalog, client: Client, requests: Any
) -> None:
    reply = ask(client, f"{catalog.catalog_id}/items_batch", requests=requests)
    assert code(reply) == 100
    assert "requests" in str(reply) or "1 to" in str(reply)
