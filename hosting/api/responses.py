"""JSON responses of the Cloud API."""

from typing import Any

import orjson
from django.http import HttpResponse


def answer(body: Any, status: int = 200) -> HttpResponse:
    """Return a JSON response."""
    return HttpResponse(orjson.dumps(body), status=status, content_type="application/json")


def error_answer(body: Any, status: int) -> HttpResponse:
    """Return a JSON error; 401 names the authentication scheme."""
    response = answer(body, status)
    if status == 401:
        response["WWW-Authenticate"] = 'OAuth "Facebook Platform" "invalid_token"'
    return response
