"""Serializers of conversations, messages and contacts."""

from rest_framework import serializers

from core.serializers import StrictSerializer
from hosting.models import Contact, Conversation, Message


class ContactSerializer(serializers.ModelSerializer[Contact]):
    """A customer."""

    class Meta:
        model = Contact
        fields = ("id", "wa_id", "user_id", "name", "username", "alias", "created_at", "held_at")
        read_only_fields = ("id", "wa_id", "user_id", "name", "username", "created_at", "held_at")


class ContactChange(StrictSerializer):
    """The changeable fields of a contact."""

    alias = serializers.CharField(
        max_length=200, allow_blank=True, help_text="Shown in place of the customer's name."
    )


class MergeSerializer(StrictSerializer):
    """The contact that is kept."""

    into = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, help_text="Id of the contact that stays."
    )


class ConversationSerializer(serializers.ModelSerializer[Conversation]):
    """The conversation with one contact on one number."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    number = serializers.CharField(
        source="number.phone_number_id", read_only=True, help_text="phone_number_id"
    )
    contact = ContactSerializer(read_only=True)
    assignee = serializers.EmailField(
        source="assignee.email", read_only=True, allow_null=True, default=None
    )
    window_until = serializers.DateTimeField(
        read_only=True,
        allow_null=True,
        help_text="End of the 24-hour window; null where it never opened.",
    )

    class Meta:
        model = Conversation
        fields = (
            "id", "number", "contact", "created_at", "last_message_at", "last_message_text",
            "last_inbound_at", "window_until", "unread_count", "is_resolved", "assignee",
        )  # fmt: skip
        read_only_fields = tuple(name for name in fields if name != "is_resolved")


class ConversationChange(StrictSerializer):
    """The changeable fields of a conversation."""

    is_resolved = serializers.BooleanField(required=False)
    read = serializers.BooleanField(required=False, help_text="true: its unread count becomes 0.")


class MessageSerializer(serializers.ModelSerializer[Message]):
    """An inbound or outbound message."""

    conversation = serializers.UUIDField(source="conversation.public_id", read_only=True)
    number = serializers.CharField(
        source="number.phone_number_id", read_only=True, help_text="phone_number_id"
    )
    contact = serializers.CharField(
        source="contact.wa_id", read_only=True, help_text="wa_id of the customer"
    )
    template = serializers.CharField(
        source="template.name", read_only=True, allow_null=True, default=None
    )
    category = serializers.CharField(
        read_only=True, help_text="Decides the price; empty for inbound messages."
    )
    content = serializers.JSONField(
        read_only=True, help_text="The Cloud API's object for this kind."
    )
    errors = serializers.JSONField(read_only=True, allow_null=True)  # type: ignore[assignment]

    class Meta:
        model = Message
        fields = (
            "id", "wamid", "conversation", "number", "contact", "direction", "kind", "text",
            "content", "context_wamid", "tracker", "template", "category", "status", "errors",
            "created_at", "sent_at", "delivered_at", "read_at", "failed_at", "edited_at",
            "revoked_at",
        )  # fmt: skip
        read_only_fields = fields


MESSAGE_ROWS = Message.objects.select_related("conversation", "contact", "number", "template")
EXAMPLE_MESSAGE = {
    "id": 81234,
    "wamid": "wamid.HBgL",
    "conversation": "4b0fc3b4-2f6e-4a67-9b0b-0a3a9f1d2c11",
    "number": "106540352242922",
    "contact": "14155550100",
    "direction": "out",
    "kind": "text",
    "text": "Your order is ready",
    "content": {"body": "Your order is ready"},
    "context_wamid": "",
    "tracker": "",
    "template": None,
    "category": "service",
    "status": "delivered",
    "errors": None,
    "created_at": "2026-05-10T12:00:00Z",
    "sent_at": "2026-05-10T12:00:00.4Z",
    "delivered_at": "2026-05-10T12:00:01Z",
    "read_at": None,
    "failed_at": None,
    "edited_at": None,
    "revoked_at": None,
}
EXAMPLE_CONTACT = {
    "id": 512,
    "wa_id": "14155550100",
    "user_id": "US.1349",
    "name": "Ann",
    "username": "@ann",
    "alias": "Ann from the bakery",
    "created_at": "2026-05-01T09:00:00Z",
    "held_at": None,
}
