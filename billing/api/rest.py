"""Addresses of billing below /api/v1/."""

from django.urls import path

from billing.api import views

urlpatterns = [
    path("usage/", views.UsageOfMonth.as_view(), name="api_usage"),
    path("charges/", views.Charges.as_view(), name="api_charges"),
    path("charges/<int:message_id>/", views.ChargeExplained.as_view(), name="api_charge"),
]
