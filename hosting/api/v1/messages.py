"""`/api/v1/messages/…`: list, look up and send messages."""

from typing import Any, ClassVar

import orjson
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    extend_schema,
    extend_schema_view,
)
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import BusinessAPIRequest, BusinessAPIView, ColumnsAPIView
from accounts.models import Business, KeyScope
from core.errors import BadInput
from core.wake import notify
from hosting import tasks
from hosting.api.v1.parsers import BoundedJSONParser
from hosting.api.v1.serializers import EXAMPLE_MESSAGE, MESSAGE_ROWS, MessageSerializer
from hosting.cloudapi import sends
from hosting.cloudapi.json import as_text
from hosting.cloudapi.number_forms import named_person
from hosting.errors import CloudApiError
from hosting.messages import idempotency, rate_limits, rejections, send
from hosting.models import Category, Contact, Direction, Message, Number, Status
from hosting.search.filters import choice, moment, one_of, word


class SendSerializer(serializers.Serializer[Any]):
    """A message as in the Cloud API, with `from` instead of the number in the path."""

    from_ = serializers.CharField(help_text="phone_number_id of the number that sends.")
    to = serializers.CharField(required=False, help_text="The customer's number with country code.")
    recipient = serializers.CharField(
        required=False, help_text="The customer's user id, in place of `to`."
    )
    type = serializers.CharField(default="text", help_text="text, template, image, interactive …")
    text = serializers.JSONField(
        required=False, help_text="The object named by `type`, as in the Cloud API."
    )
    context = serializers.JSONField(
        required=False, help_text='{"message_id": "wamid…"}: the message replied to.'
    )  # type: ignore[assignment]
    biz_opaque_callback_data = serializers.CharField(required=False, max_length=512)

    def get_fields(self) -> dict[str, Any]:
        """Rename `from_`, since `from` is a keyword in Python."""
        fields = super().get_fields()
        return {name.rstrip("_"): field for name, field in fields.items()}


class Messages(ColumnsAPIView):
    """All messages of the business."""

    required_scope = KeyScope.READ
    query_fields = (
        "number",
        "contact",
        "direction",
        "status",
        "category",
        "kind",
        "since",
        "until",
    )
    changing_scope = KeyScope.MESSAGES
    number_path = "number_id"
    queryset = MESSAGE_ROWS.all()
    serializer_class = MessageSerializer
    parser_classes = (BoundedJSONParser,)
    ordering: ClassVar[tuple[str, ...]] = ("-created_at", "-id")

    refused: tuple[Business, Number, sends.SendRequest, CloudApiError] | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Store a rejected send after its transaction was rolled back."""
        response = super().dispatch(request, *args, **kwargs)
        if self.refused:
            business, number, wanted, error = self.refused
            rejections.record_rejection(
                business=business, number=number, wanted=wanted, error=error
            )
        return response

    def get_queryset(self) -> QuerySet[Message]:
        """Return the business's messages that match the query parameters."""
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
            rows = rows.filter(
                conversation__in=list(contact.conversations.values_list("id", flat=True))
            )
        narrowed = {
            "direction": choice(asked.get("direction"), Direction.values, "direction"),
            "status": choice(asked.get("status"), Status.values, "status"),
            "category": choice(asked.get("category"), Category.values, "category"),
            "kind": word(asked.get("kind"), "kind"),
            "created_at__gte": moment(asked.get("since"), "since"),
            "created_at__lt": moment(asked.get("until"), "until", end=True),
        }
        return rows.filter(**{name: value for name, value in narrowed.items() if value})

    @extend_schema(
        operation_id="messages_list",
        parameters=[
            OpenApiParameter("number", str, description="phone_number_id"),
            OpenApiParameter("contact", str, description="wa_id of the customer"),
            OpenApiParameter("direction", str, enum=list(Direction.values)),
            OpenApiParameter("status", str, enum=list(Status.values)),
            OpenApiParameter("category", str, enum=list(Category.values)),
            OpenApiParameter("kind", str, description="text, image, template …"),
            OpenApiParameter("since", str, description="A day, or a moment with zone."),
            OpenApiParameter(
                "until", str, description="A day (it counts too), or a moment with zone."
            ),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Messages, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="messages_send",
        request=SendSerializer,
        responses={201: MessageSerializer},
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                str,
                OpenApiParameter.HEADER,
                description="Same key, same answer, one message.",
            )
        ],
        examples=[
            OpenApiExample(
                "A text",
                {
                    "from": "106540352242922",
                    "to": "14155550100",
                    "type": "text",
                    "text": {"body": "Ready!"},
                },
                request_only=True,
            ),
            OpenApiExample(
                "Accepted", EXAMPLE_MESSAGE | {"status": "accepted"}, response_only=True
            ),
        ],
    )
    def post(self, request: BusinessAPIRequest) -> Response:
        """Send a message, by the rules of the Cloud API. Needs the scope `messages`."""
        body = dict(request.data)
        phone_number_id = as_text(body.pop("from", ""))
        numbers = Number.objects.filter(business=request.business).select_related("account")
        number = one_of(
            request.user.narrow(numbers, "id"), "phone_number_id", phone_number_id, "from"
        )
        if number is None:
            raise BadInput(
                "from is required: the phone_number_id of the number that sends.", field="from"
            )
        wanted = sends.parse(body | {"messaging_product": "whatsapp"})
        if isinstance(wanted, sends.ReadRequest):
            raise BadInput("To mark a conversation as read, PATCH it.", field="status")
        return self._once(request, number, wanted)

    def _once(
        self, request: BusinessAPIRequest, number: Number, wanted: sends.SendRequest
    ) -> Response:
        key, business_id = request.headers.get("Idempotency-Key", ""), request.business.pk
        if not key:
            return Response(self._send(request, number, wanted), status=201)
        content = orjson.dumps(request.data, option=orjson.OPT_SORT_KEYS)
        before = idempotency.claim(
            business_id=business_id,
            key=key,
            fingerprint=idempotency.fingerprint_of(request.path, content),
        )
        if before is not None:
            return Response(
                orjson.loads(before), status=201, headers={"Idempotent-Replayed": "true"}
            )
        sent = self._send(request, number, wanted)
        idempotency.store_reply(
            business_id=business_id, key=key, body=orjson.dumps(sent, default=str)
        )
        return Response(sent, status=201)

    def _send(
        self, request: BusinessAPIRequest, number: Number, wanted: sends.SendRequest
    ) -> dict[str, Any]:
        rate_limits.check_message_rate(number=number, to=wanted.to or wanted.user_id)
        try:
            message = send.send_message(
                business=request.business,
                number=number,
                to=wanted.to,
                user_id=wanted.user_id,
                kind=wanted.kind,
                content=wanted.content,
                context_wamid=wanted.context_wamid,
                tracker=wanted.tracker,
            )
        except CloudApiError as error:
            self.refused = (request.business, number, wanted, error)
            raise
        notify(tasks.fetch_links if message.has_links else tasks.deliver)
        return dict(MessageSerializer(MESSAGE_ROWS.get(pk=message.pk)).data)


@extend_schema_view(get=extend_schema(examples=[OpenApiExample("A message", EXAMPLE_MESSAGE)]))
class MessageById(BusinessAPIView):
    """One message."""

    required_scope = KeyScope.READ
    number_path = "number_id"
    queryset = MESSAGE_ROWS.all()
    serializer_class = MessageSerializer
    pagination_class: Any = None

    def get(self, request: BusinessAPIRequest, message_id: int) -> Response:
        """One message by its id."""
        return Response(
            MessageSerializer(get_object_or_404(self.get_queryset(), pk=message_id)).data
        )
