"""The usual send, a text or a template to one customer, in two round trips and without models.

Whatever is not usual, every refusal among it, is left to `hosting.messages.send`, which says why.
"""

from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db.utils import IntegrityError
from django.utils.timezone import now as utc_now
from psycopg.types.numeric import Int8

from accounts.models import SentKey
from accounts.plans import limits
from core import tenancy
from core.rate_limit import take
from core.sql import fetch_prepared
from hosting import extensions
from hosting.cloudapi import sends, templates
from hosting.cloudapi.number_forms import one_form
from hosting.cloudapi.texts import text_of
from hosting.contacts.identity import user_id_for
from hosting.errors import CloudApiError
from hosting.messages.rate_limits import buckets_of
from hosting.models import Category
from hosting.models.conversations import free_entry, preview, window_open
from hosting.models.messages import new_wamid

KINDS = frozenset({"text", "template"})


class Opened(NamedTuple):
    """The columns of the SQL function `hosting_open_send`.

    Those of the conversation are None where there is none yet, those of the template without one.
    """

    key_id: int
    business_id: int
    clock_at: datetime | None
    hosted_messages: int | None
    requests_per_second: int
    number_id: int
    digits: str
    transport: str
    messages_per_second: int
    conversation_id: int | None
    contact_id: int | None
    network_wa_id: str | None
    last_inbound_at: datetime | None
    is_window_proven: bool
    referred_at: datetime | None
    free_entry_at: datetime | None
    template_id: int | None
    category: str | None
    components: Any


def send_usual(*, key: SentKey, phone_number_id: str, wanted: sends.SendRequest) -> str | None:
    """Accept a message for sending and return its wamid, or None if nothing was done.

    Call outside of a transaction; the caller notifies the queue. None means that the send is not a
    usual one: use `send.send_message`.
    """
    person = one_form(wanted.to)
    if not _is_usual(wanted):
        return None
    opened = _open(key, phone_number_id, person, wanted)
    if opened is None or person == one_form(opened.digits):
        return None
    at = opened.clock_at or utc_now()
    is_open = window_open(opened.last_inbound_at, at=at)
    text = _text_of(opened, wanted) if is_open or wanted.kind == "template" else None
    if text is None or not _within_rate(opened, person):
        return None
    return _write(opened, wanted, person, text, at, is_open)


def _is_usual(wanted: sends.SendRequest) -> bool:
    return (
        wanted.kind in KINDS
        and wanted.to.isdecimal()
        and not any(sends.media_of(wanted.kind, wanted.content))
        and not any(extensions.concerns(check, wanted.kind) for check in extensions.send_checks)
    )


def _open(
    key: SentKey, phone_number_id: str, person: str, wanted: sends.SendRequest
) -> Opened | None:
    template = wanted.content if wanted.kind == "template" else {}
    names = template.get("name", ""), template.get("language", {}).get("code", "")
    with tenancy.one_statement():
        row = fetch_prepared(
            "SELECT * FROM hosting_open_send(%s, %s, %s, %s, %s, %s)",
            [*key, phone_number_id, person, *names],
        )
    return None if row is None else Opened(*row)


def _text_of(opened: Opened, wanted: sends.SendRequest) -> str | None:
    """The readable text; None where the template's parameters do not fit."""
    if wanted.kind != "template":
        return text_of(wanted.kind, wanted.content)
    components = opened.components
    if isinstance(components, str | bytes):
        components = orjson.loads(components)
    try:
        return templates.rendered(components, wanted.content.get("components") or [])
    except CloudApiError:
        return None


def _within_rate(opened: Opened, person: str) -> bool:
    """Count the message and the request; False, and nothing is counted, above a limit.

    A business on a test clock is not limited.
    """
    if opened.clock_at is not None:
        return True
    per_second = opened.requests_per_second
    rate = float(min(opened.messages_per_second, per_second))
    return not take(
        *buckets_of(number_id=opened.number_id, rate=rate, person=person),
        *limits.buckets_of(
            key_id=opened.key_id, business_id=opened.business_id, per_second=per_second
        ),
    )


def _write(
    opened: Opened,
    wanted: sends.SendRequest,
    person: str,
    text: str,
    at: datetime,
    is_open: bool,
) -> str | None:
    wamid, is_template = new_wamid(), wanted.kind == "template"
    entry_at = free_entry(opened.referred_at, opened.free_entry_at, at=at)
    values = {
        "mark": tenancy.mark_of(opened.business_id),
        "own": opened.business_id,
        "number": opened.number_id,
        "thread": opened.conversation_id,
        "person": person,
        "person_user_id": "" if opened.contact_id else user_id_for(person),
        "new_wamid": wamid,
        "new_kind": wanted.kind,
        "new_text": text,
        "new_content": orjson.dumps(wanted.content).decode(),
        "new_context": wanted.context_wamid,
        "new_tracker": wanted.tracker,
        "template": opened.template_id,
        "new_category": opened.category if is_template else Category.SERVICE.value,
        # The network itself refuses free-form messages outside of the window; templates it takes.
        "is_window_open": is_open and (opened.is_window_proven or not is_template),
        "entry_at": entry_at,
        "at": at,
        "to_transport": opened.transport,
        "dialled": opened.network_wa_id or wanted.to,
        "new_preview": preview(wanted.kind, text),
        "plan_limit": opened.hosted_messages,
    }
    # One type for all integers: psycopg would prepare the statement anew for each size of them.
    typed = {name: Int8(one) if type(one) is int else one for name, one in values.items()}
    named = ", ".join(f"{name} => %({name})s" for name in values)
    try:
        with tenancy.one_statement():
            written = fetch_prepared(f"SELECT id FROM hosting_write_send({named})", typed)
    except IntegrityError:
        return None
    return wamid if written else None
