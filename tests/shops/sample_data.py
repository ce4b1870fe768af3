"""Factories of shop rows for tests."""

import itertools
from typing import Any

from accounts.models import Business
from core.tenancy import system
from hosting.models import Contact, Conversation, Number
from shops.models import Catalog, DeliveryMethod, Order, PaymentStatus, PaymentWay, Product
from shops.orders.place import RequestedItems, lock_order, place_order
from shops.payments import attempts
from tests.factories import make_business, make_number

_count = itertools.count(1)


def make_catalog(
    business: Business | None = None, number: Number | None = None, **fields: Any
) -> Catalog:
    """An open shop in euros with tax-inclusive prices, on a sandbox number."""
    business = business or make_business()
    number = number or make_number(business)
    fields.setdefault("slug", f"shop-{next(_count)}")
    fields.setdefault("currency", "EUR")
    with system("test data"):
        return Catalog.objects.create(business=business, number=number, name="Bakery", **fields)


def make_product(
    catalog: Catalog, retailer_id: str, price_minor: int = 500, **fields: Any
) -> Product:
    """A product, by default without counted stock."""
    fields.setdefault("title", retailer_id.title())
    with system("test data"):
        return Product.objects.create(
            business_id=catalog.business_id,
            catalog=catalog,
            retailer_id=retailer_id,
            price_minor=price_minor,
            **fields,
        )


def make_delivery(
    catalog: Catalog, name: str = "Dispatch", price_minor: int = 490, **fields: Any
) -> DeliveryMethod:
    """A delivery method."""
    with system("test data"):
        return DeliveryMethod.objects.create(
            business_id=catalog.business_id,
            catalog=catalog,
            name=name,
            price_minor=price_minor,
            **fields,
        )


def make_conversation(catalog: Catalog, wa_id: str = "") -> Conversation:
    """A buyer who has written to the shop's number."""
    with system("test data"):
        contact = Contact.objects.create(
            business_id=catalog.business_id, wa_id=wa_id or f"49151{next(_count):07}", name="Ann"
        )
        return Conversation.objects.create(
            business_id=catalog.business_id, number=catalog.number, contact=contact
        )


def make_order(business: Business, number: Number) -> Order:
    """An order of one bread in a new shop of that number."""
    catalog = make_catalog(business, number)
    make_product(catalog, "bread")
    conversation = make_conversation(catalog)
    with system("test data"):
        catalog.refresh_from_db()
        return place_order(
            catalog=catalog, conversation=conversation, wanted=RequestedItems({"bread": 1})
        )


def pay_in_full(order: Order, way: PaymentWay = PaymentWay.CARD) -> Order:
    """The order after a payment of its whole amount; call in the business's scope."""
    payment = attempts.new_attempt(lock_order(order), way=way)
    attempts.settle(payment, status=PaymentStatus.SUCCEEDED)
    order.refresh_from_db()
    return order


def said(content: dict[str, Any]) -> str:
    """The words of a text or of an interactive message."""
    body = content["body"]
    return str(body if isinstance(body, str) else body["text"])
