"""The shop's pages: a cart without a login, and no requests to other hosts."""

from django.urls import reverse
from playwright.sync_api import expect

from core.tenancy import scope
from tests.browser.conftest import Site
from tests.shops.sample_data import make_catalog, make_order, make_product, pay_in_full


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


def test_a_refund_is_reviewed_with_its_amount_before_it_is_made(site: Site) -> None:
    order = make_order(site.business, site.number)
    with scope(site.business.pk):
        order = pay_in_full(order)
    page = site.window().new_page()
    page.goto(reverse("shop_order", args=[order.pk]))
    page.locator("summary", has_text="Refund").click()
    page.get_by_role("button", name="Review refund").click()
    expect(page.get_by_text("Choose lines, an amount, or all that is left.")).to_be_visible()
    page.locator("summary", has_text="Refund").click()
    page.get_by_label("All that is left: €5.00").check()
    page.get_by_role("button", name="Review refund").click()
    expect(page.get_by_role("heading", name="Refund €5.00?")).to_be_visible()
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_text("All that is left: €5.00")).to_be_attached()
    page.locator("summary", has_text="Refund").click()
    page.get_by_label("All that is left: €5.00").check()
    page.get_by_role("button", name="Review refund").click()
    page.get_by_role("button", name="Refund €5.00").dblclick()
    expect(page.get_by_text("−€5.00").first).to_be_visible()
    with scope(site.business.pk):
        order.refresh_from_db()
        assert (order.refunded_minor, order.refundable_minor) == (500, 0)
