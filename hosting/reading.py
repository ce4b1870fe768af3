"""Read receipts for inbound messages: the business, by API or dashboard, has seen them."""

from accounts.models import Business
from hosting.errors import CloudApiError
from hosting.models import Conversation, Direction, Message, Number


def confirm_read(*, business: Business, number: Number, wamid: str) -> Message:
    """Mark an inbound message, and with it the conversation, as read; 131009 when it is not this number's."""
    message = Message.objects.filter(
        business=business, number_id=number.pk, wamid=wamid, direction=Direction.IN
    ).first()
    if message is None:
        raise CloudApiError(131009, "message_id names no inbound message of this number.", field="message_id")
    clear_unread(conversation_id=message.conversation_id)
    return message


def clear_unread(*, conversation_id: int) -> None:
    """Set a conversation's unread count to 0, within the business's scope."""
    Conversation.objects.filter(pk=conversation_id).exclude(unread_count=0).update(unread_count=0)
