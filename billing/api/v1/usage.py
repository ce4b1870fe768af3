"""Usage and charges in the REST API; amounts are decimal strings, exact to the micro-unit."""

from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.response import Response

from accounts.api import BusinessAPIMixin, BusinessAPIRequest, BusinessAPIView
from accounts.models import KeyScope
from billing.metering import usage
from billing.models import Charge, Period, Rule
from billing.pricing.explanation import explain
from core import money
from core.errors import BadInput

MONTH = OpenApiParameter("month", str, description="YYYY-MM; the month of delivery.")
MAX_ID = 2**63 - 1


def month_of(text: str | None) -> date | None:
    """`2026-05` as 1 May 2026, None for None; raises BadInput for anything else."""
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m").date()
    except ValueError:
        raise BadInput("A month is YYYY-MM.", field="month") from None


class MicrosField(serializers.Field[int, Any, str, int]):
    """Micro-units as a decimal string: 9100 is `0.0091`."""

    def to_representation(self, value: int) -> str:
        """Exact decimal without exponent."""
        return f"{money.micro_amount(value):f}"


class ChargeSerializer(serializers.ModelSerializer[Charge]):
    """A ledger row."""

    month = serializers.DateField(
        format="%Y-%m", help_text="The month of delivery: decides tier and card."
    )
    billed_month = serializers.DateField(
        format="%Y-%m", help_text="The month whose invoice carries it."
    )
    price = MicrosField(source="price_micros", help_text="Negative for a reversal.")
    reverses = serializers.IntegerField(
        source="reverses_id", allow_null=True, help_text="The charge taken back."
    )

    class Meta:
        """Fields."""

        model = Charge
        fields = (
            "id",
            "message_id",
            "month",
            "billed_month",
            "market",
            "category",
            "rule",
            "position",
            "price",
            "delivered_at",
            "charged_at",
            "reverses",
            "note",
        )


@extend_schema_view(
    get=extend_schema(
        parameters=[
            MONTH,
            OpenApiParameter(
                "billed_month", str, description="YYYY-MM; the month whose invoice carries it."
            ),
            OpenApiParameter("market", str),
            OpenApiParameter("category", str),
            OpenApiParameter("rule", str, enum=list(Rule.values)),
        ]
    )
)
class Charges(BusinessAPIMixin, ListAPIView[Charge]):
    """The ledger, newest first: one row per delivered message and per reversal."""

    required_scope = KeyScope.BILLING
    query_fields = ("month", "billed_month", "market", "category", "rule")
    queryset = Charge.objects.all()
    serializer_class = ChargeSerializer
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[Charge]:
        """The business's charges, filtered by the query parameters."""
        rows, asked = super().get_queryset(), self.request.query_params
        for name in ("month", "billed_month"):
            if month := month_of(asked.get(name)):
                rows = rows.filter(**{name: month})
        for name in ("market", "category", "rule"):
            if name in asked:
                rows = rows.filter(**{name: asked[name]})
        return rows


class ExplanationSerializer(serializers.Serializer[Any]):
    """Explanation of a price."""

    charge_id = serializers.IntegerField()
    wamid = serializers.CharField(allow_null=True)
    to = serializers.CharField(allow_null=True)
    month = serializers.DateField(format="%Y-%m")
    billed_month = serializers.DateField(format="%Y-%m")
    market = serializers.CharField()
    category = serializers.CharField()
    rule = serializers.CharField()
    position = serializers.IntegerField()
    tier_first = serializers.IntegerField(allow_null=True)
    tier_last = serializers.IntegerField(allow_null=True)
    price = MicrosField(source="price_micros")
    currency = serializers.CharField()
    card = serializers.CharField()
    version_from = serializers.DateField()
    invoice_number = serializers.CharField(allow_null=True)
    invoice_line = serializers.IntegerField(allow_null=True)
    reversed_at = serializers.DateTimeField(allow_null=True)
    reversal_reason = serializers.CharField(allow_null=True)
    reason = serializers.CharField(help_text="One sentence that says why it costs this.")


class ChargeExplained(BusinessAPIView):
    """The price of one message, from the ledger row to tier, card version and invoice line."""

    required_scope = KeyScope.BILLING
    serializer_class = ExplanationSerializer
    pagination_class: Any = None

    def get(self, request: BusinessAPIRequest, message_id: int) -> Response:
        """The explanation; 404 for a message without a charge."""
        found = explain(request.business.pk, min(message_id, MAX_ID))
        return Response(ExplanationSerializer(found).data)


class DaySerializer(serializers.Serializer[Any]):
    """Messages and amount of one day and category."""

    day = serializers.DateField()
    category = serializers.CharField()
    messages = serializers.IntegerField()
    amount = MicrosField(source="amount_micros")


class RowSerializer(serializers.Serializer[Any]):
    """Messages and amount of one market and category."""

    market = serializers.CharField()
    category = serializers.CharField()
    messages = serializers.IntegerField()
    amount = MicrosField(source="amount_micros")


class LadderSerializer(serializers.Serializer[Any]):
    """Progress of a market and category through its tiers."""

    market = serializers.CharField()
    category = serializers.CharField()
    positions = serializers.IntegerField()
    price = MicrosField(source="price_micros")
    to_next = serializers.IntegerField(
        allow_null=True, help_text="Messages until the next tier's price."
    )
    next_price = MicrosField(source="next_price_micros", allow_null=True)


class UsageSerializer(serializers.Serializer[Any]):
    """Usage of a month."""

    month = serializers.DateField(format="%Y-%m")
    currency = serializers.CharField()
    is_closed = serializers.BooleanField()
    messages = serializers.IntegerField()
    amount = MicrosField(source="amount_micros")
    fee = MicrosField(source="fee_micros")
    missing = MicrosField(
        source="missing_micros", help_text="Up to the agreed minimum commitment of the month."
    )
    estimate = MicrosField(
        source="estimate_micros", help_text="Messages by the month's end if it goes on like this."
    )
    waiting = serializers.IntegerField(help_text="Delivered, not metered yet.")
    days = DaySerializer(many=True)
    rows = RowSerializer(many=True)
    ladders = LadderSerializer(many=True)


class UsageOfMonth(BusinessAPIView):
    """Usage of a month by day, by market and category, and tier progress."""

    required_scope = KeyScope.BILLING
    query_fields = ("month",)
    serializer_class = UsageSerializer
    pagination_class: Any = None

    @extend_schema(parameters=[MONTH])
    def get(self, request: BusinessAPIRequest) -> Response:
        """The month in the query, or the current one."""
        month = month_of(request.query_params.get("month")) or self._running(request)
        return Response(UsageSerializer(usage.usage_of(request.business, month)).data)

    @staticmethod
    def _running(request: BusinessAPIRequest) -> date:
        now = request.business.now()
        period = Period.objects.filter(
            business=request.business, starts_at__lte=now, ends_at__gt=now
        ).first()
        return period.month if period else now.date().replace(day=1)
