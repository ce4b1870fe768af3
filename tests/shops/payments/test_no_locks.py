"""While a payment network is called, no row of ours is locked."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from billing.models import BillingDetails
from billing.payments import stripe_collection as invoice_pages
from core.tenancy import system
from shops.models import BuyerPayment
from shops.payments import card_pages, card_refunds, stripe_collection, stripe_events
from tests.core import payment_plants
from tests.core.sites import Site
from tests.databases import admin
from tests.factories import make_business, make_number
from tests.hosting.receivers import Receiver, Taken

TABLES = (
    "billing_invoice",
    "billing_payment",
    "billing_refund",
    "shops_order",
    "shops_buyerpayment",
    "shops_buyerrefund",
    "shops_shopgatewayevent",
)
PAGE = {
    "id": "cs_new",
    "object": "checkout.session",
    "status": "open",
    "payment_status": "unpaid",
    "url": "https://pay.example/1",
}


@pytest.fixture
def locked() -> list[str]:
    """The tables of which a row was locked, for each call of the network; empty where none was."""
    return []


def _locked_tables(name: str) -> str:
    found = []
    with admin(name) as database:
        for table in TABLES:
            try:
                database.execute(f"SELECT FROM {table} FOR UPDATE NOWAIT")
            except psycopg.errors.LockNotAvailable:
                found.append(table)
    return " ".join(found)


@pytest.fixture
def site(committed_db: None, settings: Any, locked: list[str]) -> Iterator[Site]:
    name = str(connection.settings_dict["NAME"])

    def answer(taken: Taken) -> tuple[int, bytes]:
        locked.append(_locked_tables(name))
        if taken.path.endswith("/checkout/sessions"):
            return 200, json.dumps(PAGE).encode()
        return payment_plants.answer_of(taken) or (404, b"{}")

    with Receiver(answer=answer) as server:
        server.show = answer
        settings.STRIPE_API_KEY = "sk_test_1"
        settings.STRIPE_API_BASE = server.url.removesuffix("/hook")
        yield Site(make_number(make_business()), server)


def invoice_page(site: Site) -> None:
    with system("test"):
        invoice = payment_plants.invoice(site.number.business)
        BillingDetails.objects.create(business=site.number.business, customer_id="cus_1")
    assert invoice_pages.pay_by_link(invoice=invoice, back="/") == "https://pay.example/1"


def order_page(site: Site) -> None:
    order, waiting = payment_plants.unpaid_order(site, "cs_before")
    with system("test"):
        BuyerPayment.objects.filter(pk=waiting.pk).delete()
    assert stripe_collection.open_card_page(order, back="/") == "https://pay.example/1"


def returned(site: Site) -> None:
    order, _waiting = payment_plants.unpaid_order(site, "cs_1")
    stripe_collection.refresh_attempt(order)


def overdue(site: Site) -> None:
    payment_plants.card_page(site)
    assert card_pages.close_overdue() == 1


def refund(site: Site) -> None:
    payment_plants.shop_refund(site)
    assert card_refunds.send_due() == 1


def event(site: Site) -> None:
    payment_plants.shop_payment_event(site)
    assert stripe_events.apply_due() == 1


def charge(site: Site) -> None:
    payment_plants.payment(site)
    payment_plants.refund(site)
    assert invoice_pages.collect_due() == 2


@pytest.mark.parametrize(
    "ask", [invoice_page, order_page, returned, overdue, refund, event, charge]
)
def test_no_row_is_locked(site: Site, locked: list[str], ask: Callable[[Site], None]) -> None:
    ask(site)
    assert locked
    assert set(locked) == {""}
