"""Addresses of the money pages."""

from django.urls import path

from billing.views import details, exports, months, rates

urlpatterns = [
    path("usage/", months.usage, name="usage"),
    path("usage/rates/", rates.rates, name="rates"),
    path("charges/<int:message_id>/", months.charge, name="charge"),
    path("invoices/", months.invoices, name="invoices"),
    path("invoices/details/", details.details, name="billing_details"),
    path("invoices/draft/", details.draft, name="invoice_draft"),
    path("invoices/exports/", exports.exports, name="finance_exports"),
    path("invoices/exports/<int:export_id>/cancel/", exports.cancel, name="finance_export_cancel"),
    path("invoices/exports/<int:export_id>/resume/", exports.resume, name="finance_export_resume"),
    path("invoices/exports/<int:export_id>/file/", exports.file, name="finance_export_file"),
    path("invoices/<str:number>/", months.invoice, name="invoice"),
    path("invoices/<str:number>/lines/<int:position>/", months.invoice_line, name="invoice_line"),
    path("invoices/<str:number>/<slug:kind>/", months.download, name="invoice_download"),
]
