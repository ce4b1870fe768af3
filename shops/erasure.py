"""Erasure of a person's data in shops; amounts and goods of orders stay."""

from hosting.extensions import Person
from shops.models import Cart, Order, OrderNote


def erase_person(person: Person) -> None:
    """Remove name, address, notes and carts of a person from the shop's rows.

    Call across businesses.
    """
    orders = Order.objects.filter(
        business_id=person.business_id, conversation_id__in=person.conversation_ids
    )
    OrderNote.objects.filter(order__in=orders).delete()
    Cart.objects.filter(
        business_id=person.business_id, conversation_id__in=person.conversation_ids
    ).delete()
    orders.update(address={}, buyer_note="", tracking="", conversation=None)
