"""`/api/v1/webhooks/…`: subscriptions, the log of deliveries, replay."""

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
from core.wake import notify
from hosting import tasks
from hosting.api.v1.bodies import BoundedJSONParser
from hosting.models import Account, Number, Webhook, WebhookCall
from hosting.models.webhooks import FIELDS
from hosting.search.filters import choice, one_of
from hosting.webhooks import delivery, subscriptions


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    """A URL that is told what happens."""

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


class SubscribeSerializer(serializers.Serializer[Any]):
    """A new webhook; it must answer the challenge before it is kept."""

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
        help_text="What it hears of; all, if left out.",
    )


class WebhookChange(serializers.Serializer[Any]):
    """What may be changed of a webhook."""

    is_active = serializers.BooleanField()


class DeliverySerializer(serializers.ModelSerializer[WebhookCall]):
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
            "id", "webhook", "field", "state", "attempts", "created_at", "tried_at", "not_before", "gives_up_at",
            "response_status", "seconds", "last_error", "replay_of",
        )  # fmt: skip
        read_only_fields = fields


class DeliveryDetailSerializer(DeliverySerializer):
    """The same with what was sent and answered."""

    body = serializers.SerializerMethodField()
    response = serializers.CharField(
        source="shown_response", read_only=True, help_text="The first 2 KB."
    )

    class Meta(DeliverySerializer.Meta):
        fields = (*DeliverySerializer.Meta.fields, "body", "response")  # type: ignore[assignment]

    def get_body(self, call: WebhookCall) -> dict[str, Any]:
        """The JSON that was sent."""
        return orjson.loads(bytes(call.body))  # type: ignore[no-any-return]


class Webhooks(BusinessAPIMixin, ListAPIView[Webhook]):
    """The business's webhooks."""

    required_scope = KeyScope.WEBHOOKS
    queryset = Webhook.objects.kept().select_related("account", "number")
    serializer_class = WebhookSerializer
    parser_classes = (BoundedJSONParser,)

    @extend_schema(request=SubscribeSerializer, responses={201: WebhookSerializer})
    def post(self, request: BusinessAPIRequest) -> Response:
        """Subscribe a URL. It is asked the challenge first, as the Cloud API does; that takes up to ten seconds."""
        asked = SubscribeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        number = one_of(
            Number.objects.filter(business=request.business).select_related("account"),
            "phone_number_id", wanted.get("number"), "number",
        )  # fmt: skip
        account = number.account if number else _account(request, wanted.get("account"))
        subscriptions.challenge(url=wanted["url"], verify_token=wanted["verify_token"])
        webhook = subscriptions.subscribe(
            account=account, number=number, url=wanted["url"], verify_token=wanted["verify_token"],
            fields=wanted.get("events"),
        )  # fmt: skip
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
        """One webhook, and how its receiver does."""
        return Response(WebhookSerializer(self._own(request, public_id)).data)

    @extend_schema(request=WebhookChange)
    def patch(self, request: BusinessAPIRequest, public_id: uuid.UUID) -> Response:
        """Switch it off, or on again."""
        webhook = self._own(request, public_id)
        change = WebhookChange(data=request.data)
        change.is_valid(raise_exception=True)
        webhook.is_active = change.validated_data["is_active"]
        webhook.save(update_fields=["is_active"])
        return Response(WebhookSerializer(webhook).data)

    @extend_schema(responses={204: None})
    def delete(self, request: BusinessAPIRequest, public_id: uuid.UUID) -> Response:
        """Remove it; its log stays until it is purged."""
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
class Deliveries(BusinessAPIMixin, ListAPIView[WebhookCall]):
    """The log of deliveries, the newest first."""

    required_scope = KeyScope.WEBHOOKS
    queryset = WebhookCall.objects.select_related("webhook", "replay_of").defer(
        "body", "response_body"
    )
    serializer_class = DeliverySerializer

    def get_queryset(self) -> QuerySet[WebhookCall]:
        """The business's own, narrowed by what the address asks for."""
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


class DeliveryById(BusinessAPIView):
    """One delivery."""

    required_scope = KeyScope.WEBHOOKS
    serializer_class = DeliveryDetailSerializer
    pagination_class: Any = None

    def get(self, request: BusinessAPIRequest, public_id: uuid.UUID) -> Response:
        """What was sent, and what was answered."""
        return Response(DeliveryDetailSerializer(own_call(request, public_id)).data)


class DeliveryReplay(BusinessAPIView):
    """The same bytes once more."""

    required_scope = KeyScope.WEBHOOKS
    serializer_class = DeliverySerializer
    pagination_class: Any = None

    @extend_schema(request=None, responses={201: DeliverySerializer})
    def post(self, request: BusinessAPIRequest, public_id: uuid.UUID) -> Response:
        """Send it again, as a delivery of its own that waits for no other."""
        again = delivery.replay(own_call(request, public_id))
        notify(tasks.call)
        return Response(DeliverySerializer(own_call(request, again.public_id)).data, status=201)


def own_call(request: BusinessAPIRequest, public_id: uuid.UUID) -> WebhookCall:
    """The caller's delivery of that id, or 404."""
    rows = WebhookCall.objects.filter(business=request.business).select_related(
        "webhook", "replay_of"
    )
    return get_object_or_404(rows, public_id=public_id)
