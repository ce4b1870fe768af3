"""The two hot doors, sending and webhooks, pass by what only pages need: sessions, languages, cookies, policies."""

import secrets
import select
from collections.abc import Callable
from importlib import import_module

import structlog
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, URLPattern

log = structlog.get_logger(__name__)

# Filled by hosting.api.urls, which says where the doors are.
doors: list[URLPattern] = []


class DoorMiddleware:
    """First of all middleware: a request to a hot door is answered here, with its request id in logs and tasks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        import_module("hosting.api.urls")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer at the door, or hand the request on."""
        match = _door_at(request.path_info)
        return self.get_response(request) if match is None else _answer(request, match)


def _door_at(path: str) -> ResolverMatch | None:
    for door in doors:
        if match := door.resolve(path[1:]):
            return match
    return None


def _answer(request: HttpRequest, match: ResolverMatch) -> HttpResponse:
    request.resolver_match = match
    request_id = request.headers.get("X-Request-ID", "")[:100] or secrets.token_hex(16)
    _look_at_connection()
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        if response.status_code >= 400:
            log.info("door_refused", path=request.path, status=response.status_code)
    response["Content-Length"] = str(len(response.content))
    response["X-Request-ID"] = request_id
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _look_at_connection() -> None:
    """Notice a connection that the server has closed by its socket, instead of by a query before every first query."""
    held = connection.connection
    if held is None:
        return
    poll = select.poll()
    poll.register(held.fileno(), select.POLLIN)
    if poll.poll(0):
        connection.close()
    connection.health_check_done = True  # type: ignore[attr-defined]
