"""Product pages of sellers: shop settings, products, stock changes with reasons, pictures in their
sizes.
"""

from datetime import timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from core.tenancy import scope, system
from hosting.media import store
from hosting.models import Media
from shops.catalog import pictures, products
from shops.models import Catalog, Collection, DeliveryMethod, Picture, Product, StockMove
from tests.factories import make_business, make_member, make_number
from tests.shops.sample_data import make_catalog, make_product

pytestmark = pytest.mark.django_db


def login(business, role="owner"):
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(
        make_member(business, role), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


def a_picture(width=1600, height=900, color="teal", kind="JPEG"):
    held = BytesIO()
    Image.new("RGB", (width, height), color).save(held, kind)
    return SimpleUploadedFile(
        "rye.jpg", held.getvalue(), "image/jpeg" if kind == "JPEG" else "image/png"
    )


def rows(model, **fields):
    with system("test"):
        found = model.objects.filter(**fields).order_by("id")
        return list(found.select_related("media") if model is Picture else found)


SHOP = {
    "name": "Rye & Co",
    "slug": "rye",
    "currency": "eur",
    "tax_included": "on",
    "is_open": "on",
    "takes_cash": "on",
    "hold_minutes": "60",
    "language": "en",
}
PRODUCT = {
    "title": "Rye loaf",
    "price": "4.50",
    "sale_price": "3.90",
    "tax_percent": "7",
    "availability": "in stock",
    "condition": "new",
    "retailer_id": "rye-1",
    "size": "1 kg",
    "description": "Dark.",
}


def test_without_a_shop_the_page_offers_to_open_one_and_settings_do_so():
    business = make_business()
    number, client = make_number(business), login(business)
    assert b"Open a shop" in client.get("/shop/products/").content
    answer = client.post("/shop/settings/", SHOP | {"number": number.pk})
    assert (answer.status_code, answer["Location"]) == (302, "/shop/settings/")
    [shop] = rows(Catalog, business=business)
    kept = (
        shop.name,
        shop.slug,
        shop.currency,
        shop.number_id,
        shop.takes_card,
        shop.takes_cash,
        shop.is_open,
    )
    assert kept == ("Rye & Co", "rye", "EUR", number.pk, False, True, True)
    assert b"No products yet" in client.get("/shop/products/").content


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"slug": "taken"}, "This address is taken."),
        ({"slug": "pay"}, "This address is taken."),
        ({"currency": "XQQ"}, "Three letters, such as EUR."),
        ({"takes_cash": ""}, "Choose at least one way to pay."),
        ({"takes_transfer": "on"}, "Buyers need to know where to pay."),
        ({"hold_minutes": "1"}, "greater than or equal to 5"),
    ],
)
def test_a_shop_that_cannot_be_is_refused_and_nothing_is_kept(change, expected):
    make_catalog(slug="taken")
    business = make_business()
    number = make_number(business)
    answer = login(business).post("/shop/settings/", SHOP | {"number": number.pk} | change)
    assert (answer.status_code, expected in answer.content.decode()) == (422, True)
    assert rows(Catalog, business=business) == []


def test_a_strangers_number_cannot_be_the_shops():
    business, foreign = make_business(), make_number(make_business())
    make_number(business)
    assert login(business).post("/shop/settings/", SHOP | {"number": foreign.pk}).status_code == 422
    assert rows(Catalog, business=business) == []


def test_the_currency_stays_once_there_are_products():
    shop = make_catalog()
    make_product(shop, "rye")
    login(shop.business).post(
        "/shop/settings/", SHOP | {"number": shop.number_id, "currency": "USD"}
    )
    [kept] = rows(Catalog, business=shop.business)
    assert (kept.currency, kept.name) == ("EUR", "Rye & Co")


