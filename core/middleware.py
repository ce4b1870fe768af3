"""Middleware: headers of every answer, limits of requests to others, unstorable text."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from core import outbound

# A NUL, or half of a surrogate pair: neither is text in UTF-8 as PostgreSQL keeps it.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Bodies below these paths are files or JSON, which their own views read raw and check.
OTHER_BODIES = re.compile(r"/api/|/webhooks/|/(v\d+\.\d+/)?(\d|upload)")
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


# What is the same for everybody, and may be kept for a moment: shop fronts and health.
CACHEABLE = frozenset({"shop_front", "shop_collection", "shop_front_product", "shop_qr"})


class EdgeMiddleware:
    """In front of the fast path as well: nothing private is kept by browsers and proxies, https
    stays https, and requests to others are few and short (`core.outbound`).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on, and add what every answer bears."""
        with outbound.web_request():
            response = self.get_response(request)
        if settings.BASE_URL.startswith("https://"):
            response.headers.setdefault(
                "Strict-Transport-Security", f"max-age={settings.HSTS_SECONDS}"
            )
        match = getattr(request, "resolver_match", None)
        is_static = request.path_info.startswith(settings.STATIC_URL)
        if not is_static and not (match and match.url_name in CACHEABLE):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class TextMiddleware:
    """Refuses NUL and lone surrogates: 404 in a path, 400 in query, cookies or a form.

    The answer names the field. Uploaded files may hold any byte; Django cleans their names.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Check path, query and cookies, or pass the request on."""
        if UNSTORABLE.search(request.path_info):
            return _refusal(request, "path", status=404)
        fields = [*request.GET.lists(), *((k, [v]) for k, v in request.COOKIES.items())]
        field = _unstorable(fields)
        return self.get_response(request) if field is None else _refusal(request, field)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Check the fields of a form; by now its size has been checked."""
        is_form = request.method == "POST" and request.content_type in FORMS
        if not is_form or OTHER_BODIES.match(request.path_info):
            return None
        field = _unstorable(request.POST.lists())
        return None if field is None else _refusal(request, field)


def _unstorable(fields: Iterable[tuple[str, list[str]]]) -> str | None:
    """Name of the first field whose name or one of whose values cannot be stored."""
    return next((k for k, vs in fields if any(map(UNSTORABLE.search, [k, *vs]))), None)


def _refusal(request: HttpRequest, field: str, status: int = 400) -> HttpResponse:
    name = UNSTORABLE.sub("?", field)[:100]
    message = f"{name}: a NUL character or half a surrogate pair is not text."
    if request.path_info.startswith("/api/"):
        error = {"code": "invalid", "message": message, "field": name}
        return JsonResponse({"error": error}, status=status)
    if OTHER_BODIES.match(request.path_info):
        graph = {"message": f"(#100) {message}", "type": "OAuthException", "code": 100}
        return JsonResponse({"error": graph}, status=status)
    return HttpResponse(message, status=status, content_type="text/plain; charset=utf-8")
