"""`/api/v1/orders/…`: orders, their steps and refunds."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView, get_object_or_404
from rest_framework.response import Response

from accounts.api import BusinessAPIMixin, BusinessAPIRequest, BusinessAPIView
from accounts.models import KeyScope
from core.errors import NotAllowed
from core.serializers import StrictSerializer
from core.wake import notify
from hosting.cloudapi.number_forms import named_person
from hosting.search.filters import choice, moment
from shops import fulfilment, tasks
from shops.chat.order_updates import order_facts
from shops.models import Order, OrderLine, OrderState
from shops.payments import attempts, refunds

ROWS = Order.objects.select_related(
    "business", "catalog__number", "conversation__contact"
).prefetch_related("lines")
STEPS = ("packed", "shipped", "delivered", "cancelled", "paid")


class OrderLineSerializer(serializers.ModelSerializer[OrderLine]):
    """An order line at the price when ordered."""

    product_retailer_id = serializers.CharField(source="retailer_id")

    class Meta:
        model = OrderLine
        fields = (
            "product_retailer_id",
            "title",
            "quantity",
            "refunded_quantity",
            "returned_quantity",
            "unit_minor",
            "amount_minor",
            "tax_percent",
        )


class OrderSerializer(serializers.ModelSerializer[Order]):
    """An order as webhooks show it too; amounts in minor units."""

    catalog_id = serializers.CharField()
    wa_id = serializers.CharField(
        allow_null=True, help_text="The buyer's number; null once the buyer was forgotten."
    )
    address = serializers.DictField(child=serializers.CharField())
    lines = OrderLineSerializer(many=True)

    class Meta:
        model = Order
        fields = (
            "id",
            "number",
            "catalog_id",
            "wa_id",
            "state",
            "way",
            "currency",
            "tax_included",
            "subtotal_minor",
            "delivery_minor",
            "tax_minor",
            "total_minor",
            "paid_minor",
            "refunded_minor",
            "delivery_name",
            "address",
            "buyer_note",
            "tracking",
            "reason",
            "placed_at",
            "confirmed_at",
            "paid_at",
            "packed_at",
            "shipped_at",
            "delivered_at",
            "ended_at",
            "lines",
        )

    def to_representation(self, instance: Order) -> dict[str, Any]:
        """The facts that webhooks carry."""
        return order_facts(instance)


@extend_schema_view(
    get=extend_schema(
        operation_id="orders_list",
        parameters=[
            OpenApiParameter("state", str, enum=OrderState.values),
            OpenApiParameter("wa_id", str, description="The buyer's number."),
            OpenApiParameter(
                "since", str, description="Placed at or after: a day, or a moment with zone."
            ),
        ],
    )
)
class Orders(BusinessAPIMixin, ListAPIView[Order]):
    """Orders, newest first."""

    required_scope = KeyScope.SHOP
    query_fields = ("state", "wa_id", "since")
    number_path = "conversation__number_id"
    queryset = ROWS.all()
    serializer_class = OrderSerializer

    def get_queryset(self) -> QuerySet[Order]:
        """The business's orders, filtered by the query parameters."""
        rows, asked = super().get_queryset(), self.request.query_params
        if state := choice(asked.get("state"), OrderState.values, "state"):
            rows = rows.filter(state=state)
        if wa_id := asked.get("wa_id"):
            rows = rows.filter(conversation__contact__wa_id=named_person(wa_id))
        if since := moment(asked.get("since"), "since"):
            rows = rows.filter(placed_at__gte=since)
        return rows


class OrderById(BusinessAPIMixin, RetrieveAPIView[Order]):
    """One order."""

    required_scope = KeyScope.SHOP
    number_path = "conversation__number_id"
    queryset = ROWS.all()
    serializer_class = OrderSerializer
    lookup_field = "pk"
    lookup_url_kwarg = "order_id"


class StepSerializer(StrictSerializer):
    """The next state of an order; `paid` records a payment on delivery or by transfer."""

    to = serializers.ChoiceField(choices=STEPS)
    tracking = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    reference = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")


class RefundSerializer(StrictSerializer):
    """What is refunded: lines, or an amount, or (with neither) all that is left."""

    amount_minor = serializers.IntegerField(min_value=1, max_value=10**15, required=False)
    lines = serializers.DictField(
        child=serializers.IntegerField(min_value=1, max_value=10**6),
        required=False,
        help_text="Position of the line, from 1 -> how many.",
    )
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")

    restock = serializers.BooleanField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Whether the goods go back in stock; by default those that were not sent yet.",
    )

    def validate_lines(self, value: dict[str, int]) -> dict[int, int]:
        """Positions as numbers."""
        if not all(name.isascii() and name.isdigit() and len(name) < 6 for name in value):
            raise serializers.ValidationError("Lines are named by their position, from 1.")
        return {int(name): count for name, count in value.items()}


class _OrderChange(BusinessAPIView):
    """Base of actions on one order; the response is the changed order."""

    required_scope = KeyScope.SHOP
    number_path = "conversation__number_id"
    queryset = ROWS.all()

    def answered(self, order_id: int) -> Response:
        """The order as the database has it now."""
        notify(tasks.take)
        return Response(OrderSerializer(self.get_queryset().get(pk=order_id)).data)

    def given(self, request: BusinessAPIRequest) -> dict[str, Any]:
        """The validated body."""
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)


class OrderSteps(_OrderChange):
    """Bring an order to its next state."""

    serializer_class = StepSerializer

    @extend_schema(operation_id="orders_step", request=StepSerializer, responses=OrderSerializer)
    def post(self, request: BusinessAPIRequest, order_id: int) -> Response:
        """Change the state; 409 where that is not possible now. The buyer is notified of every
        step.
        """
        order, given = get_object_or_404(self.get_queryset(), pk=order_id), self.given(request)
        if given["to"] == "packed":
            fulfilment.pack(order)
        elif given["to"] == "shipped":
            fulfilment.ship(order, tracking=given["tracking"])
        elif given["to"] == "delivered":
            fulfilment.deliver(order)
        elif given["to"] == "cancelled":
            # What was paid goes back.
            if KeyScope.SHOP_REFUND not in request.user.scopes:
                raise NotAllowed(f"This key has no scope '{KeyScope.SHOP_REFUND}'.")
            fulfilment.cancel(order, reason=given["reason"])
        else:
            attempts.record_payment(order, reference=given["reference"])
        return self.answered(order_id)


class OrderRefunds(_OrderChange):
    """Refund an order."""

    required_scope = KeyScope.SHOP_REFUND
    serializer_class = RefundSerializer

    @extend_schema(
        operation_id="orders_refund", request=RefundSerializer, responses=OrderSerializer
    )
    def post(self, request: BusinessAPIRequest, order_id: int) -> Response:
        """Refund; 400 for more than is left, 409 where nothing was paid."""
        order, given = get_object_or_404(self.get_queryset(), pk=order_id), self.given(request)
        lines, amount = given.get("lines"), given.get("amount_minor")
        refunds.refund(
            order,
            lines=lines,
            amount_minor=amount,
            reason=given["reason"],
            restock=given["restock"],
        )
        return self.answered(order_id)
