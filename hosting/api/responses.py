"""JSON answers of the Cloud API door."""

from typing import Any

import orjson
from django.http import HttpResponse


def answer(body: Any, status: int = 200) -> HttpResponse:
    """A JSON response."""
    return HttpResponse(orjson.dumps(body), status=status, content_type="application/json")


def error_answer(body: Any, status: int) -> HttpResponse:
    """A JSON error; 401 says which scheme is wanted."""
    response = answer(body, status)
    if status == 401:
        response["WWW-Authenticate"] = 'OAuth "Facebook Platform" "invalid_token"'
    return response
