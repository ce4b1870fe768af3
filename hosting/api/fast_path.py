"""The fast path: sending messages and receiving webhooks, without the middleware of pages.

Sessions, languages, cookies and content policies concern pages only; these two routes are the
busiest of all and are answered before any of that runs.
"""

import secrets
import select
from collections.abc import Callable

import structlog
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, re_path

from hosting.api import messages, webhooks
from hosting.api.paths import NUMBER

log = structlog.get_logger(__name__)

ROUTES = [
    re_path(NUMBER + r"messages/?$", messages.messages, name="cloudapi_messages"),
    re_path(
        r"^webhooks/(?:(?P<waba_id>[0-9]{1,32})/?)?$", webhooks.receive, name="incoming_webhooks"
    ),
]


class FastPathMiddleware:
    """The first middleware: answers requests to `ROUTES` itself and passes on all others."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request to a fast route, or pass it on."""
        match = _match(request.path_info)
        return self.get_response(request) if match is None else _answer(request, match)


def _match(path: str) -> ResolverMatch | None:
    for route in ROUTES:
        if match := route.resolve(path[1:]):
            return match
    return None


def _answer(request: HttpRequest, match: ResolverMatch) -> HttpResponse:
    request.resolver_match = match
    request_id = request.headers.get("X-Request-ID", "")[:100] or secrets.token_hex(16)
    _drop_closed_connection()
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        if response.status_code >= 400:
            log.info("fast_path_refused", path=request.path, status=response.status_code)
    response["Content-Length"] = str(len(response.content))
    response["X-Request-ID"] = request_id
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _drop_closed_connection() -> None:
    """Close our end of a database connection that the server has closed.

    Its socket tells without a query; Django's own health check costs one per request.
    """
    held = connection.connection
    if held is None:
        return
    poll = select.poll()
    poll.register(held.fileno(), select.POLLIN)
    if poll.poll(0):
        connection.close()
    connection.health_check_done = True  # type: ignore[attr-defined]