def test_a_product_is_added_and_edited_with_exact_values():
    shop = make_catalog()
    client = login(shop.business)
    client.post("/shop/collections/", {"name": "Bread"})
    [collection] = rows(Collection, catalog=shop)
    client.post("/shop/products/new/", PRODUCT | {"collections": [collection.pk]})
    [product] = rows(Product, catalog=shop)
    kept = (
        product.price_minor,
        product.sale_price_minor,
        product.tax_percent,
        product.options,
        product.stock,
    )
    assert kept == (450, 390, Decimal("7.00"), {"size": "1 kg"}, None)
    with system("test"):
        assert [p.pk for p in collection.products.all()] == [product.pk]
    client.post(
        f"/shop/products/{product.pk}/", PRODUCT | {"title": "Rye", "sale_price": "", "size": ""}
    )
    [product] = rows(Product, catalog=shop)
    assert (product.title, product.sale_price_minor, product.options) == ("Rye", None, {})
    with system("test"):
        assert not collection.products.exists()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"retailer_id": "old"}, "Another product has this id."),
        ({"sale_price": "4.51"}, "The sale price is above the price."),
        (
            {"sale_from": "2026-05-02T00:00", "sale_until": "2026-05-01T00:00"},
            "The sale ends before it begins.",
        ),
        ({"price": "4.505"}, "Not an amount in EUR."),
        ({"price": "-1"}, "greater than or equal to 0"),
        ({"price": "NaN"}, "Enter a number."),
        ({"tax_percent": "101"}, "less than or equal to 100"),
        ({"title": "x" * 201}, "at most 200 characters"),
    ],
)
def test_a_product_that_cannot_be_is_refused_and_nothing_is_kept(change, expected):
    shop = make_catalog()
    make_product(shop, "old")
    answer = login(shop.business).post("/shop/products/new/", PRODUCT | change)
    assert (answer.status_code, expected in answer.content.decode()) == (422, True)
    assert [product.retailer_id for product in rows(Product, catalog=shop)] == ["old"]


def test_a_variant_is_made_like_its_product_and_both_are_one_group():
    shop = make_catalog()
    product = make_product(shop, "rye", title="Rye", options={"size": "S"})
    client = login(shop.business)
    page = client.get(f"/shop/products/new/?like={product.pk}").content.decode()
    assert 'name="item_group" value="rye"' in page
    client.post(
        f"/shop/products/new/?like={product.pk}", PRODUCT | {"item_group": "rye", "size": "L"}
    )
    found = [(p.retailer_id, p.item_group, p.options) for p in rows(Product, catalog=shop)]
    assert found == [("rye", "rye", {"size": "S"}), ("rye-1", "rye", {"size": "L"})]


def test_stock_changes_leave_their_reason_and_never_go_below_zero():
    shop = make_catalog()
    product = make_product(shop, "rye")
    client = login(shop.business)
    address = f"/shop/products/{product.pk}/stock/"
    client.post(address, {"stock": "10", "reason": "counted"})
    client.post(address, {"stock": "10", "by": "-3", "reason": "broken"})
    refused = client.post(
        address, {"stock": "7", "by": "-8", "reason": "sold"}, follow=True
    ).content.decode()
    assert "Less is there than you take away." in refused
    assert (
        "Stock is a whole number"
        in client.post(address, {"stock": "-1", "reason": "x"}, follow=True).content.decode()
    )
    assert (
        "This field is required."
        in client.post(address, {"stock": "1"}, follow=True).content.decode()
    )
    moves = [
        (m.change, m.stock, m.reason, m.author_id is not None)
        for m in rows(StockMove, product=product)
    ]
    assert moves == [(10, 10, "counted", True), (-3, 7, "broken", True)]
    client.post(address, {"reason": "never mind"})
    [product] = rows(Product, catalog=shop)
    assert product.stock is None
    refused = client.post(address, {"by": "1", "reason": "x"}, follow=True).content.decode()
    assert "Nobody counts this product" in refused


