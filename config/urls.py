"""All URLs."""

from allauth.account import views as allauth_views
from django.contrib import admin
from django.db import transaction
from django.urls import include, path

from billing.api import stripe
from core import health
from core.metrics import metrics

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("status", health.status, name="status"),
    path("metrics", metrics, name="metrics"),
    path("admin/", admin.site.urls),
    # Who signs up or changes an address, and the mail about it: one transaction.
    path("account/signup/", transaction.atomic(allauth_views.signup)),
    path("account/email/", transaction.atomic(allauth_views.email)),
    path("account/", include("allauth.urls")),
    path("api/v1/", include("config.api")),
    path("", include("accounts.urls")),
    path("", include("hosting.urls")),
    path("webhooks/stripe/", stripe.webhook, name="stripe_webhook"),
    path("", include("billing.urls")),
    path("", include("shops.urls")),
    path("", include("demo.urls")),
    # Paths of the Cloud API begin with digits or a version; they come last.
    path("", include("hosting.api.urls")),
]
