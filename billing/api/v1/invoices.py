"""`GET /api/v1/invoices/…`: invoices with lines and documents; keys with scope `billing`."""

from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView

from accounts.api import BusinessAPIMixin, BusinessAPIRequest, BusinessAPIView
from accounts.models import KeyScope
from billing.documents import archive
from billing.documents.tables import messages_csv
from billing.models import Invoice, InvoiceLine, InvoiceStatus
from billing.models.invoices import NEVER_OWED
from core import money
from core.errors import BadInput, NotYours


class InvoiceLineSerializer(serializers.ModelSerializer[InvoiceLine]):
    """A line; amounts are decimal texts with every significant digit."""

    line = serializers.IntegerField(source="position")
    month = serializers.DateField(format="%Y-%m")
    unit_price = serializers.SerializerMethodField()
    amount = serializers.SerializerMethodField(help_text="Its share of the rounded subtotal.")
    exact_amount = serializers.SerializerMethodField(help_text="Before rounding.")

    class Meta:
        model = InvoiceLine
        fields = (
            "line",
            "kind",
            "description",
            "month",
            "market",
            "category",
            "rule",
            "tier_first",
            "tier_last",
            "quantity",
            "unit_price",
            "amount",
            "exact_amount",
            "tax_category",
            "tax_percent",
        )

    def get_unit_price(self, line: InvoiceLine) -> str | None:
        """Decimal text, such as `0.0091`; null where the network's reported prices differ."""
        return None if line.prices_differ else f"{money.micro_amount(line.unit_price_micros):f}"

    def get_exact_amount(self, line: InvoiceLine) -> str:
        """Decimal text, such as `9.1009`."""
        return f"{money.micro_amount(line.amount_micros):f}"

    def get_amount(self, line: InvoiceLine) -> str:
        """Decimal text, such as `9.10`."""
        return f"{money.minor_amount(line.amount_minor, line.invoice.currency):f}"


class InvoiceSerializer(serializers.ModelSerializer[Invoice]):
    """An invoice in lists.

    `prepaid` was paid by the balance as it was issued, `payable` was due then; `paid` (with
    credits) and `due` are of now.
    """

    month = serializers.DateField(source="period.month", format="%Y-%m")
    subtotal = serializers.SerializerMethodField()
    tax = serializers.SerializerMethodField()
    total = serializers.SerializerMethodField()
    prepaid = serializers.SerializerMethodField()
    payable = serializers.SerializerMethodField()
    paid = serializers.SerializerMethodField()
    due = serializers.SerializerMethodField()

    class Meta:
        model = Invoice
        fields = (
            "id",
            "number",
            "status",
            "is_test",
            "month",
            "currency",
            "issued_on",
            "issued_at",
            "due_at",
            "paid_at",
            "subtotal",
            "tax",
            "total",
            "prepaid",
            "payable",
            "paid",
            "due",
        )

    def get_subtotal(self, invoice: Invoice) -> str:
        """Amount before tax."""
        return _amount(invoice, invoice.subtotal_minor)

    def get_tax(self, invoice: Invoice) -> str:
        """Tax."""
        return _amount(invoice, invoice.tax_minor)

    def get_total(self, invoice: Invoice) -> str:
        """Amount with tax."""
        return _amount(invoice, invoice.total_minor)

    def get_prepaid(self, invoice: Invoice) -> str:
        """What credits and unallocated money of the customer paid as it was issued."""
        return _amount(invoice, invoice.prepaid_minor)

    def get_payable(self, invoice: Invoice) -> str:
        """What was due as it was issued: total less prepaid."""
        return _amount(invoice, invoice.payable_minor)

    def get_paid(self, invoice: Any) -> str:
        """Payments and credits so far; nothing for one that is never owed."""
        settled = 0 if invoice.status in NEVER_OWED else invoice.total_minor - invoice.due_minor
        return _amount(invoice, settled)

    def get_due(self, invoice: Any) -> str:
        """Total less payments and credits."""
        return _amount(invoice, invoice.due_minor)


