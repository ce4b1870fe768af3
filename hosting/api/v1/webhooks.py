"""`/api/v1/webhooks/…` and `/api/v1/webhook-deliveries/…`: webhooks, deliveries, replay."""

import uuid
from typing import Any

import orjson
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.response import Response

from accounts.api import BusinessAPIMixin, BusinessAPIRequest, BusinessAPIView
from accounts.models import KeyScope
from core.errors import BadInput
from core.serializers import StrictSerializer
from core.wake import notify
from hosting import tasks
from hosting.api.v1.parsers import BoundedJSONParser
from hosting.models import Account, Number, Webhook, WebhookCall
from hosting.models.webhooks import FIELDS
from hosting.search.filters import choice, one_of
from hosting.webhooks import delivery, subscriptions


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    """A subscribed URL."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    account = serializers.CharField(
        source="account.waba_id", read_only=True, help_text="The account's WABA id."
    )
    number = serializers.CharField(
        source="number.phone_number_id",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="phone_number_id",
    )
    events = serializers.ListField(source="fields", child=serializers.CharField(), read_only=True)

    class Meta:
        model = Webhook
        fields = (
            "id",
            "account",
            "number",
            "url",
            "events",
            "is_active",
            "created_at",
            "failures",
            "paused_until",
        )
        read_only_fields = fields


class SubscribeSerializer(StrictSerializer):
    """A new webhook; its URL must answer the challenge first."""

    account = serializers.CharField(
        max_length=32, required=False, help_text="WABA id; not needed with a number."
    )
    number = serializers.CharField(
        max_length=32, required=False, help_text="phone_number_id: only its events."
    )
    url = serializers.URLField(max_length=2048)
    verify_token = serializers.CharField(
        max_length=512, help_text="Sent as hub.verify_token with the challenge."
    )
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=FIELDS),
        required=False,
        help_text="Its events; all by default.",
    )


class WebhookChange(StrictSerializer):
    """The changeable fields of a webhook."""

    is_active = serializers.BooleanField()


class WebhookDeliverySerializer(serializers.ModelSerializer[WebhookCall]):
    """One POST to a webhook."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    webhook = serializers.UUIDField(source="webhook.public_id", read_only=True)
    replay_of = serializers.UUIDField(
        source="replay_of.public_id", read_only=True, allow_null=True, default=None
    )
    attempts = serializers.IntegerField(source="tries", read_only=True)

    class Meta:
        model = WebhookCall
        fields = (
            "id", "webhook", "field", "state", "attempts", "created_at", "tried_at", "not_before",
            "deadline", "response_status", "seconds", "last_error", "replay_of",
        )  # fmt: skip
        read_only_fields = fields


class WebhookDeliveryDetailSerializer(WebhookDeliverySerializer):
    """One POST to a webhook, with body and response."""

    body = serializers.SerializerMethodField()
    response = serializers.CharField(
        source="shown_response", read_only=True, help_text="The first 2 KB."
    )

    class Meta(WebhookDeliverySerializer.Meta):
        fields: Any = (*WebhookDeliverySerializer.Meta.fields, "body", "response")

    def get_body(self, call: WebhookCall) -> dict[str, Any]:
        """The JSON that was sent."""
        body: dict[str, Any] = orjson.loads(bytes(call.body))
        return body


class Webhooks(BusinessAPIMixin, ListAPIView[Webhook]):
    """The business's webhooks."""

    required_scope = KeyScope.WEBHOOKS
    queryset = Webhook.objects.kept().select_related("account", "number")
    serializer_class = WebhookSerializer
    parser_classes = (BoundedJSONParser,)

    @extend_schema(request=SubscribeSerializer, responses={201: WebhookSerializer})
    def post(self, request: BusinessAPIRequest) -> Response:
        """Subscribe a URL that answers the Cloud API's challenge, within two seconds."""
        asked = SubscribeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        number = one_of(
            Number.objects.filter(business=request.business).select_related("account"),
            "phone_number_id",
            wanted.get("number"),
            "number",
        )
        account = number.account if number else _account(request, wanted.get("account"))
        subscriptions.challenge(
            url=wanted["url"],
            verify_token=wanted["verify_token"],
            business_id=request.business.pk,
        )
        webhook = subscriptions.subscribe(
            account=account,
            number=number,
            url=wanted["url"],
            verify_token=wanted["verify_token"],
            fields=wanted.get("events"),
        )
        return Response(WebhookSerializer(webhook).data, status=201)


