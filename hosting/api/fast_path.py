"""The fast path: sending messages, receiving webhooks, lists, without the middleware of pages.

Sessions, languages, cookies and content policies concern pages only; these routes are the
busiest of all and are answered before any of that runs. What the Cloud API has and Parley has not
is answered in its shape, not with a page.
"""

import re
import secrets
import select
from collections.abc import Callable

import structlog
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, re_path

from core.logs import shown_path
from hosting.api import bodies, messages, webhooks
from hosting.api.paths import NUMBER
from hosting.api.responses import error_answer
from hosting.api.v1 import fast_lists
from hosting.cloudapi.json import MAX_BODY_BYTES
from hosting.errors import CloudApiError

log = structlog.get_logger(__name__)

CLOUD_PATH = re.compile(r"/(?:v[0-9]+(?:\.[0-9]+)?|[0-9]{1,32})(?:/|$)")
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
        """Answer a request to a fast route, or pass it on; a body without a length is read."""
        if bodies.is_chunked(request) and not bodies.read_chunked(request):  # type: ignore[arg-type]
            return _too_large(request)
        match = _match(request.path_info)
        if match is not None:
            return _answer(request, match)
        if (page := _page(request)) is not None:
            return page
        response = self.get_response(request)
        return _as_graph(request, response) if response.status_code >= 400 else response


def _too_large(request: HttpRequest) -> HttpResponse:
    details = f"A body without a length may have {MAX_BODY_BYTES:,} bytes."
    response = error_answer(CloudApiError(100, details).as_json(secrets.token_urlsafe(12)), 413)
    # The rest of the body was not read.
    response["Connection"] = "close"
    return response


def _as_graph(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return the page of an error as the protocol has errors, below the Cloud API's paths."""
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    if not is_page or not CLOUD_PATH.match(request.path_info):
        return response
    if response.status_code == 404:
        error = CloudApiError(2500, f"Unknown path components: {request.path_info[:200]}")
    elif response.status_code >= 500:
        error = CloudApiError(131000, "The error was recorded; try again later.")
    else:
        error = CloudApiError(100, f"The request was refused with {response.status_code}.")
    status = error.status if response.status_code == 404 else response.status_code
    return error_answer(error.as_json(secrets.token_urlsafe(12)), status)


def _match(path: str) -> ResolverMatch | None:
    for route in ROUTES:
        if match := route.resolve(path[1:]):
            return match
    return None


def _answer(request: HttpRequest, match: ResolverMatch) -> HttpResponse:
    request.resolver_match = match
    request_id = _request_id(request)
    _drop_closed_connection()
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        if response.status_code >= 400:
            log.info("fast_path_refused", path=shown_path(request), status=response.status_code)
    return _with_headers(response, request_id)


def _page(request: HttpRequest) -> HttpResponse | None:
    """A page of one of the own API's lists, where it can be given without the middleware."""
    if request.method != "GET" or not request.path_info.startswith(fast_lists.PREFIX):
        return None
    _drop_closed_connection()
    page = fast_lists.answer(request)
    return None if page is None else _with_headers(page, _request_id(request))


def _request_id(request: HttpRequest) -> str:
    return request.headers.get("X-Request-ID", "")[:100] or secrets.token_hex(16)


def _with_headers(response: HttpResponse, request_id: str) -> HttpResponse:
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
