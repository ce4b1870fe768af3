"""Synchronising: the templates of an account and those of its upstream become the same; the upstream's word counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
import structlog
from django.db import connection
from django.db.models import Value
from django.db.models.functions import Concat, Now
from django.utils import timezone

from core.http import FetchFailed, fetch
from core.tenancy import system
from hosting.cloudapi.definitions import CATEGORIES
from hosting.cloudapi.json import MalformedJson, as_dict, as_list, as_text, read_json
from hosting.message_templates import review
from hosting.models import Account, Template, TemplateStatus, Upstream
from hosting.webhooks import outbox

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=15)
AGAIN = timedelta(minutes=1)
LEASE = timedelta(minutes=5)
TIMEOUT = 20.0
PAGE, MAX_PAGES = 100, 60
MAX_BYTES = 8 * 1024 * 1024
STATUSES = frozenset(TemplateStatus.values)
# What the protocol calls by other names.
SAME_AS = {"REINSTATED": "APPROVED", "IN_APPEAL": "PENDING", "FLAGGED": "APPROVED", "PENDING_DELETION": "DISABLED",
           "DELETED": "DISABLED", "ARCHIVED": "DISABLED", "LIMIT_EXCEEDED": "PAUSED"}  # fmt: skip
FIELDS = (
    "id,name,language,status,category,components,parameter_format,quality_score,rejected_reason"
)


@dataclass(frozen=True, slots=True)
class Line:
    """How to reach one upstream."""

    upstream_id: int
    account_id: int
    business_id: int
    url: str
    bearer: str


class NotSynchronised(Exception):
    """The upstream's templates could not be read whole; nothing was changed."""


def synchronise_due(limit: int = 20) -> int:
    """Synchronise upstreams that were not for a quarter of an hour; returns how many. Call outside transactions."""
    done = 0
    for line in _claim(limit):
        done += 1
        try:
            push(line)
            apply(line, list(pull(line)))
            _note(line, "")
        except (NotSynchronised, FetchFailed) as error:
            log.warning(
                "templates_not_synchronised", upstream=line.upstream_id, error=str(error)[:300]
            )
            _note(line, str(error)[:500])
    return done


def _claim(limit: int) -> list[Line]:
    """Upstreams that are due; taken by this worker until its lease ends, for their time moves on with the claim."""
    parameters: list[Any] = [EVERY, LEASE, EVERY, limit]
    with system("upstreams of every business"), connection.cursor() as cursor:
        cursor.execute(
            """UPDATE hosting_upstream SET synchronised_at = statement_timestamp() - %s + %s
                WHERE id = ANY (ARRAY(SELECT id FROM hosting_upstream
                                       WHERE synchronised_at IS NULL OR synchronised_at < statement_timestamp() - %s
                                       ORDER BY synchronised_at NULLS FIRST LIMIT %s FOR UPDATE SKIP LOCKED))
               RETURNING id""",
            parameters,
        )
        rows = Upstream.objects.filter(pk__in=[row[0] for row in cursor.fetchall()]).order_by("pk")
        return [line_of(row) for row in rows]


def line_of(upstream: Upstream) -> Line:
    """How its templates are reached."""
    url = upstream.url_of(upstream.waba_id, "message_templates")
    return Line(upstream.pk, upstream.account_id, upstream.business_id, url, upstream.token)


def _note(line: Line, error: str) -> None:
    # What failed is tried again in a minute.
    at = Now() - EVERY + AGAIN if error else Now()
    with system("upstreams of every business"):
        Upstream.objects.filter(pk=line.upstream_id).update(synchronised_at=at, last_error=error)


def ask(account: Account) -> None:
    """Synchronise this account's templates as soon as a worker can. Call inside a scope."""
    Upstream.objects.filter(account=account).update(synchronised_at=None)


