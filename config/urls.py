"""All URLs."""

from django.contrib import admin
from django.urls import include, path

from billing.api import stripe
from core import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("account/", include("allauth.urls")),
    path("api/v1/", include("config.api")),
    path("", include("accounts.urls")),
    path("", include("hosting.urls")),
    path("webhooks/stripe/", stripe.webhook, name="stripe_webhook"),
    path("", include("billing.urls")),
    path("", include("shops.urls")),
    # Paths of the Cloud API begin with digits or a version; they come last.
    path("", include("hosting.api.urls")),
]
