"""Writing the audit log: changes of plans, roles, keys, rates and money, in their transaction."""

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
    """The actor of a change: user, name to show, and IP address."""

    actor: User | None = None
    actor_name: str = "parley"
    ip: str | None = None


# A function, so that requests that record nothing do not load their user. Set by the middleware;
# without a request the actor is Parley itself.
origin: ContextVar[Callable[[], Origin]] = ContextVar("audit_origin", default=Origin)


def origin_of(request: HttpRequest) -> Origin:
    """The logged-in user and the IP address of a request."""
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
    """Write one entry in the transaction of the change that it describes.

    `before` and `after` hold the changed values by name and must not contain secrets.
    """
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
    """The values as JSON types: dates, decimals and all other types as text."""
    text = json.dumps(values or {}, cls=_Encoder)
    return dict(json.loads(text))


class _Encoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        try:
            return super().default(o)
        except TypeError:
            return str(o)


def redact(*, business_id: int, anywhere: Sequence[str], names: Sequence[str]) -> int:
    """Replace a customer's data in the log by `[erased]`; returns the number of entries changed.

    Texts of `anywhere` are replaced in every entry of the business, `names` only in entries about
    contacts. Call across businesses (`tenancy.system`).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT accounts_redact_audit(%s, %s::text[], %s::text[])",
            [business_id, list(anywhere), list(names)],
        )
        return int(cursor.fetchone()[0])
