"""Keyset paging: pages begin after a row instead of at an offset, so all pages cost the same."""

import base64
import binascii
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from rest_framework import exceptions
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


def after_row(rows: QuerySet[Any], ordering: tuple[str, ...], values: list[Any]) -> QuerySet[Any]:
    """Rows after the one that has `values` in the columns of `ordering` ("-id": descending)."""
    later, same = Q(), Q()
    for column, value in zip(ordering, values, strict=True):
        name = column.lstrip("-")
        step = "lt" if column.startswith("-") else "gt"
        later |= same & Q(**{f"{name}__{step}": value})
        same &= Q(**{name: value})
    # Redundant, but PostgreSQL cannot start an index scan from the OR alone.
    first = ordering[0]
    edge = Q(**{f"{first.lstrip('-')}__{'lte' if first.startswith('-') else 'gte'}": values[0]})
    return rows.filter(edge, later)


def cursor_of(row: Any, ordering: tuple[str, ...]) -> str:
    """Opaque text for the position of a row in `ordering`."""
    names = [column.lstrip("-") for column in ordering]
    values = [row[name] if isinstance(row, dict) else getattr(row, name) for name in names]
    return base64.urlsafe_b64encode(orjson.dumps(values, default=str)).decode().rstrip("=")


def read_cursor(text: str, rows: QuerySet[Any], ordering: tuple[str, ...]) -> list[Any]:
    """The values in a cursor, in their columns' types; ValueError for an invalid cursor."""
    try:
        raw = orjson.loads(
            base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        )
        if not isinstance(raw, list) or len(raw) != len(ordering) or None in raw:
            raise ValueError(text)
        fields = [rows.model._meta.get_field(column.lstrip("-")) for column in ordering]
        values = [field.to_python(value) for field, value in zip(fields, raw, strict=True)]
        for field, value in zip(fields, values, strict=True):
            field.run_validators(value)
    except (binascii.Error, ValidationError, TypeError, OverflowError, UnicodeError) as error:
        raise ValueError(text) from error
    return values


class KeysetPagination(BasePagination):
    """Paging by `?limit=` (1 to 100, default 25) and `?after=` (a cursor).

    Responses are `{"data": […], "next": cursor or null}`.
    """

    default_limit = 25
    max_limit = 100

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        """One page of the rows; the last column of the view's `ordering` must be unique."""
        ordering: tuple[str, ...] = getattr(view, "ordering", ("-id",))
        limit = self._limit(request)
        rows = queryset.order_by(*ordering)
        if after := request.query_params.get("after"):
            try:
                rows = after_row(rows, ordering, read_cursor(after, rows, ordering))
            except ValueError:
                raise exceptions.ValidationError({"after": "Not a cursor of this list."}) from None
        found = list(rows[: limit + 1])
        self.next = cursor_of(found[limit - 1], ordering) if len(found) > limit else None
        return found[:limit]

    def _limit(self, request: Request) -> int:
        raw = request.query_params.get("limit", str(self.default_limit))
        if not (
            raw.isascii() and raw.isdigit() and len(raw) < 5 and 1 <= int(raw) <= self.max_limit
        ):
            raise exceptions.ValidationError(
                {"limit": f"A whole number from 1 to {self.max_limit}."}
            )
        return int(raw)

    def get_paginated_response(self, data: Any) -> Response:
        """The response with the page and the cursor of the next one."""
        return Response({"data": data, "next": self.next})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """OpenAPI schema of the response."""
        return {
            "type": "object",
            "required": ["data", "next"],
            "properties": {"data": schema, "next": {"type": "string", "nullable": True}},
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """OpenAPI parameters `limit` and `after`."""
        whole = {
            "type": "integer",
            "minimum": 1,
            "maximum": self.max_limit,
            "default": self.default_limit,
        }
        return [
            {"name": "limit", "in": "query", "required": False, "schema": whole},
            {"name": "after", "in": "query", "required": False, "schema": {"type": "string"}},
        ]
