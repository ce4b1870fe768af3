"""Template synchronisation with an upstream, whose version wins."""

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

from core import widths
from core.http import FetchFailed, fetch
from core.tenancy import system
from hosting.cloudapi.definitions import CATEGORIES
from hosting.cloudapi.json import MalformedJson, as_dict, as_list, as_text, read_json
from hosting.message_templates import review
from hosting.models import Account, Template, TemplateStatus, Upstream

log = structlog.get_logger(__name__)

INTERVAL = timedelta(minutes=15)
RETRY_AFTER = timedelta(minutes=1)
LEASE = timedelta(minutes=5)
TIMEOUT = 20.0
PAGE, MAX_PAGES = 100, 60
MAX_BYTES = 8 * 1024 * 1024
STATUSES = frozenset(TemplateStatus.values)
# Other names that the protocol has for our statuses.
STATUS_ALIASES = {
    "REINSTATED": "APPROVED",
    "IN_APPEAL": "PENDING",
    "FLAGGED": "APPROVED",
    "PENDING_DELETION": "DISABLED",
    "DELETED": "DISABLED",
    "ARCHIVED": "DISABLED",
    "LIMIT_EXCEEDED": "PAUSED",
}
FIELDS = (
    "id,name,language,status,category,components,parameter_format,quality_score,rejected_reason"
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Address and token of one upstream's templates."""

    upstream_id: int
    account_id: int
    business_id: int
    url: str
    bearer: str


class NotSynchronised(Exception):
    """The upstream's templates could not be read completely; nothing was changed."""


def synchronise_due(limit: int = 20) -> int:
    """Synchronise up to `limit` upstreams not synchronised for 15 minutes; return how many.

    Call outside transactions.
    """
    done = 0
    for line in _claim(limit):
        done += 1
        try:
            push(line)
            apply(line, list(pull(line)))
            _record_result(line, "")
        except (NotSynchronised, FetchFailed) as error:
            log.warning(
                "templates_not_synchronised", upstream=line.upstream_id, error=str(error)[:300]
            )
            _record_result(line, str(error)[:500])
    return done


def _claim(limit: int) -> list[Endpoint]:
    """Claim upstreams that are due; the claim moves their time forward, so it acts as a lease."""
    parameters: list[Any] = [INTERVAL, LEASE, INTERVAL, limit]
    with system("upstreams of every business"), connection.cursor() as cursor:
        cursor.execute(
            """UPDATE hosting_upstream SET synchronised_at = statement_timestamp() - %s + %s
                WHERE id = ANY (ARRAY(SELECT id FROM hosting_upstream
                                       WHERE synchronised_at IS NULL
                                          OR synchronised_at < statement_timestamp() - %s
                                       ORDER BY synchronised_at NULLS FIRST
                                       LIMIT %s FOR UPDATE))
               RETURNING id""",
            parameters,
        )
        rows = Upstream.objects.filter(pk__in=[row[0] for row in cursor.fetchall()]).order_by("pk")
        return [endpoint_of(row) for row in rows]


def endpoint_of(upstream: Upstream) -> Endpoint:
    """Return the endpoint of an upstream's templates."""
    url = upstream.url_of(upstream.waba_id, "message_templates")
    return Endpoint(upstream.pk, upstream.account_id, upstream.business_id, url, upstream.token)


def _record_result(line: Endpoint, error: str) -> None:
    # Failures are retried after a minute.
    at = Now() - INTERVAL + RETRY_AFTER if error else Now()
    with system("upstreams of every business"):
        Upstream.objects.filter(pk=line.upstream_id).update(synchronised_at=at, last_error=error)


def request_sync(account: Account) -> None:
    """Make this account's synchronisation due now. Call inside a scope."""
    Upstream.objects.filter(account=account).update(synchronised_at=None)


def pull(line: Endpoint) -> Iterator[dict[str, Any]]:
    """Yield the upstream's templates, page by page; raise NotSynchronised if a page is missing."""
    after = ""
    for _ in range(MAX_PAGES):
        query = {"limit": PAGE, "fields": FIELDS} | ({"after": after} if after else {})
        found = _request(f"{line.url}?{urlencode(query)}", line)
        yield from (as_dict(one) for one in as_list(found.get("data")))
        paging = as_dict(found.get("paging"))
        after = as_text(as_dict(paging.get("cursors")).get("after"))
        if not paging.get("next") or not after:
            return
    raise NotSynchronised(f"more than {MAX_PAGES * PAGE} templates")


def _request(url: str, line: Endpoint, body: dict[str, Any] | None = None) -> dict[str, Any]:
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


def push(line: Endpoint) -> int:
    """Create new templates of ours at the upstream; return how many.

    A refusal there rejects them here.
    """
    with system("templates of every business"):
        fresh = list(
            Template.objects.live()
            .filter(account_id=line.account_id, upstream_id="", status=TemplateStatus.PENDING)
            .order_by("pk")[:PAGE]
        )
    for template in fresh:
        answer = _request(line.url, line, body=_definition(template))
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
        Template.objects.filter(pk=template.pk).update(
            upstream_id=as_text(answer.get("id"))[: widths.OBJECT_ID]
        )
        return
    # It may exist already, from a push whose answer was lost; then pulling finds it.
    if error.get("code") != 2388023 and error.get("error_subcode") != 2388024:
        details = as_text(as_dict(error.get("error_data")).get("details")) or as_text(
            error.get("message")
        )
        review.reject(template, reason=(details or "refused by the upstream")[: widths.REASON])


def apply(line: Endpoint, found: list[dict[str, Any]]) -> None:
    """Make the account's templates equal to the pulled ones: create, update, delete."""
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
                _create(account, key, raw)
        _mark_deleted(
            [row.pk for key, row in known.items() if row.upstream_id and key not in named]
        )


def _fields_of(raw: dict[str, Any]) -> dict[str, Any]:
    """Return an upstream template's values as our columns, without unusable ones."""
    read: dict[str, Any] = {}
    category = as_text(raw.get("category")).lower()
    if category in CATEGORIES:
        read["category"] = category
    if isinstance(raw.get("components"), list):
        read["components"] = raw["components"]
    if as_text(raw.get("parameter_format")).upper() in ("NAMED", "POSITIONAL"):
        read["parameter_format"] = as_text(raw["parameter_format"]).upper()
    return read | {"upstream_id": as_text(raw.get("id"))[: widths.OBJECT_ID]}


def status_of(raw: str) -> str:
    """Return our status for one of the protocol; "" if it does not concern sending."""
    status = STATUS_ALIASES.get(raw.upper(), raw.upper())
    return status if status in STATUSES else ""


def _create(account: Account, key: tuple[str, str], raw: dict[str, Any]) -> None:
    read = _fields_of(raw)
    name, language = key
    well_named = (
        0 < len(name) <= widths.TEMPLATE_NAME
        and name.replace("_", "").isalnum()
        and name.isascii()
        and name == name.lower()
    )
    if not (well_named and 0 < len(language) <= widths.LANGUAGE and "category" in read):
        log.warning("template_left_out", account=account.pk, name=name[:60])
        return
    Template.objects.create(
        business_id=account.business_id,
        account=account,
        name=name,
        language=language,
        status=status_of(as_text(raw.get("status"))) or TemplateStatus.PENDING,
        quality=_quality(raw),
        rejected_reason=(as_text(raw.get("rejected_reason")) or "NONE")[: widths.REASON],
        **read,
    )


def _quality(raw: dict[str, Any]) -> str:
    score = as_text(as_dict(raw.get("quality_score")).get("score"))
    return score if score in review.QUALITIES else "UNKNOWN"


def _update(template: Template, raw: dict[str, Any]) -> None:
    read = {
        name: value for name, value in _fields_of(raw).items() if getattr(template, name) != value
    }
    if read:
        Template.objects.filter(pk=template.pk).update(**read)
    reason = (as_text(raw.get("rejected_reason")) or "NONE")[: widths.REASON]
    set_status(template, status_of(as_text(raw.get("status"))), reason=reason)
    review.set_quality(template, quality=_quality(raw))


def set_status(template: Template, status: str, *, reason: str = "NONE", **more: Any) -> bool:
    """Set the upstream's status and write webhook calls about it; return whether it was new."""
    if not status or template.status == status:
        return False
    template.status, template.rejected_reason, template.paused_until = status, reason, None
    template.save(update_fields=["status", "rejected_reason", "paused_until"])
    review.write_status_event(template, **more)
    return True


def _mark_deleted(ids: list[int]) -> None:
    Template.objects.filter(pk__in=ids).update(
        name=Concat(Value("deleted_"), "template_id"),
        status=TemplateStatus.DISABLED,
        deleted_at=timezone.now(),
    )


def apply_event(account: Account, *, field: str, value: dict[str, Any]) -> None:
    """Apply an upstream's webhook about a template; call inside `system`.

    Where the business could have signed it, it says only that there is news, which the upstream
    itself is asked for: a template's category decides what its messages cost.
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
        if template is None or account.upstream.is_self_connected:
            # An unknown template comes with the next synchronisation.
            request_sync(account)
        else:
            _apply_template_event(template, field, value)


def _apply_template_event(template: Template, field: str, value: dict[str, Any]) -> None:
    if field == review.STATUS_FIELD:
        more = {
            name: value[name]
            for name in ("other_info", "disable_info")
            if isinstance(value.get(name), dict)
        }
        reason = (as_text(value.get("reason")) or "NONE")[: widths.REASON]
        set_status(template, status_of(as_text(value.get("event"))), reason=reason, **more)
    elif field == review.QUALITY_FIELD:
        quality = as_text(value.get("new_quality_score"))
        if quality in review.QUALITIES:
            review.set_quality(template, quality=quality)
    else:
        category = as_text(value.get("new_category")).lower()
        if category in CATEGORIES:
            Template.objects.filter(pk=template.pk).update(category=category)
