"""`/api/v1/conversations/…`: the list, one conversation, its messages."""

import uuid
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response

from accounts.api import BusinessAPIRequest, BusinessAPIView, ColumnsAPIView
from accounts.models import KeyScope
from core.errors import NotAllowed
from hosting.api.v1.parsers import BoundedJSONParser
from hosting.api.v1.serializers import (
    MESSAGE_ROWS,
    ConversationChange,
    ConversationSerializer,
    MessageSerializer,
)
from hosting.cloudapi.number_forms import named_person
from hosting.conversations import changes
from hosting.messages.read_receipts import clear_unread
from hosting.models import Contact, Conversation, Message, Number
from hosting.models.conversations import window_end
from hosting.search.filters import boolean, moment, one_of

ROWS = Conversation.objects.select_related("contact", "number", "assignee")


@extend_schema_view(
    get=extend_schema(
        operation_id="conversations_list",
        parameters=[
            OpenApiParameter("number", str, description="phone_number_id"),
            OpenApiParameter("contact", str, description="wa_id of the customer"),
            OpenApiParameter("is_resolved", bool),
            OpenApiParameter("unread", bool, description="true: only those with unread messages."),
            OpenApiParameter(
                "since", str, description="Last message at or after: a day, or a moment with zone."
            ),
        ],
    )
)
class Conversations(ColumnsAPIView):
    """Conversations, by newest message."""

    required_scope = KeyScope.READ
    number_path = "number_id"
    queryset = ROWS.all()
    serializer_class = ConversationSerializer
    query_fields = ("number", "contact", "is_resolved", "unread", "since")
    ordering = ("-last_message_at", "-id")
    computed: ClassVar = {"window_until": lambda row: window_end(row["last_inbound_at"])}

    def get_queryset(self) -> QuerySet[Conversation]:
        """Return the business's conversations that match the query parameters."""
        rows, asked, business = (
            super().get_queryset(),
            self.request.query_params,
            self.request.business,
        )
        numbers = self.request.user.narrow(Number.objects.filter(business=business), "id")
        if number := one_of(numbers, "phone_number_id", asked.get("number"), "number"):
            rows = rows.filter(number=number)
        if contact := one_of(
            Contact.objects.filter(business=business),
            "wa_id",
            named_person(asked.get("contact")),
            "contact",
        ):
            rows = rows.filter(contact=contact)
        if (resolved := boolean(asked.get("is_resolved"), "is_resolved")) is not None:
            rows = rows.filter(is_resolved=resolved)
        if boolean(asked.get("unread"), "unread"):
            rows = rows.filter(unread_count__gt=0)
        if since := moment(asked.get("since"), "since"):
            rows = rows.filter(last_message_at__gte=since)
        return rows


class ConversationById(BusinessAPIView):
    """One conversation."""

    required_scope = KeyScope.READ
    number_path = "number_id"
    queryset = ROWS.all()
    serializer_class = ConversationSerializer
    pagination_class: Any = None
    parser_classes = (BoundedJSONParser,)

    def get(self, request: BusinessAPIRequest, public_id: uuid.UUID) -> Response:
        """One conversation, with its contact."""
        return Response(ConversationSerializer(self._own(public_id)).data)

    @extend_schema(request=ConversationChange)
    def patch(self, request: BusinessAPIRequest, public_id: uuid.UUID) -> Response:
        """Resolve or reopen it, or mark it as read; needs the scope `messages` too."""
        if KeyScope.MESSAGES not in request.user.scopes:
            raise NotAllowed("This key has no scope 'messages'.")
        conversation = self._own(public_id)
        change = ConversationChange(data=request.data)
        change.is_valid(raise_exception=True)
        if "is_resolved" in change.validated_data:
            changes.resolve(
                conversation=conversation,
                author=None,
                resolved=change.validated_data["is_resolved"],
            )
        if change.validated_data.get("read"):
            clear_unread(conversation_id=conversation.pk)
        return self.get(request, public_id)

    def _own(self, public_id: uuid.UUID) -> Conversation:
        own: Conversation = get_object_or_404(self.get_queryset(), public_id=public_id)
        return own


class ConversationMessages(ColumnsAPIView):
    """The messages of one conversation, newest first."""

    required_scope = KeyScope.READ
    number_path = "number_id"
    queryset = MESSAGE_ROWS.all()
    serializer_class = MessageSerializer
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[Message]:
        """Return the conversation's messages; 404 for another business's."""
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows
        own = self.request.user.narrow(
            Conversation.objects.filter(business=self.request.business), "number_id"
        )
        return rows.filter(conversation=get_object_or_404(own, public_id=self.kwargs["public_id"]))
