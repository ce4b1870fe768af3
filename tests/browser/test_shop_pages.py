"""The shop's pages: a cart without a login, and no requests to other hosts."""

from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.shops.sample_data import make_catalog, make_product


def test_a_buyer_fills_a_cart_without_a_login_and_without_a_third_party(site: Site) -> None:
    shop = make_catalog(site.business, site.number, slug="bakery", description="Bread since 1908")
    make_product(shop, "rye", 450, title="Rye loaf", sale_price_minor=390)
    buyer = site.stranger().new_page()
    asked: list[str] = []
    buyer.on("request", lambda request: asked.append(request.url))
    buyer.goto("/s/bakery/")
    buyer.get_by_role("link", name="Rye loaf").click()
    buyer.get_by_label("How many").fill("2")
    buyer.get_by_role("button", name="Add to cart").click()
    expect(buyer.get_by_text("€7.80").first).to_be_visible()
    buyer.goto("/s/bakery/")
    expect(buyer.locator("[data-cart-count]")).to_have_text("1")
    assert [url for url in asked if not url.startswith(site.url)] == []
