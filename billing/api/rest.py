"""Addresses of billing below /api/v1/."""

from django.urls import path

from billing.api import invoices

urlpatterns = [
    path("invoices/", invoices.Invoices.as_view(), name="api_invoices"),
    path("invoices/<str:number>/", invoices.InvoiceByNumber.as_view(), name="api_invoice"),
    path("invoices/<str:number>/messages.csv", invoices.InvoiceMessages.as_view(), name="api_invoice_messages"),
    path(
        "invoices/<str:number>/documents/<slug:kind>/", invoices.InvoiceDocument.as_view(), name="api_invoice_document"
    ),
]
