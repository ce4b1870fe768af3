"""`GET /api/v1/invoices/…`: a business's invoices, their lines and documents, by an API key with
scope `billing`.
"""

from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView

from accounts.api import BusinessAPIMixin, BusinessAPIRequest, BusinessAPIView
from accounts.models import KeyScope
from billing.documents import archive
from billing.documents.tables import messages_csv
from billing.models import Invoice, InvoiceLine, InvoiceStatus
from core import money
from core.errors import BadInput, NotYours


class LineSerializer(serializers.ModelSerializer[InvoiceLine]):
    """A line; amounts are decimal texts with every digit that counts."""

    line = serializers.IntegerField(source="position")
    month = serializers.DateField(format="%Y-%m")
    unit_price = serializers.SerializerMethodField()
    amount = serializers.SerializerMethodField()

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
            "tax_category",
            "tax_percent",
        )

    def get_unit_price(self, line: InvoiceLine) -> str:
        """`0.0091`."""
        return f"{money.micro_amount(line.unit_price_micros):f}"

    def get_amount(self, line: InvoiceLine) -> str:
        """`9.10`."""
        return f"{money.minor_amount(line.amount_minor, line.invoice.currency):f}"


class InvoiceSerializer(serializers.ModelSerializer[Invoice]):
    """An invoice as a list shows it; `due` is what is still to be paid."""

    month = serializers.DateField(source="period.month", format="%Y-%m")
    subtotal = serializers.SerializerMethodField()
    tax = serializers.SerializerMethodField()
    total = serializers.SerializerMethodField()
    due = serializers.SerializerMethodField()

    class Meta:
        model = Invoice
        fields = (
            "id",
            "number",
            "status",
            "month",
            "currency",
            "issued_at",
            "due_at",
            "paid_at",
            "subtotal",
            "tax",
            "total",
            "due",
        )

    def get_subtotal(self, invoice: Invoice) -> str:
        """Before tax."""
        return _amount(invoice, invoice.subtotal_minor)

    def get_tax(self, invoice: Invoice) -> str:
        """Tax."""
        return _amount(invoice, invoice.tax_minor)

    def get_total(self, invoice: Invoice) -> str:
        """With tax."""
        return _amount(invoice, invoice.total_minor)

    def get_due(self, invoice: Invoice) -> str:
        """Less what was paid and credited."""
        return _amount(invoice, invoice.due_minor)  # type: ignore[attr-defined]


class InvoiceDetailSerializer(InvoiceSerializer):
    """One invoice with parties, taxes and lines."""

    lines = LineSerializer(many=True)

    class Meta(InvoiceSerializer.Meta):
        fields = (*InvoiceSerializer.Meta.fields, "seller", "buyer", "taxes", "lines")  # type: ignore[assignment]


class Invoices(BusinessAPIMixin, ListAPIView[Invoice]):
    """Issued invoices, newest first; filters `status`, and `from` and `to` as YYYY-MM."""

    required_scope = KeyScope.BILLING
    queryset = Invoice.objects.exclude(number=None).for_list()
    serializer_class = InvoiceSerializer
    ordering = ("-issued_at", "-id")

    def get_queryset(self) -> QuerySet[Invoice]:
        """Those that the filters leave."""
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
    """One document of an invoice: `pdf`, `lines`, `cii`, `ubl` or `facturx`; always the same
    bytes.
    """

    required_scope = KeyScope.BILLING

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: BusinessAPIRequest, number: str, kind: str) -> HttpResponse:
        """The file."""
        kept = archive.document(_one(request, number), kind)
        response = HttpResponse(archive.read(kept), content_type=kept.content_type)
        response["Content-Disposition"] = f'attachment; filename="{kept.name}"'
        response["ETag"] = f'"{kept.sha256}"'
        _as_it_is(response)
        return response


class InvoiceMessages(BusinessAPIView):
    """Every message behind an invoice, or with `line` behind one of its lines, as CSV."""

    required_scope = KeyScope.BILLING

    @extend_schema(
        parameters=[OpenApiParameter("line", int)], responses={(200, "text/csv"): OpenApiTypes.STR}
    )
    def get(self, request: BusinessAPIRequest, number: str) -> StreamingHttpResponse:
        """The file, streamed."""
        text = request.query_params.get("line", "")
        if text and not (text.isascii() and text.isdigit() and len(text) < 9):
            raise BadInput("A line is a whole number.", field="line")
        found = _one(request, number)
        rows = messages_csv(found, line=int(text) if text else None)
        response = StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{found}-messages.csv"'
        _as_it_is(response)
        return response


def _one(request: BusinessAPIRequest, number: str) -> Invoice:
    found = (
        Invoice.objects.filter(business_id=request.business.pk, number=number)
        .select_related("business")
        .first()
    )
    if found is None:
        raise NotYours
    return found


def _as_it_is(response: Any) -> None:
    # The base class renders what a view returns; a file is what it is.
    response.render = lambda: response


def _amount(invoice: Invoice, minor: int) -> str:
    return f"{money.minor_amount(minor, invoice.currency):f}"


def _month(text: str, field: str) -> date | None:
    try:
        return date.fromisoformat(f"{text}-01") if text else None
    except ValueError:
        raise BadInput("A month as YYYY-MM.", field=field) from None