def pull(line: Line) -> Iterator[dict[str, Any]]:
    """Every template that the upstream has, page by page; raises NotSynchronised where a page is missing."""
    after = ""
    for _ in range(MAX_PAGES):
        query = {"limit": PAGE, "fields": FIELDS} | ({"after": after} if after else {})
        found = _ask(f"{line.url}?{urlencode(query)}", line)
        yield from (as_dict(one) for one in as_list(found.get("data")))
        paging = as_dict(found.get("paging"))
        after = as_text(as_dict(paging.get("cursors")).get("after"))
        if not paging.get("next") or not after:
            return
    raise NotSynchronised(f"more than {MAX_PAGES * PAGE} templates")


def _ask(url: str, line: Line, body: dict[str, Any] | None = None) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {line.bearer}", "content-type": "application/json"}
    answer = fetch(
        url,
        method="POST" if body else "GET",
        body=orjson.dumps(body) if body else None,
        headers=headers,
        max_bytes=MAX_BYTES,
        timeout=TIMEOUT,
    )
    try:
        found = as_dict(read_json(answer.body))
    except MalformedJson:
        found = {}
    if body and answer.status == 400 and found.get("error"):
        return found
    if answer.status != 200 or answer.truncated:
        raise NotSynchronised(
            f"HTTP {answer.status}: {as_text(as_dict(found.get('error')).get('message'))[:200]}"
        )
    return found


def push(line: Line) -> int:
    """Create at the upstream what was created here since; returns how many. A refusal there is a rejection here."""
    with system("templates of every business"):
        fresh = list(
            Template.objects.live()
            .filter(account_id=line.account_id, upstream_id="", status=TemplateStatus.PENDING)
            .order_by("pk")[:PAGE]
        )
    for template in fresh:
        answer = _ask(line.url, line, body=_definition(template))
        with system("templates of every business"):
            _pushed(template, answer)
    return len(fresh)


def _definition(template: Template) -> dict[str, Any]:
    ttl = {} if template.ttl_seconds is None else {"message_send_ttl_seconds": template.ttl_seconds}
    return ttl | {
        "name": template.name,
        "language": template.language,
        "category": template.category.upper(),
        "components": template.components,
        "parameter_format": template.parameter_format,
    }


def _pushed(template: Template, answer: dict[str, Any]) -> None:
    error = as_dict(answer.get("error"))
    if not error:
        Template.objects.filter(pk=template.pk).update(upstream_id=as_text(answer.get("id"))[:32])
        return
    # It may be there already, from a push whose answer was lost: then pulling finds it.
    if error.get("code") != 2388023 and error.get("error_subcode") != 2388024:
        details = as_text(as_dict(error.get("error_data")).get("details")) or as_text(
            error.get("message")
        )
        review.reject(template, reason=(details or "refused by the upstream")[:200])


def apply(line: Line, found: list[dict[str, Any]]) -> None:
    """Make the account's templates those that were pulled: new ones appear, news are told, what is gone is deleted."""
    with system("templates of every business"):
        account = Account.objects.select_for_update().get(pk=line.account_id)
        known = {
            (row.name, row.language): row
            for row in Template.objects.live().filter(account=account).select_related("account")
        }
        named = set()
        for raw in found:
            key = (as_text(raw.get("name")), as_text(raw.get("language")))
            named.add(key)
            if key in known:
                _update(known[key], raw)
            else:
                _appear(account, key, raw)
        _vanish([row.pk for key, row in known.items() if row.upstream_id and key not in named])


def _read(raw: dict[str, Any]) -> dict[str, Any]:
    """A template of the upstream in our words; what cannot be ours is left out."""
    read: dict[str, Any] = {}
    category = as_text(raw.get("category")).lower()
    if category in CATEGORIES:
        read["category"] = category
    if isinstance(raw.get("components"), list):
        read["components"] = raw["components"]
    if as_text(raw.get("parameter_format")).upper() in ("NAMED", "POSITIONAL"):
        read["parameter_format"] = as_text(raw["parameter_format"]).upper()
    return read | {"upstream_id": as_text(raw.get("id"))[:32]}


