"""Lists of messages and conversations in one round trip, without models or the pages' middleware.

What is asked for most is answered here: a page of the whole list, or of one conversation, for a
live key that may read all of the business. Everything else (filters, other keys, every refusal) is
passed on to the list's view, which answers with the same bytes.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db import connection
from django.db.models import Model
from django.db.utils import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from accounts.models import ApiKey, SentKey
from accounts.plans import limits
from core import tenancy
from core.json_renderer import dumps
from core.paging import KeysetPagination, cursor_of, read_cursor
from core.rate_limit import take
from core.sql import fetch_prepared
from hosting.models import Conversation, Message

PREFIX = "/api/v1/"
# What a client that wants JSON sends; another header is the view's to understand.
ACCEPTED = frozenset({"", "*/*", "application/json", "application/json, text/plain, */*"})
SIZE = re.compile("[1-9][0-9]{0,2}")
# A number of so many digits may not fit into 64 bits; orjson would read it as a fraction.
LONG_NUMBER = re.compile("[0-9]{19}")
MESSAGE_TIMES = (
    "created_at", "sent_at", "delivered_at", "read_at", "failed_at", "edited_at", "revoked_at",
)  # fmt: skip
CONVERSATION_TIMES = ("created_at", "last_message_at", "last_inbound_at", "window_until")

Row = dict[str, Any]


def _message(row: Row) -> Row:
    _write_times(row, MESSAGE_TIMES)
    return row


def _conversation(row: Row) -> Row:
    del row["place"]
    _write_times(row, CONVERSATION_TIMES)
    _write_times(row["contact"], ("created_at", "held_at"))
    return row


def _write_times(row: Row, names: Iterable[str]) -> None:
    """Write moments as the API does: the database leaves out the last zeros of a fraction."""
    for name in names:
        if moment := row[name]:
            moment = moment[:-6]
            row[name] = f"{moment if len(moment) == 19 else moment.ljust(26, '0')}Z"


class KeyPage(NamedTuple):
    """The columns of the functions in `api_pages.sql`: the key's limits and the page as JSON."""

    key_id: int
    business_id: int
    requests_per_second: int
    is_limited: bool
    rows: str | None


@dataclass(frozen=True, slots=True)
class FastList:
    """A list: the function of `api_pages.sql` that reads it, its order with the names that hold
    that order's values in a row of the function, and what makes such a row the object shown.
    """

    function: str
    model: type[Model]
    ordering: tuple[str, ...]
    places: tuple[str, ...]
    shown: Callable[[Row], Row]

    def __call__(self, request: HttpRequest, **kwargs: Any) -> HttpResponse | None:
        """One page, or None where the list's view has to answer."""
        asked = self._asked(request)
        if asked is None:
            return None
        key, after, size = asked
        found = self._read([*key, *kwargs.values(), *after, size + 1])
        if found is None or LONG_NUMBER.search(found.rows or "") or not _within_rate(found):
            return None
        # For logs and the audit log.
        request.api_key = key.shown  # type: ignore[attr-defined]
        return self._answer(orjson.loads(found.rows or "[]"), size)

    def _asked(self, request: HttpRequest) -> tuple[SentKey, list[Any], int] | None:
        """The key, the place to begin after and the page's size, where this list answers that."""
        headers, query = request.headers, request.GET
        size = query.get("limit", str(KeysetPagination.default_limit))
        key = ApiKey.read_bearer(headers.get("Authorization", ""))
        if (
            key is None
            or headers.get("Accept", "") not in ACCEPTED
            or not query.keys() <= {"limit", "after"}
            or not SIZE.fullmatch(size)
            or int(size) > KeysetPagination.max_limit
        ):
            return None
        after = query.get("after", "")
        if not after:
            return key, [None] * len(self.ordering), int(size)
        try:
            place = read_cursor(after, self.model._default_manager.all(), self.ordering)
        except ValueError:
            return None
        return key, place, int(size)

    def _read(self, values: list[Any]) -> KeyPage | None:
        try:
            with tenancy.one_statement():
                row = fetch_prepared(f"SELECT * FROM {self.function}", values)
        except (OperationalError, InterfaceError):
            connection.close()
            return None
        return None if row is None else KeyPage(*row)

    def _answer(self, rows: list[Row], size: int) -> HttpResponse:
        following = None
        if len(rows) > size:
            # The names of the order are those of the columns, the values those of the last row.
            last = zip(self.ordering, self.places, strict=True)
            values = {column.lstrip("-"): _value(rows[size - 1][name]) for column, name in last}
            following = cursor_of(values, self.ordering)
        page = {"data": [self.shown(row) for row in rows[:size]], "next": following}
        return HttpResponse(dumps(page), content_type="application/json")


def _value(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _within_rate(found: KeyPage) -> bool:
    """Count this request; False, and nothing is counted, where the key asks too often."""
    buckets = limits.buckets_of(
        key_id=found.key_id, business_id=found.business_id, per_second=found.requests_per_second
    )
    return not found.is_limited or not take(*buckets)


def _route(address: str, name: str, pages: Any) -> URLPattern:
    made: URLPattern = path(address, pages, name=name)
    return made


ROUTES = (
    _route(
        "api/v1/conversations/<uuid:public_id>/messages/",
        "api_conversation_messages",
        FastList(
            "hosting_message_page(%s, %s, %s, NULL, %s, %s)", Message, ("-id",), ("id",), _message
        ),
    ),
    _route(
        "api/v1/messages/",
        "api_messages",
        FastList(
            "hosting_message_page(%s, %s, NULL, %s, %s, %s)",
            Message, ("-created_at", "-id"), ("created_at", "id"), _message,
        ),
    ),
    _route(
        "api/v1/conversations/",
        "api_conversations",
        FastList(
            "hosting_conversation_page(%s, %s, %s, %s, %s)",
            Conversation, ("-last_message_at", "-id"), ("last_message_at", "place"), _conversation,
        ),
    ),
)  # fmt: skip


def answer(request: HttpRequest) -> HttpResponse | None:
    """The response to a GET where one of these lists can give it; None: pass the request on."""
    for route in ROUTES:
        if match := route.resolve(request.path_info[1:]):
            request.resolver_match = match
            response: HttpResponse | None = match.func(request, **match.kwargs)
            return response
    return None
