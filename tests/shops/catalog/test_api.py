"""`/api/v1/products/`: create, change, count, list and delete, with exact values; refusals change
nothing.
"""

import orjson
import pytest
from django.test import Client

from core.tenancy import system
from shops.models import Picture, Product, StockMove
from tests.factories import make_business, make_key
from tests.shops.sample_data import make_catalog, make_product

pytestmark = pytest.mark.django_db
PRODUCTS = "/api/v1/products/"
RYE = {
    "retailer_id": "rye-1",
    "title": "Rye",
    "price": "4.50",
    "sale_price": "3.9",
    "stock": 12,
    "options": {"size": "1 kg"},
}


@pytest.fixture
def shop():
    return make_catalog()


@pytest.fixture
def api(shop):
    return api_client(shop.business)


def api_client(business, **scopes):
    client = Client(headers={"Authorization": f"Bearer {make_key(business, **scopes)}"})

    def ask(method, path, body=None):
        answer = client.generic(
            method, path, orjson.dumps(body) if body is not None else b"", "application/json"
        )
        return answer.status_code, answer.json() if answer.content else None

    return ask


def kept(shop):
    with system("test"):
        return list(Product.objects.filter(catalog=shop).order_by("id"))


def test_a_product_is_added_shown_changed_and_removed(shop, api):
    status, made = api("POST", PRODUCTS, RYE)
    assert status == 201
    shown = {
        name: made[name]
        for name in ("retailer_id", "price", "sale_price", "current_price", "currency", "stock")
    }
    assert shown == {
        "retailer_id": "rye-1",
        "price": "4.50",
        "sale_price": "3.90",
        "current_price": "3.90",
        "currency": "EUR",
        "stock": 12,
    }
    assert (made["catalog_id"], made["options"], made["tax_percent"]) == (
        shop.catalog_id,
        {"size": "1 kg"},
        "0.00",
    )
    path = f"{PRODUCTS}{made['id']}/"
    status, changed = api(
        "PATCH", path, {"price": "5", "sale_price": None, "tax_percent": "7", "is_hidden": True}
    )
    assert (status, changed["price"], changed["current_price"], changed["tax_percent"]) == (
        200,
        "5.00",
        "5.00",
        "7.00",
    )
    assert (changed["title"], changed["stock"], changed["is_hidden"]) == ("Rye", 12, True)
    assert api("GET", path)[1] == changed
    assert api("DELETE", path) == (204, None)
    assert api("GET", path)[0] == 404
    assert kept(shop) == []


def test_stock_is_counted_with_a_reason_and_never_below_zero(shop, api):
    product = make_product(shop, "rye")
    path = f"{PRODUCTS}{product.pk}/stock/"
    assert api("POST", path, {"stock": 5, "reason": "counted"})[1]["stock"] == 5
    assert api("POST", path, {"by": -2, "reason": "broken"})[1]["stock"] == 3
    status, answer = api("POST", path, {"by": -4, "reason": "sold"})
    assert (status, answer["error"]["field"]) == (400, "by")
    for wrong in (
        {"stock": 1, "by": 1, "reason": "x"},
        {"reason": "x"},
        {"stock": -1, "reason": "x"},
        {"stock": 1},
    ):
        assert api("POST", path, wrong)[0] == 400
    with system("test"):
        moves = list(StockMove.objects.order_by("id").values_list("change", "stock", "reason"))
    assert moves == [(5, 5, "counted"), (-2, 3, "broken")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"price": "4.505"}, "price"),
        ({"price": "-1"}, "price"),
        ({"price": None}, "price"),
        ({"sale_price": "4.51"}, "sale_price"),
        ({"retailer_id": "old"}, "retailer_id"),
        ({"retailer_id": ""}, "retailer_id"),
        ({"title": "x" * 201}, "title"),
        ({"availability": "soon"}, "availability"),
        ({"options": {"weight": "1"}}, "options"),
        ({"stock": -1}, "stock"),
        ({"tax_percent": "100.01"}, "tax_percent"),
        ({"pictures": ["ftp://x"]}, "pictures.0"),
        ({"sale_from": "2026-05-02T00:00Z", "sale_until": "2026-05-01T00:00Z"}, "sale_until"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(shop, api, change, field):
    make_product(shop, "old")
    status, answer = api("POST", PRODUCTS, RYE | change)
    assert (status, answer["error"]["field"]) == (400, field)
    assert [product.retailer_id for product in kept(shop)] == ["old"]


def test_stock_is_not_changed_in_passing(shop, api):
    product = make_product(shop, "rye", stock=3)
    status, answer = api("PATCH", f"{PRODUCTS}{product.pk}/", {"stock": 9, "title": "New"})
    assert (status, answer["error"]["field"]) == (400, "stock")
    assert [(p.stock, p.title) for p in kept(shop)] == [(3, "Rye")]


def test_pictures_are_links_that_are_fetched_and_take_the_place_of_others(shop, api):
    _, made = api(
        "POST", PRODUCTS, RYE | {"pictures": ["https://x.example/1.jpg", "https://x.example/2.jpg"]}
    )
    assert made["pictures"] == ["https://x.example/1.jpg", "https://x.example/2.jpg"]
    _, changed = api("PATCH", f"{PRODUCTS}{made['id']}/", {"pictures": ["https://x.example/2.jpg"]})
    assert changed["pictures"] == ["https://x.example/2.jpg"]
    with system("test"):
        assert list(Picture.objects.values_list("position", "source_url")) == [
            (0, "https://x.example/2.jpg")
        ]


def test_the_list_is_paged_and_searched(shop, api, django_assert_max_num_queries):
    for n in range(5):
        make_product(shop, f"p{n}", title=f"Loaf {n}")
    make_product(make_catalog(), "foreign", title="Loaf")
    first = api("GET", f"{PRODUCTS}?limit=3")[1]
    rest = api("GET", f"{PRODUCTS}?limit=3&after={first['next']}")[1]
    names = [row["retailer_id"] for page in (first, rest) for row in page["data"]]
    assert (names, rest["next"]) == (["p4", "p3", "p2", "p1", "p0"], None)
    assert [row["retailer_id"] for row in api("GET", f"{PRODUCTS}?q=loaf+3")[1]["data"]] == ["p3"]
    assert [row["retailer_id"] for row in api("GET", f"{PRODUCTS}?retailer_id=p2")[1]["data"]] == [
        "p2"
    ]
    with django_assert_max_num_queries(8):
        api("GET", PRODUCTS)


def test_a_key_without_the_scope_does_nothing_and_a_stranger_finds_nothing(shop):
    product = make_product(shop, "rye")
    reader = api_client(shop.business, scopes=["read", "messages"])
    assert reader("GET", f"{PRODUCTS}{product.pk}/")[0] == 403
    assert reader("PATCH", f"{PRODUCTS}{product.pk}/", {"title": "x"})[0] == 403
    stranger = api_client(make_business())
    assert stranger("GET", f"{PRODUCTS}{product.pk}/")[0] == 404
    assert stranger("DELETE", f"{PRODUCTS}{product.pk}/")[0] == 404
    assert (
        stranger("POST", PRODUCTS, RYE)[1]["error"]["message"]
        == "Open a shop first: /shop/settings/."
    )
    assert [p.title for p in kept(shop)] == ["Rye"]
