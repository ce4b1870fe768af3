"""The shop's pages in a real browser: accessible, nothing sticks out, and a cart that the page knows without a login."""

from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.tenancy import scope
from shops import picturing
from shops.cataloguing import add_collection
from shops.models import CatalogImport, ImportProblem
from tests.browser.conftest import Site
from tests.browser.test_pages import PICTURES, inspect
from tests.shops.making import make_catalog, make_delivery, make_product
from tests.shops.test_products import a_picture


def furnish(site: Site) -> dict[str, str]:
    """A shop with variants, a sale, something sold out, a picture, a shelf and a file with a fault."""
    shop = make_catalog(site.business, site.number, slug="bakery", description="Bread since 1908")
    rye = make_product(
        shop, "rye-s", 450, title="Rye loaf with a long crust", item_group="rye", options={"size": "S"}, stock=3,
        sale_price_minor=390, description="Dark.\n\nKeeps a week.", tax_percent=7,
    )  # fmt: skip
    make_product(shop, "rye-l", 800, title="Rye loaf with a long crust", item_group="rye", options={"size": "L"})
    make_product(shop, "bun", 80, title="Bun", stock=0)
    make_delivery(shop)
    with scope(site.business.pk):
        picturing.add(rye, content=a_picture().read(), mime_type="image/jpeg")
        shelf = add_collection(shop, "Bread")
        shelf.products.add(rye, through_defaults={"business_id": site.business.pk})
        job = CatalogImport.objects.create(
            business=site.business, catalog=shop, filename="spring.csv", state="ready", total=2, bad=1, processed=2
        )
        ImportProblem.objects.create(
            business=site.business, job=job, row=3, column="price", value="free", reason="Write a number."
        )
    return {
        "shop-sales": "/shop/", "shop-products": "/shop/products/", "shop-product": f"/shop/products/{rye.pk}/",
        "shop-import": f"/shop/imports/{job.public_id}/", "shop-settings": "/shop/settings/",
        "front": "/s/bakery/", "front-product": f"/s/bakery/p/{rye.pk}/",
    }  # fmt: skip


@pytest.mark.parametrize(("scheme", "width", "height"), [("light", 1440, 900), ("dark", 390, 844)])
def test_shop_pages_are_accessible_and_a_buyer_fills_a_cart(site: Site, scheme: Any, width: int, height: int) -> None:
    addresses = furnish(site)
    PICTURES.mkdir(exist_ok=True)
    seller = site.window(color_scheme=scheme, viewport={"width": width, "height": height}).new_page()
    problems = [found for name, path in addresses.items() for found in inspect(seller, name, path, scheme, width)]
    buyer = site.stranger(color_scheme=scheme, viewport={"width": width, "height": height}).new_page()
    asked: list[str] = []
    buyer.on("request", lambda request: asked.append(request.url))
    buyer.goto("/s/bakery/")
    buyer.get_by_role("link", name="Rye loaf with a long crust").click()
    buyer.get_by_label("How many").fill("2")
    buyer.get_by_role("button", name="Add to cart").click()
    expect(buyer.get_by_text("€7.80").first).to_be_visible()
    problems += inspect(buyer, "front-cart", "/s/bakery/cart/", scheme, width)
    buyer.goto("/s/bakery/")
    expect(buyer.locator("[data-cart-count]")).to_have_text("1")
    assert problems == []
    assert [url for url in asked if not url.startswith(site.url)] == []
