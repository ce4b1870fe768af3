"""Public page of a shop: list, cart, link to the chat; the same response for everybody,
cacheable.
"""

import re
from datetime import timedelta
from urllib.parse import unquote_plus

import pytest
from django.test import Client
from django.utils import timezone

from core.tenancy import scope, system
from hosting.models import Event, SimulatedPhone
from hosting.numbers import guests
from shops.catalog import products
from shops.models import Cart, CartLine
from shops.orders.place import RequestedItems, place_order
from tests.factories import make_member, make_number
from tests.shops.sample_data import make_catalog, make_conversation, make_product

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    return make_catalog(description="Bread since 1908")


@pytest.fixture
def buyer():
    return Client(headers={"Accept-Language": "en-GB"})


def add(client, shop, product, quantity="1", **more):
    return client.post(
        f"/s/{shop.slug}/cart/change/",
        {"do": "add", "product": product.pk, "quantity": quantity},
        **more,
    )


def basket():
    with system("test"):
        return list(CartLine.objects.order_by("id").values_list("product__retailer_id", "quantity"))


def titles(answer):
    return [row.title for row in answer.context["rows"]]


def test_it_lists_what_is_sold_each_product_once_and_finds_variants(shop, buyer):
    make_product(shop, "rye-s", title="Rye S", item_group="rye", options={"size": "S"})
    make_product(shop, "rye-l", title="Rye L", item_group="rye", options={"size": "L"})
    make_product(shop, "bun", title="Bun", stock=0)
    make_product(shop, "secret", title="Secret", is_hidden=True)
    make_product(shop, "old", title="Old", availability="discontinued")
    make_product(make_catalog(), "foreign", title="Foreign")
    answer = buyer.get(f"/s/{shop.slug}/")
    assert titles(answer) == ["Bun", "Rye S"]
    assert "Sold out" in answer.content.decode()
    assert titles(buyer.get(f"/s/{shop.slug}/?q=rye")) == ["Rye L", "Rye S"]
    assert titles(buyer.get(f"/s/{shop.slug}/?q=secret")) == []


def test_empty_collections_are_not_shown(shop, buyer):
    product = make_product(shop, "rye", title="Rye")
    make_product(shop, "bun", title="Bun")
    with system("test"):
        collection, _ = (
            products.add_collection(shop, "Bread"),
            products.add_collection(shop, "Empty"),
        )
        collection.products.add(product, through_defaults={"business_id": shop.business_id})
    answer = buyer.get(f"/s/{shop.slug}/c/bread/")
    assert (titles(answer), [one.name for one in answer.context["collections"]]) == (
        ["Rye"],
        ["Bread"],
    )
    assert buyer.get(f"/s/{shop.slug}/c/none/").status_code == 404


def test_pages_follow_one_another(shop, buyer, monkeypatch):
    monkeypatch.setattr("shops.views.storefront.PAGE_SIZE", 2)
    for n in range(5):
        make_product(shop, f"p{n}", title=f"P{n}")
    seen, address = [], f"/s/{shop.slug}/"
    for _ in range(3):
        answer = buyer.get(address)
        seen += titles(answer)
        address = f"/s/{shop.slug}/?after={answer.context['after']}"
    assert seen == ["P0", "P1", "P2", "P3", "P4"]
    assert buyer.get(f"/s/{shop.slug}/?after=nonsense").status_code == 404


