"""Writing the audit log: changes of plans, roles, keys, rates and money, in their transaction."""

import json
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.forms import ModelForm
from django.http import HttpRequest

from accounts.models import AuditEntry, Business, User
from core.encryption import EncryptedTextField


@dataclass(frozen=True, slots=True)
class Origin:
    """The actor of a change: user, name to show, and IP address."""

    actor: User | None = None
    actor_name: str = "parley"
    ip: str | None = None


# A function, so that requests that record nothing do not load their user. Set by the middleware;
# without a request the actor is Parley itself.
origin: ContextVar[Callable[[], Origin]] = ContextVar("audit_origin", default=Origin)


# Grows by one with each entry while a request is watched (`accounts.audit.acts`).
written: ContextVar[list[bool]] = ContextVar("audit_written")


def origin_of(request: HttpRequest) -> Origin:
    """The API key or the logged-in user, and the IP address of a request."""
    if key := getattr(request, "api_key", ""):
        return Origin(None, f"key {key}", request.META.get("REMOTE_ADDR") or None)
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

    `before` and `after` hold the changed values by name. No entry names a customer, nor holds
    what one wrote, or a secret: nothing is ever taken out of the log.
    """
    who = origin.get()()
    if (seen := written.get(None)) is not None:
        seen.append(True)
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


def unchanged() -> None:
    """Say that a request changed nothing, so that it needs no entry."""
    if (seen := written.get(None)) is not None:
        seen.append(False)


def record_form(action: str, form: "ModelForm[Any]", business: Business) -> AuditEntry | None:
    """Write one entry about the row of a form that was saved: its changed fields, no secrets.

    None where it changed nothing.
    """
    fields = form.instance._meta.get_fields()
    hidden = {one.name for one in fields if isinstance(one, EncryptedTextField)}
    if not form.changed_data:
        unchanged()
        return None
    changed = [name for name in form.changed_data if name not in hidden]
    secret = [name for name in form.changed_data if name in hidden]
    return record(
        action=action,
        subject=form.instance,
        business=business,
        before={name: form.initial.get(name) for name in changed},
        after={name: form.cleaned_data.get(name) for name in changed}
        | dict.fromkeys(secret, "changed"),
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
