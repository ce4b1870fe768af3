"""Acts of requests: what a member, an operator or a key does is in the audit log by default.

Functions that change access, money, settings or shops record it themselves, with the values. A
request that changed something or took a file, and whose functions recorded nothing, is recorded by
the name of its address, unless that is among `not_recorded`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.contrib.messages import ERROR, get_messages
from django.http import HttpRequest, HttpResponseBase

from accounts.audit import record
from core.logs import SHOWN_PARTS
from core.registry import Registry

SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class NotRecorded:
    """Names of addresses whose acts are not in the audit log, and why."""

    reason: str
    names: tuple[str, ...]


not_recorded: Registry[NotRecorded] = Registry(
    "accounts.audit.not_recorded",
    "Addresses whose acts are not recorded, with the reason: daily work that shows elsewhere.",
    key=lambda one: one.names,
)


def reasons() -> dict[str, str]:
    """Why the acts of an address are not recorded, by its name."""
    return {name: one.reason for one in not_recorded for name in one.names}


@contextmanager
def silent() -> Iterator[list[bool]]:
    """Run a view; the yielded list holds True once anything was recorded in it."""
    token = record.written.set([])
    try:
        yield record.written.get()
    finally:
        record.written.reset(token)


def complete(
    request: HttpRequest,
    response: HttpResponseBase | None,
    written: list[bool],
    business_id: int | None,
    prefix: str = "",
) -> None:
    """Record what a request did, in its transaction, where nothing has recorded it.

    A refused request did nothing; nor did one whose page shows an error. `response` is None where
    only the request is known, which then was not refused.
    """
    match = request.resolver_match
    name = (match.url_name if match else "") or ""
    if (
        match is None
        or written
        or not name
        or not _has_acted(request, response)
        or name in reasons()
    ):
        return
    parts = {key: value for key, value in match.kwargs.items() if key in SHOWN_PARTS}
    record.record(
        action=f"{prefix}{name}"[:60],
        subject=", ".join(f"{key} {value}" for key, value in parts.items()),
        business=business_id,
        after={"method": request.method},
    )


def _has_acted(request: HttpRequest, response: HttpResponseBase | None) -> bool:
    if response is None:
        return request.method not in SAFE
    if response.status_code >= 400:
        return False
    if request.method in SAFE:
        kept = response.headers.get("Content-Disposition", "")
        return kept.startswith("attachment")
    # A page that goes back with an error has refused.
    queued = getattr(get_messages(request), "_queued_messages", ())
    return not any(one.level >= ERROR for one in queued)
