"""Paying an invoice by its link, in a browser that keeps to the page's own policies."""

from typing import Any

from playwright.sync_api import expect

from billing import pay_links
from billing.models import Payment
from core.tenancy import system
from tests.billing.payments.test_stripe_collection import owing, stripe
from tests.browser.conftest import Site

__all__ = ["stripe"]


def test_the_link_of_an_invoice_leads_to_the_payment_network(site: Site, stripe: Any) -> None:
    _, invoice = owing()
    window = site.stranger()
    window.route(
        "https://pay.example/**",
        lambda route: route.fulfill(content_type="text/html", body="<h1>Card network</h1>"),
    )
    page = window.new_page()
    referrers: list[str] = []
    page.on(
        "request",
        lambda request: (
            referrers.append(request.headers.get("referer", ""))
            if "pay.example" in request.url
            else None
        ),
    )
    page.goto(pay_links.pay_path(invoice))
    page.get_by_role("button", name="Pay by card").click()
    expect(page.get_by_role("heading", name="Card network")).to_be_visible()
    assert page.url == "https://pay.example/1"
    # The address of the invoice is a secret: the network does not learn it.
    assert referrers == [""]
    with system("test"):
        (payment,) = Payment.objects.filter(invoice=invoice)
        assert (payment.status, payment.amount_minor) == ("pending", 4900)
