"""`/api/v1/invoices/exports/`: exports of many invoices in one file; keys with scope `billing`."""

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.response import Response

from accounts.api import BusinessAPIMixin, BusinessAPIRequest, BusinessAPIView
from accounts.models import KeyScope
from billing import finance_exports, tasks
from billing.models import Export, InvoiceStatus
from core.serializers import StrictSerializer
from core.wake import notify


class FinanceExportSerializer(serializers.ModelSerializer[Export]):
    """An export; `done` of `total` invoices are written."""

    percent = serializers.IntegerField()
    seconds_left = serializers.IntegerField(allow_null=True, help_text="An estimate.")

    class Meta:
        """Fields."""

        model = Export
        fields = (
            "id",
            "kind",
            "filters",
            "state",
            "done",
            "total",
            "percent",
            "seconds_left",
            "error",
            "name",
            "size",
            "sha256",
            "created_at",
            "finished_at",
        )


class FinanceExportRequest(StrictSerializer):
    """Contents of an export; months as YYYY-MM, both included."""

    kind = serializers.ChoiceField(choices=Export.Kind.choices)
    first = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="First month, YYYY-MM."
    )
    last = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="Last month, YYYY-MM."
    )
    statuses = serializers.ListField(
        child=serializers.ChoiceField(choices=InvoiceStatus.choices), required=False, default=list
    )


class FinanceExports(BusinessAPIMixin, ListAPIView[Export]):
    """Exports, newest first; POST requests one."""

    required_scope = KeyScope.BILLING
    queryset = Export.objects.all()
    serializer_class = FinanceExportSerializer

    @extend_schema(
        request=FinanceExportRequest,
        responses={201: FinanceExportSerializer},
        examples=[
            OpenApiExample(
                "A year", {"kind": "zip", "first": "2026-01", "last": "2026-12"}, request_only=True
            )
        ],
    )
    def post(self, request: BusinessAPIRequest) -> Response:
        """Request an export; it is written in the background."""
        given = FinanceExportRequest(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        filters = {"from": wanted["first"], "to": wanted["last"], "statuses": wanted["statuses"]}
        export = finance_exports.request_export(
            kind=wanted["kind"],
            business=request.business,
            filters={name: value for name, value in filters.items() if value},
        )
        notify(tasks.export)
        return Response(FinanceExportSerializer(export).data, status=201)


class FinanceExportById(BusinessAPIMixin, RetrieveAPIView[Export]):
    """One export."""

    required_scope = KeyScope.BILLING
    queryset = Export.objects.all()
    serializer_class = FinanceExportSerializer


class CancelFinanceExport(BusinessAPIView):
    """Cancel an export."""

    required_scope = KeyScope.BILLING
    serializer_class = FinanceExportSerializer

    @extend_schema(request=None, responses=FinanceExportSerializer)
    def post(self, request: BusinessAPIRequest, pk: int) -> Response:
        """Cancel; 409 when it has ended."""
        export = finance_exports.get_export(request.business, pk)
        finance_exports.cancel(export=export)
        return Response(FinanceExportSerializer(export).data)


class ResumeFinanceExport(BusinessAPIView):
    """Run a cancelled or failed export again."""

    required_scope = KeyScope.BILLING
    serializer_class = FinanceExportSerializer

    @extend_schema(request=None, responses=FinanceExportSerializer)
    def post(self, request: BusinessAPIRequest, pk: int) -> Response:
        """Resume; 409 when it was neither cancelled nor failed."""
        export = finance_exports.get_export(request.business, pk)
        finance_exports.resume(export=export)
        notify(tasks.export)
        return Response(FinanceExportSerializer(export).data)


class FinanceExportFile(BusinessAPIView):
    """The file of a finished export."""

    required_scope = KeyScope.BILLING

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: BusinessAPIRequest, pk: int) -> FileResponse:
        """The file; 404 until it is done."""
        export = finance_exports.get_export(request.business, pk)
        if export.state != Export.State.DONE or not default_storage.exists(export.path):
            raise Http404
        return FileResponse(
            default_storage.open(export.path, "rb"), as_attachment=True, filename=export.name
        )
