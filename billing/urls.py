"""Addresses of the money pages."""

from django.urls import path

from billing import views

urlpatterns = [
    path("usage/", views.usage, name="usage"),
    path("charges/<int:message_id>/", views.charge, name="charge"),
    path("invoices/", views.invoices, name="invoices"),
    path("invoices/<str:number>/", views.invoice, name="invoice"),
    path("invoices/<str:number>/lines/<int:position>/", views.invoice_line, name="invoice_line"),
    path("invoices/<str:number>/<slug:kind>/", views.download, name="invoice_download"),
]
