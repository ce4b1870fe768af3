"""Read receipts for inbound messages: the business, by API or dashboard, has seen them; an upstream is told."""

from django.db.models.functions import Now

from accounts.models import Business
from hosting.errors import CloudApiError
from hosting.models import Conversation, Direction, Message, Number, Receipt, Transport


def confirm_read(
    *, business: Business, number: Number, wamid: str, is_typing: bool = False
) -> Message:
    """Mark an inbound message, and with it the conversation, as read; 131009 when it is not this number's.

    The caller rings the bell on commit.
    """
    message = Message.objects.filter(
        business=business, number_id=number.pk, wamid=wamid, direction=Direction.IN
    ).first()
    if message is None:
        raise CloudApiError(
            131009, "message_id names no inbound message of this number.", field="message_id"
        )
    clear_unread(conversation_id=message.conversation_id)
    _pass_on(number, message, is_typing=is_typing)
    return message


def see(conversation: Conversation) -> None:
    """A member looks at a conversation: what was unread is read, and the customer may know. The caller rings."""
    if not conversation.unread_count:
        return
    clear_unread(conversation_id=conversation.pk)
    if conversation.number.transport == Transport.CLOUDAPI:
        rows = Message.objects.filter(conversation=conversation, direction=Direction.IN)
        # The network takes all earlier ones as read with the last.
        if latest := rows.exclude(kind__in=["reaction", "system"]).order_by("-id").first():
            _pass_on(conversation.number, latest, is_typing=False)


def _pass_on(number: Number, message: Message, *, is_typing: bool) -> None:
    if number.transport == Transport.CLOUDAPI:
        Receipt.objects.bulk_create(
            [
                Receipt(
                    business_id=message.business_id, number_id=number.pk, wamid=message.wamid, is_typing=is_typing,
                    not_before=Now(), created_at=Now(),
                )
            ],
            update_conflicts=True,
            unique_fields=["number", "wamid"],
            update_fields=["is_typing", "attempts", "not_before", "created_at"],
        )  # fmt: skip


def clear_unread(*, conversation_id: int) -> None:
    """Set a conversation's unread count to 0, within the business's scope."""
    Conversation.objects.filter(pk=conversation_id).exclude(unread_count=0).update(unread_count=0)
