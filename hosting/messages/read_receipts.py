"""Read receipts for inbound messages, also passed on to the number's upstream."""

from django.db.models.functions import Now

from accounts.models import Business
from hosting.errors import CloudApiError
from hosting.models import Conversation, Direction, Message, Number, Receipt, Transport


def mark_message_read(
    *, business: Business, number: Number, wamid: str, is_typing: bool = False
) -> Message:
    """Mark an inbound message and its conversation as read; return the message.

    `is_typing` also shows the customer a typing indicator. Raises CloudApiError 131009 when the
    message is not an inbound one of this number. The caller notifies the receipt queue on commit.
    """
    message = Message.objects.filter(
        business=business, number_id=number.pk, wamid=wamid, direction=Direction.IN
    ).first()
    if message is None:
        raise CloudApiError(
            131009, "message_id names no inbound message of this number.", field="message_id"
        )
    clear_unread(conversation_id=message.conversation_id)
    _queue_receipt(number, message, is_typing=is_typing)
    return message


def mark_conversation_read(conversation: Conversation) -> None:
    """Mark a conversation as read because a member looks at it, and queue a receipt for its
    upstream. The caller notifies the receipt queue on commit.
    """
    if not conversation.unread_count:
        return
    clear_unread(conversation_id=conversation.pk)
    if conversation.number.transport == Transport.CLOUDAPI:
        rows = Message.objects.filter(conversation=conversation, direction=Direction.IN)
        # A receipt for the last message also covers the earlier ones.
        if latest := rows.exclude(kind__in=["reaction", "system"]).order_by("-id").first():
            _queue_receipt(conversation.number, latest, is_typing=False)


def _queue_receipt(number: Number, message: Message, *, is_typing: bool) -> None:
    if number.transport == Transport.CLOUDAPI:
        Receipt.objects.bulk_create(
            [
                Receipt(
                    business_id=message.business_id,
                    number_id=number.pk,
                    wamid=message.wamid,
                    is_typing=is_typing,
                    not_before=Now(),
                    created_at=Now(),
                )
            ],
            update_conflicts=True,
            unique_fields=["number", "wamid"],
            update_fields=[
                "is_typing",
                "attempts",
                "not_before",
                "leased_until",
                "dead_at",
                "created_at",
            ],
        )


def clear_unread(*, conversation_id: int) -> None:
    """Set a conversation's unread count to 0; call inside the business's scope."""
    Conversation.objects.filter(pk=conversation_id).exclude(unread_count=0).update(unread_count=0)
