"""A purchase in two windows: a customer buys by phone, the business ships, messages are billed."""

import re
from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Business
from billing.invoices import close
from billing.models import Charge, InvoiceLine
from core.tenancy import system
from hosting.models import Message
from shops.models import Order, Product
from tests.browser.conftest import Site
from tests.shops.sample_data import make_catalog, make_delivery, make_product

WAIT = 30_000


def test_a_purchase_from_the_catalogue_to_the_invoice(site: Site, page: Page) -> None:
    catalog = make_catalog(site.business, site.number, currency="USD")
    for name, title, price in (
        ("rye", "Rye bread", 480),
        ("bun", "Poppy bun", 95),
        ("jam", "Plum jam", 650),
    ):
        make_product(catalog, name, price, title=title, stock=20)
    make_delivery(catalog, "Pick-up", 0, needs_address=False)
    make_delivery(catalog, "Dispatch", 450, position=1)

    # The customer opens the catalogue, adds three things, and sends the cart.
    phone = site.window().new_page()
    phone.goto(f"/phone/{site.simulated_phone.pk}/{site.number.phone_number_id}/")
    phone.get_by_role("link", name="Open the catalogue").click()
    for title, count in (("Rye bread", "2"), ("Poppy bun", "6"), ("Plum jam", "1")):
        phone.get_by_label(f"How many of {title}").fill(count)
    phone.get_by_role("button", name="Send the cart").click()
    expect(phone.locator("#latest")).to_contain_text("How shall we bring it to you?", timeout=WAIT)

    # Shipping and address are chosen in the chat; the payment message opens the pay page there.
    phone.locator("summary", has_text="Choose delivery").click()
    phone.get_by_role("button", name=re.compile("Dispatch")).click()
    phone.locator("summary", has_text="Give the address").click(timeout=WAIT)
    for label, text in (
        ("Name", "Zoe Field"),
        ("Street and number", "Main 1"),
        ("Postcode", "05401"),
    ):
        phone.locator("#latest").get_by_label(label).fill(text)
    phone.locator("#latest").get_by_label("Town").fill("Burlington")
    phone.get_by_role("button", name="Send the address").click()
    expect(phone.locator("#latest")).to_contain_text("Your order #1 comes to:", timeout=WAIT)
    phone.get_by_role("link", name="Review and pay").click()
    checkout = phone.frame_locator("iframe.web")
    expect(checkout.get_by_text("Zoe Field, Main 1, 05401 Burlington")).to_be_visible()
    checkout.get_by_label("Card number").fill("4000 0027 6000 3184")
    checkout.get_by_label("Expiry").fill("12/34")
    checkout.get_by_label("Security code").fill("123")
    checkout.get_by_role("button", name="Pay $26.30").click()
    checkout.get_by_role("button", name="Yes, pay").click()
    expect(checkout.get_by_text("Your payment has arrived.")).to_be_visible()
    phone.get_by_role("link", name="Back to the chat").click()
    expect(phone.locator("#latest")).to_contain_text("Receipt for order #1", timeout=WAIT)

    # The business finds the order, and ships it; the customer sees it.
    page.goto("/shop/orders/")
    page.locator(".board .card", has_text="#1").click()
    expect(page.locator(".talk-beside")).to_contain_text("Receipt for order #1")
    page.get_by_role("button", name="Mark as packed").click()
    page.get_by_label("Tracking number").fill("L-42")
    page.get_by_role("button", name="Mark as shipped").click()
    expect(phone.locator("#latest")).to_contain_text("Your order #1 is on its way.", timeout=WAIT)
    expect(phone.locator("#latest")).to_contain_text("L-42")

    with system("test"):
        order = Order.objects.get()
        assert (order.state, order.total_minor, order.paid_minor, order.tracking) == (
            "shipped",
            2630,
            2630,
            "L-42",
        )
        assert dict(Product.objects.values_list("retailer_id", "stock")) == {
            "rye": 18,
            "bun": 14,
            "jam": 19,
        }
        sent = set(
            Message.objects.filter(conversation=order.conversation, direction="out").values_list(
                "id", flat=True
            )
        )
    # Shipping, address, payment message, thanks, paid, receipt, packed, shipped: all billed.
    assert len(sent) == 8
    for _ in range(100):
        with system("test"):
            charged = set(
                Charge.objects.filter(business_id=site.business.pk).values_list(
                    "message_id", flat=True
                )
            )
        if charged == sent:
            break
        page.wait_for_timeout(100)
    assert charged == sent
    with system("test"):
        Business.objects.filter(pk=site.business.pk).update(
            clock_at=timezone.now() + timedelta(days=40)
        )
    issued = close.close_due_periods()
    with system("test"):
        lines = InvoiceLine.objects.filter(invoice__in=issued, kind="messages")
        assert sum(line.quantity for line in lines) == 8
