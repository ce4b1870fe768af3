"""Auditing: every change of plans, roles, keys, rates and money leaves a row, in the same transaction."""

import json
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.http import HttpRequest

from accounts.models import AuditEntry, Business, User


@dataclass(frozen=True, slots=True)
class Origin:
    """Who is acting, and from where."""

    actor: User | None = None
    actor_name: str = "parley"
    ip: str | None = None


# Set by the middleware for each request, asked only when something is recorded; without a request it is Parley itself.
origin: ContextVar[Callable[[], Origin]] = ContextVar("audit_origin", default=Origin)


def origin_of(request: HttpRequest) -> Origin:
    """The logged-in user and the address of a request."""
    user = getattr(request, "user", None)
    known = user if isinstance(user, User) else None
    return Origin(
        known, known.email if known else "anonymous", request.META.get("REMOTE_ADDR") or None
    )


def record(
    *,
    action: str,
    subject: object,
    business: Business | int | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEntry:
    """Write one row, in the transaction of the change it tells of; secrets do not belong into before and after."""
    who = origin.get()()
    return AuditEntry.objects.create(
        business_id=business.pk if isinstance(business, Business) else business,
        actor=who.actor,
        actor_name=who.actor_name,
        action=action,
        subject=str(subject)[:200],
        before=_plain(before),
        after=_plain(after),
        ip=who.ip,
    )


def _plain(values: dict[str, Any] | None) -> dict[str, Any]:
    """The same values as JSON can hold them: dates and decimals as text, anything else by its `str`."""
    text = json.dumps(values or {}, cls=_Encoder)
    return dict(json.loads(text))


class _Encoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        try:
            return super().default(o)
        except TypeError:
            return str(o)


def redact(*, business_id: int, anywhere: Sequence[str], names: Sequence[str]) -> int:
    """Let the log forget a customer: entries that hold one of these say `[erased]`; returns how many.

    `names` count only in entries about contacts. Call across businesses (`tenancy.system`).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT accounts_redact_audit(%s, %s::text[], %s::text[])",
            [business_id, list(anywhere), list(names)],
        )
        return int(cursor.fetchone()[0])