def test_it_is_the_same_for_everybody_and_can_be_kept_and_asked_again(
    shop, buyer, django_assert_num_queries
):
    product = make_product(shop, "rye", title="Rye", price_minor=450, sale_price_minor=390)
    add(buyer, shop, product)
    for path in (f"/s/{shop.slug}/", f"/s/{shop.slug}/p/{product.pk}/"):
        answer, stranger = buyer.get(path), Client(headers={"Accept-Language": "en-GB"}).get(path)
        assert answer.content == stranger.content
        assert answer["Cache-Control"] == "public, max-age=60, stale-while-revalidate=600"
        assert answer["Vary"] == "Accept-Language"
        assert not answer.cookies
        again = buyer.get(path, headers={"If-None-Match": answer["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        text = answer.content.decode()
        assert ("€3.90" in text, "€4.50" in text, "csrf" in text, "nonce" in text) == (
            True,
            True,
            False,
            False,
        )
        assert re.findall(r'(?:src|href)="(?:https?:)?//', text) == []
        assert "3,90" in buyer.get(path, headers={"Accept-Language": "de"}).content.decode()


def test_a_cart_is_filled_changed_and_kept_in_a_cookie_of_this_shop(shop, buyer):
    rye, bun = (
        make_product(shop, "rye", 450, title="Rye", stock=2),
        make_product(shop, "bun", 80, title="Bun"),
    )
    assert "Your cart is empty" in buyer.get(f"/s/{shop.slug}/cart/").content.decode()
    answer = add(buyer, shop, rye, "2")
    assert (answer.status_code, answer["Location"]) == (302, f"/s/{shop.slug}/cart/")
    kept, count = answer.cookies["cart"], answer.cookies["cart_count"]
    assert (kept["path"], kept["httponly"], kept["samesite"]) == (f"/s/{shop.slug}/", True, "Lax")
    assert (count.value, count["httponly"]) == ("1", "")
    add(buyer, shop, rye)
    add(buyer, shop, bun)
    assert basket() == [("rye", 3), ("bun", 1)]
    page = buyer.get(f"/s/{shop.slug}/cart/")
    text = page.content.decode()
    assert ("€13.50" in text, "€0.80" in text, "€14.30" in text, "Only 2 left" in text) == (
        True,
        True,
        True,
        True,
    )
    assert page["Cache-Control"] == "private, no-store"
    buyer.post(f"/s/{shop.slug}/cart/change/", {"product": rye.pk, "quantity": "1"})
    buyer.post(f"/s/{shop.slug}/cart/change/", {"product": bun.pk, "quantity": "0"})
    assert basket() == [("rye", 1)]


@pytest.mark.parametrize("quantity", ["-1", "1000", "x", "", "1.5", "9" * 30])
def test_a_number_that_cannot_be_ordered_changes_nothing(shop, buyer, quantity):
    product = make_product(shop, "rye")
    answer = add(buyer, shop, product, quantity)
    assert (answer.status_code, "From 1 to 999 can be ordered." in answer.content.decode()) == (
        422,
        True,
    )
    with system("test"):
        assert not Cart.objects.exists()


def test_what_is_not_sold_here_cannot_be_put_in(shop, buyer):
    foreign, hidden = (
        make_product(make_catalog(), "foreign"),
        make_product(shop, "hidden", is_hidden=True),
    )
    for product in (foreign, hidden):
        assert "This is not sold here any more." in add(buyer, shop, product).content.decode()
    with system("test"):
        assert not Cart.objects.exists()


def test_a_form_on_somebody_elses_page_changes_nothing(shop, buyer):
    product = make_product(shop, "rye")
    assert add(buyer, shop, product, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert add(buyer, shop, product, headers={"Origin": "https://evil.example"}).status_code == 403
    assert basket() == []
    assert add(buyer, shop, product, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 302


def test_an_ordered_or_expired_cart_cannot_be_changed(shop, buyer):
    product = make_product(shop, "rye")
    add(buyer, shop, product)
    with scope(shop.business_id):
        cart = Cart.objects.get()
        place_order(
            catalog=shop,
            conversation=make_conversation(shop),
            wanted=RequestedItems({"rye": 1}),
            cart=cart,
        )
    add(buyer, shop, product)
    with system("test"):
        second = Cart.objects.exclude(pk=cart.pk).get()
        assert basket() == [("rye", 1), ("rye", 1)]
        Cart.objects.filter(pk=second.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "Your cart is empty" in buyer.get(f"/s/{shop.slug}/cart/").content.decode()


def test_the_chat_opens_on_a_members_phone_with_the_carts_code(shop, buyer):
    add(buyer, shop, make_product(shop, "rye"))
    with system("test"):
        code = Cart.objects.get().code
        phone = SimulatedPhone.objects.create(
            business=shop.business, wa_id="14155550100", name="Phone"
        )
    buyer.force_login(
        make_member(shop.business), backend="django.contrib.auth.backends.ModelBackend"
    )
    address = buyer.get(f"/s/{shop.slug}/chat/?cart={code}")["Location"]
    path, _, query = address.partition("?")
    assert path == f"/phone/{phone.pk}/{shop.number.phone_number_id}/"
    assert unquote_plus(query) == f"text=Hello! I would like to order my cart #{code}."


def test_a_stranger_chats_as_a_guest_on_a_phone_of_their_own_and_no_other(shop, buyer):
    with system("test"):
        other = SimulatedPhone.objects.create(
            business=shop.business, wa_id="14155550100", name="Phone"
        )
    address = buyer.get(f"/s/{shop.slug}/chat/")["Location"]
    again = buyer.get(f"/s/{shop.slug}/chat/")["Location"]
    with system("test"):
        guest = SimulatedPhone.objects.exclude(pk=other.pk).get()
    path = f"/phone/{guest.pk}/{shop.number.phone_number_id}/"
    assert (address.partition("?")[0], again) == (path, address)
    page = buyer.get(address)
    assert page.status_code == 200
    assert "Hello! I have a question about" in page.content.decode()
    assert "Add a phone" not in page.content.decode()
    written = buyer.post(f"{path}write/", {"text": "Is the rye fresh?"})
    assert written.status_code == 302
    with system("test"):
        [event] = Event.objects.all()
        assert b"Is the rye fresh?" in bytes(event.body)
    elsewhere = f"/phone/{other.pk}/{shop.number.phone_number_id}/"
    forged = Client()
    forged.cookies["guest_phone"] = f"{shop.business_id}.{guest.pk}"
    for client, target in (
        (buyer, elsewhere),
        (buyer, f"{path}about/"),
        (buyer, "/phone/"),
        (forged, path),
        (Client(), path),
    ):
        assert client.get(target)["Location"].startswith("/account/login/"), target


def test_a_sandbox_has_a_limited_number_of_guests(shop, monkeypatch):
    monkeypatch.setattr(guests, "MOST", 2)
    assert [Client().get(f"/s/{shop.slug}/chat/").status_code for _ in range(3)] == [302, 302, 429]
    with system("test"):
        assert SimulatedPhone.objects.count() == 2
        SimulatedPhone.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert Client().get(f"/s/{shop.slug}/chat/").status_code == 302


def test_the_chat_of_a_real_number_opens_at_wa_me_and_the_qr_code_leads_there(buyer):
    business_shop = make_catalog()
    number = make_number(business_shop.business, transport="cloudapi", digits="4930123456")
    shop = make_catalog(business_shop.business, number)
    address = buyer.get(f"/s/{shop.slug}/chat/")["Location"]
    assert address == "https://wa.me/4930123456?text=Hello%21+I+have+a+question+about+Bakery."
    shown = buyer.get(f"/s/{shop.slug}/chat.svg")
    assert (shown["Content-Type"], shown.content[:4]) == ("image/svg+xml", b"<svg")


def test_a_closed_shop_shows_its_page_and_takes_nothing(buyer):
    shop = make_catalog(is_open=False)
    product = make_product(shop, "rye")
    text = buyer.get(f"/s/{shop.slug}/p/{product.pk}/").content.decode()
    assert ("The shop takes no orders at the moment." in text, "Add to cart" in text) == (
        True,
        False,
    )


def test_the_page_asks_the_database_seldom(shop, buyer, django_assert_max_num_queries):
    for n in range(20):
        make_product(shop, f"p{n}", title=f"P{n}", sale_price_minor=100)
    buyer.get(f"/s/{shop.slug}/")
    with django_assert_max_num_queries(
        11
    ):  # three of them read, the others open and close two scopes
        buyer.get(f"/s/{shop.slug}/")


def test_only_our_own_pages_may_frame_it(shop, buyer):
    answer = buyer.get(f"/s/{shop.slug}/")
    assert "frame-ancestors 'self';" in answer["Content-Security-Policy"] + ";"
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


def test_unknown_shops_and_products_are_not_found(shop, buyer):
    other = make_product(make_catalog(), "foreign")
    for path in (
        "/s/none/",
        f"/s/{shop.slug}/p/{other.pk}/",
        f"/s/{shop.slug}/p/{2**63}/",
        "/s/none/cart/",
    ):
        assert buyer.get(path).status_code == 404
