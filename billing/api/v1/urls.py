"""URLs of billing below /api/v1/."""

from django.urls import path

from billing.api.v1 import exports, invoices, usage

urlpatterns = [
    path("usage/", usage.UsageOfMonth.as_view(), name="api_usage"),
    path("charges/", usage.Charges.as_view(), name="api_charges"),
    path("charges/<int:message_id>/", usage.ChargeExplained.as_view(), name="api_charge"),
    path("invoices/", invoices.Invoices.as_view(), name="api_invoices"),
    path("invoices/exports/", exports.FinanceExports.as_view(), name="api_finance_exports"),
    path(
        "invoices/exports/<int:pk>/", exports.FinanceExportById.as_view(), name="api_finance_export"
    ),
    path(
        "invoices/exports/<int:pk>/cancel/",
        exports.CancelFinanceExport.as_view(),
        name="api_finance_export_cancel",
    ),
    path(
        "invoices/exports/<int:pk>/resume/",
        exports.ResumeFinanceExport.as_view(),
        name="api_finance_export_resume",
    ),
    path(
        "invoices/exports/<int:pk>/file/",
        exports.FinanceExportFile.as_view(),
        name="api_finance_export_file",
    ),
    path("invoices/<str:number>/", invoices.InvoiceByNumber.as_view(), name="api_invoice"),
    path(
        "invoices/<str:number>/messages.csv",
        invoices.InvoiceMessages.as_view(),
        name="api_invoice_messages",
    ),
    path(
        "invoices/<str:number>/documents/<slug:kind>/",
        invoices.InvoiceDocument.as_view(),
        name="api_invoice_document",
    ),
]