def test_pictures_are_kept_in_their_sizes_shown_to_anybody_and_removed(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    shop = make_catalog()
    product = make_product(shop, "rye")
    client = login(shop.business)
    address = f"/shop/products/{product.pk}/pictures/"
    client.post(address, {"picture": [a_picture(), a_picture(color="red", kind="PNG")]})
    first, second = rows(Picture, product=product)
    sizes = []
    for edge in (160, 480, 1080):
        shown = Client().get(f"/s/{shop.slug}/pictures/{first.media.media_id}/{edge}.webp")
        assert shown["Cache-Control"] == "public, max-age=31536000, immutable"
        sizes.append(Image.open(BytesIO(b"".join(shown))).size)
    assert sizes == [(160, 90), (480, 270), (1080, 608)]
    assert (
        Client().get(f"/s/{shop.slug}/pictures/{first.media.media_id}/99.webp").status_code == 404
    )
    other = make_catalog()
    assert (
        Client().get(f"/s/{other.slug}/pictures/{first.media.media_id}/160.webp").status_code == 404
    )
    client.post(f"{address}{second.pk}/", {"do": "first"})
    assert [(p.pk, p.position) for p in rows(Picture, product=product)] == [
        (first.pk, 1),
        (second.pk, 0),
    ]
    client.post(f"{address}{first.pk}/", {"do": "remove"})
    assert [p.pk for p in rows(Picture, product=product)] == [second.pk]
    assert (
        Client().get(f"/s/{shop.slug}/pictures/{first.media.media_id}/160.webp").status_code == 404
    )


def test_deleting_a_media_file_deletes_its_picture_and_sweeps_go_on(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    product = make_product(make_catalog(), "rye")
    with scope(product.business_id):
        picture = pictures.add_picture(product, content=a_picture().read(), mime_type="image/jpeg")
        store.delete_media(picture.media)
    with system("test"):
        Media.objects.update(deleted_at=timezone.now() - timedelta(days=3))
        assert store.collect_garbage() == 1
    assert rows(Picture, product=product) == []


def test_what_is_no_picture_is_refused():
    shop = make_catalog()
    product = make_product(shop, "rye")
    file = SimpleUploadedFile("x.pdf", b"%PDF-1.4\n%%EOF\n", "application/pdf")
    answer = login(shop.business).post(
        f"/shop/products/{product.pk}/pictures/", {"picture": file}, follow=True
    )
    assert "This is no picture that can be shown" in answer.content.decode()
    assert rows(Picture, product=product) == []


def test_the_list_is_searched_by_beginnings_of_words_and_filtered():
    shop = make_catalog()
    make_product(shop, "rye-1", title="Dark rye loaf", stock=3, brand="Miller")
    make_product(shop, "bun_2", title="Bun", stock=0, options={"color": "Golden"})
    make_product(shop, "hid", title="Secret", is_hidden=True, availability="preorder")
    make_product(make_catalog(), "rye-9", title="Foreign rye")

    def found(query):
        context = client.get(f"/shop/products/?{query}").context
        return [row.retailer_id for row in context["rows"]]

    client = login(shop.business)
    assert found("") == ["bun_2", "rye-1", "hid"]
    assert found("q=ry+mil") == ["rye-1"]
    assert found("q=gold") == ["bun_2"]
    assert found("q=bun+2") == ["bun_2"]
    assert found("q=%27%3A*+%26") == ["bun_2", "rye-1", "hid"]
    assert found("q=nothing") == []
    assert (found("stock=low"), found("stock=empty"), found("stock=hidden")) == (
        ["rye-1"],
        ["bun_2"],
        ["hid"],
    )
    assert found("availability=preorder") == ["hid"]


def test_the_list_goes_on_page_by_page(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr("shops.views.products.PAGE_SIZE", 2)
    shop = make_catalog()
    for n in range(5):
        make_product(shop, f"p{n}", title="Same")
    client, seen, after = login(shop.business), [], ""
    for _ in range(3):
        context = client.get("/shop/products/", {"after": after}).context
        seen += [row.retailer_id for row in context["rows"]]
        after = context["after"]
    assert (seen, after) == (["p0", "p1", "p2", "p3", "p4"], "")
    assert client.get("/shop/products/?after=nonsense").status_code == 404


def test_delivery_methods_and_collections_are_added_and_removed():
    shop = make_catalog()
    client = login(shop.business)
    client.post(
        "/shop/settings/delivery/",
        {"name": "Dispatch", "price": "4.90", "tax_percent": "19", "needs_address": "on"},
    )
    client.post("/shop/settings/delivery/", {"name": "Odd", "price": "4.905", "tax_percent": "19"})
    [method] = rows(DeliveryMethod, catalog=shop)
    assert (method.name, method.price_minor, method.tax_percent, method.needs_address) == (
        "Dispatch",
        490,
        19,
        True,
    )
    client.post(f"/shop/settings/delivery/{method.pk}/remove/")
    assert rows(DeliveryMethod, catalog=shop) == []
    client.post("/shop/collections/", {"name": "Brot & Brötchen"})
    client.post("/shop/collections/", {"name": "面包"})
    client.post("/shop/collections/", {"name": "  "})
    found = rows(Collection, catalog=shop)
    assert [(c.name, c.slug) for c in found] == [
        ("Brot & Brötchen", "brot-brotchen"),
        ("面包", "c3954207589"),
    ]
    client.post(f"/shop/collections/{found[0].pk}/remove/")
    assert [c.name for c in rows(Collection, catalog=shop)] == ["面包"]


def test_removing_a_product_keeps_its_collection():
    shop = make_catalog()
    product = make_product(shop, "rye")
    with system("test"):
        collection = products.add_collection(shop, "Bread")
        collection.products.add(product, through_defaults={"business_id": shop.business_id})
    login(shop.business).post(f"/shop/products/{product.pk}/remove/")
    assert (rows(Product, catalog=shop), [c.name for c in rows(Collection, catalog=shop)]) == (
        [],
        ["Bread"],
    )


def test_only_the_innermost_navigation_entry_is_marked_current():
    client = login(make_catalog().business)
    shown = {
        path: client.get(path).context["current_page"]
        for path in ("/", "/shop/", "/shop/products/", "/shop/orders/")
    }
    assert shown == {
        "/": "home",
        "/shop/": "shop_sales",
        "/shop/products/": "shop_products",
        "/shop/orders/": "shop_orders",
    }
    assert client.get("/you/").context["current_page"] == ""