class InvoiceDetailSerializer(InvoiceSerializer):
    """One invoice with parties, taxes and lines."""

    lines = InvoiceLineSerializer(many=True)

    class Meta(InvoiceSerializer.Meta):
        fields = (*InvoiceSerializer.Meta.fields, "seller", "buyer", "taxes", "lines")  # type: ignore[assignment]


@extend_schema_view(
    get=extend_schema(
        parameters=[
            OpenApiParameter("status", str, enum=list(InvoiceStatus.values)),
            OpenApiParameter("from", str, description="YYYY-MM; the first month."),
            OpenApiParameter("to", str, description="YYYY-MM; the last month."),
        ]
    )
)
class Invoices(BusinessAPIMixin, ListAPIView[Invoice]):
    """Issued invoices, newest first; filters `status`, and `from` and `to` as YYYY-MM."""

    required_scope = KeyScope.BILLING
    query_fields = ("status", "from", "to")
    queryset = Invoice.objects.exclude(number=None).for_list()
    serializer_class = InvoiceSerializer
    ordering = ("-issued_at", "-id")

    def get_queryset(self) -> QuerySet[Invoice]:
        """Invoices filtered by the query parameters."""
        found, query = super().get_queryset(), self.request.query_params
        if status := query.get("status"):
            if status not in InvoiceStatus.values:
                raise BadInput(f"One of {', '.join(InvoiceStatus.values)}.", field="status")
            found = found.filter(status=status)
        if first := _month(query.get("from", ""), "from"):
            found = found.filter(period__month__gte=first)
        if last := _month(query.get("to", ""), "to"):
            found = found.filter(period__month__lte=last)
        return found


class InvoiceByNumber(BusinessAPIMixin, RetrieveAPIView[Invoice]):
    """One invoice with its lines."""

    required_scope = KeyScope.BILLING
    queryset = Invoice.objects.for_list().prefetch_related("lines__invoice")
    serializer_class = InvoiceDetailSerializer
    lookup_field = "number"


class InvoiceDocument(BusinessAPIView):
    """A stored document of an invoice: `pdf`, `lines`, `cii`, `ubl` or `facturx`."""

    required_scope = KeyScope.BILLING

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: BusinessAPIRequest, number: str, kind: str) -> HttpResponse:
        """The file."""
        kept = archive.get_document(_get_invoice(request, number), kind)
        response = HttpResponse(archive.read_document(kept), content_type=kept.content_type)
        response["Content-Disposition"] = f'attachment; filename="{kept.name}"'
        response["ETag"] = f'"{kept.sha256}"'
        _skip_rendering(response)
        return response


class InvoiceMessages(BusinessAPIView):
    """Messages behind an invoice, or with `line` behind one of its lines, as CSV."""

    required_scope = KeyScope.BILLING
    query_fields = ("line",)

    @extend_schema(
        parameters=[OpenApiParameter("line", int)], responses={(200, "text/csv"): OpenApiTypes.STR}
    )
    def get(self, request: BusinessAPIRequest, number: str) -> StreamingHttpResponse:
        """The file, streamed."""
        text = request.query_params.get("line", "")
        if text and not (text.isascii() and text.isdigit() and len(text) < 9):
            raise BadInput("A line is a whole number.", field="line")
        found = _get_invoice(request, number)
        rows = messages_csv(found, line=int(text) if text else None)
        response = StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{found}-messages.csv"'
        _skip_rendering(response)
        return response


def _get_invoice(request: BusinessAPIRequest, number: str) -> Invoice:
    found = (
        Invoice.objects.filter(business_id=request.business.pk, number=number)
        .select_related("business")
        .first()
    )
    if found is None:
        raise NotYours
    return found


def _skip_rendering(response: Any) -> None:
    # The base class renders responses; files are sent unchanged.
    response.render = lambda: response


def _amount(invoice: Invoice, minor: int) -> str:
    return f"{money.minor_amount(minor, invoice.currency):f}"


def _month(text: str, field: str) -> date | None:
    try:
        return date.fromisoformat(f"{text}-01") if text else None
    except ValueError:
        raise BadInput("A month as YYYY-MM.", field=field) from None