def status_of(raw: str) -> str:
    """A status of the protocol as one of ours; empty for one that says nothing of sending."""
    status = SAME_AS.get(raw.upper(), raw.upper())
    return status if status in STATUSES else ""


def _appear(account: Account, key: tuple[str, str], raw: dict[str, Any]) -> None:
    read = _read(raw)
    name, language = key
    well_named = (
        0 < len(name) <= 512
        and name.replace("_", "").isalnum()
        and name.isascii()
        and name == name.lower()
    )
    if not (well_named and 0 < len(language) <= 15 and "category" in read):
        log.warning("template_left_out", account=account.pk, name=name[:60])
        return
    Template.objects.create(
        business_id=account.business_id, account=account, name=name, language=language,
        status=status_of(as_text(raw.get("status"))) or TemplateStatus.PENDING,
        quality=_quality(raw), rejected_reason=(as_text(raw.get("rejected_reason")) or "NONE")[:200], **read,
    )  # fmt: skip


def _quality(raw: dict[str, Any]) -> str:
    score = as_text(as_dict(raw.get("quality_score")).get("score"))
    return score if score in review.QUALITIES else "UNKNOWN"


def _update(template: Template, raw: dict[str, Any]) -> None:
    read = {name: value for name, value in _read(raw).items() if getattr(template, name) != value}
    if read:
        Template.objects.filter(pk=template.pk).update(**read)
    reason = (as_text(raw.get("rejected_reason")) or "NONE")[:200]
    take_status(template, status_of(as_text(raw.get("status"))), reason=reason)
    review.set_quality(template, quality=_quality(raw))


def take_status(template: Template, status: str, *, reason: str = "NONE", **more: Any) -> bool:
    """Set what the upstream says, whatever was before, and tell the business; returns whether that was news."""
    if not status or template.status == status:
        return False
    template.status, template.rejected_reason, template.paused_until = status, reason, None
    template.save(update_fields=["status", "rejected_reason", "paused_until"])
    review.tell_status(template, **more)
    return True


def _vanish(ids: list[int]) -> None:
    Template.objects.filter(pk__in=ids).update(
        name=Concat(Value("deleted_"), "template_id"),
        status=TemplateStatus.DISABLED,
        deleted_at=timezone.now(),
    )


def hear(account: Account, *, field: str, value: dict[str, Any]) -> None:
    """A webhook of the upstream about something else than messages: templates change, the rest is passed on as it is.

    Call inside `system`.
    """
    name, language = (
        as_text(value.get("message_template_name")),
        as_text(value.get("message_template_language")),
    )
    rows = (
        Template.objects.live()
        .select_for_update(of=("self",))
        .select_related("account")
        .filter(account=account)
    )
    template = rows.filter(name=name, language=language.replace("-", "_")).first() if name else None
    if field in (review.STATUS_FIELD, review.QUALITY_FIELD, "template_category_update"):
        if template is None:
            # Not heard of yet: it comes with the next synchronisation, which is due now.
            ask(account)
        else:
            _hear_of(template, field, value)
    elif field == "account_update":
        outbox.note_field(account=account, field=field, value=value)


def _hear_of(template: Template, field: str, value: dict[str, Any]) -> None:
    if field == review.STATUS_FIELD:
        more = {
            name: value[name]
            for name in ("other_info", "disable_info")
            if isinstance(value.get(name), dict)
        }
        reason = (as_text(value.get("reason")) or "NONE")[:200]
        take_status(template, status_of(as_text(value.get("event"))), reason=reason, **more)
    elif field == review.QUALITY_FIELD:
        quality = as_text(value.get("new_quality_score"))
        if quality in review.QUALITIES:
            review.set_quality(template, quality=quality)
    else:
        category = as_text(value.get("new_category")).lower()
        if category in CATEGORIES:
            Template.objects.filter(pk=template.pk).update(category=category)
