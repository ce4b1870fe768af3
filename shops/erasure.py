"""Forgetting: what shops do when a customer is forgotten. What was sold for how much stays; to whom does not."""

from hosting.extensions import Person
from shops.models import Cart, Order, OrderNote


def forget(person: Person) -> None:
    """Take name, address and words from this person's orders, and drop the carts; call across businesses."""
    orders = Order.objects.filter(
        business_id=person.business_id, conversation_id__in=person.conversation_ids
    )
    OrderNote.objects.filter(order__in=orders).delete()
    Cart.objects.filter(
        business_id=person.business_id, conversation_id__in=person.conversation_ids
    ).delete()
    orders.update(address={}, buyer_note="", tracking="", conversation=None)
