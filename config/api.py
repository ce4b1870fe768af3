"""URLs below /api/v1/; each app has its own in `<app>/api/v1/urls.py` (see `accounts.api`)."""

from csp.decorators import csp_replace
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts import api

# Swagger UI sets styles on its elements; its scripts come from our own static files.
INLINE_STYLES = {"style-src": ["'self'", "'unsafe-inline'"]}
docs = csp_replace(INLINE_STYLES)(SpectacularSwaggerSplitView.as_view(url_name="api_schema"))

urlpatterns = [
    path("", api.Root.as_view(), name="api_root"),
    path("schema/", SpectacularAPIView.as_view(), name="api_schema"),
    path("docs/", docs, name="api_docs"),
    path("", include("hosting.api.v1.urls")),
    path("", include("billing.api.v1.urls")),
    path("", include("shops.api.v1.urls")),
    # Add apps above this line.
    re_path(r"^(?P<rest>.*)$", api.not_found, name="api_not_found"),
]