def _account(request: BusinessAPIRequest, waba_id: str | None) -> Account:
    own = Account.objects.filter(business=request.business)
    if waba_id is None and own.count() == 1:
        return own.get()
    found = one_of(own, "waba_id", waba_id, "account")
    if found is None:
        raise BadInput("account is required: the WABA id.", field="account")
    return found


class WebhookById(BusinessAPIView):
    """One webhook."""

    required_scope = KeyScope.WEBHOOKS
    serializer_class = WebhookSerializer
    pagination_class: Any = None
    parser_classes = (BoundedJSONParser,)

    def get(self, request: BusinessAPIRequest, public_id: uuid.UUID) -> Response:
        """One webhook with its failures."""
        return Response(WebhookSerializer(self._own(request, public_id)).data)

    @extend_schema(request=WebhookChange)
    def patch(self, request: BusinessAPIRequest, public_id: uuid.UUID) -> Response:
        """Deactivate or activate it."""
        webhook = self._own(request, public_id)
        change = WebhookChange(data=request.data)
        change.is_valid(raise_exception=True)
        webhook.is_active = change.validated_data["is_active"]
        webhook.save(update_fields=["is_active"])
        return Response(WebhookSerializer(webhook).data)

    @extend_schema(responses={204: None})
    def delete(self, request: BusinessAPIRequest, public_id: uuid.UUID) -> Response:
        """Remove it; its deliveries stay listed until they are purged."""
        self._own(request, public_id).remove()
        return Response(status=204)

    @staticmethod
    def _own(request: BusinessAPIRequest, public_id: uuid.UUID) -> Webhook:
        kept = (
            Webhook.objects.kept()
            .filter(business=request.business)
            .select_related("account", "number")
        )
        return get_object_or_404(kept, public_id=public_id)


@extend_schema_view(
    get=extend_schema(
        parameters=[
            OpenApiParameter("webhook", uuid.UUID, description="Only deliveries to this webhook."),
            OpenApiParameter("state", str, enum=list(WebhookCall.State.values)),
        ]
    )
)
class WebhookDeliveries(BusinessAPIMixin, ListAPIView[WebhookCall]):
    """Webhook deliveries, newest first."""

    required_scope = KeyScope.WEBHOOKS
    query_fields = ("webhook", "state")
    queryset = WebhookCall.objects.select_related("webhook", "replay_of").defer(
        "body", "response_body"
    )
    serializer_class = WebhookDeliverySerializer

    def get_queryset(self) -> QuerySet[WebhookCall]:
        """Return the business's deliveries that match the query parameters."""
        rows, asked = super().get_queryset(), self.request.query_params
        if webhook := asked.get("webhook"):
            rows = rows.filter(webhook__public_id=_uuid(webhook))
        if state := choice(asked.get("state"), WebhookCall.State.values, "state"):
            rows = rows.filter(state=state)
        return rows


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise BadInput("webhook is the id of a webhook.", field="webhook") from None


class WebhookDeliveryById(BusinessAPIView):
    """One webhook delivery."""

    required_scope = KeyScope.WEBHOOKS
    serializer_class = WebhookDeliveryDetailSerializer
    pagination_class: Any = None

    def get(self, request: BusinessAPIRequest, public_id: uuid.UUID) -> Response:
        """One delivery with body and response."""
        return Response(WebhookDeliveryDetailSerializer(own_call(request, public_id)).data)


class WebhookDeliveryReplay(BusinessAPIView):
    """Replay of a webhook delivery."""

    required_scope = KeyScope.WEBHOOKS
    serializer_class = WebhookDeliverySerializer
    pagination_class: Any = None

    @extend_schema(request=None, responses={201: WebhookDeliverySerializer})
    def post(self, request: BusinessAPIRequest, public_id: uuid.UUID) -> Response:
        """Send the same body again, as a new delivery outside of any order."""
        again = delivery.replay(own_call(request, public_id))
        notify(tasks.call)
        return Response(
            WebhookDeliverySerializer(own_call(request, again.public_id)).data, status=201
        )


def own_call(request: BusinessAPIRequest, public_id: uuid.UUID) -> WebhookCall:
    """Return the caller's delivery of that id, or 404."""
    rows = WebhookCall.objects.filter(business=request.business).select_related(
        "webhook", "replay_of"
    )
    return get_object_or_404(rows, public_id=public_id)
