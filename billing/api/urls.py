"""Addresses for programs."""

from django.urls import path

from billing.api import invoices, stripe

urlpatterns = [
    path("api/v1/invoices", invoices.invoices),
    path("api/v1/invoices/<str:number>", invoices.invoice),
    path("api/v1/invoices/<str:number>/messages.csv", invoices.messages),
    path("api/v1/invoices/<str:number>/documents/<slug:kind>", invoices.document),
    path("webhooks/stripe/", stripe.webhook, name="stripe_webhook"),
]
