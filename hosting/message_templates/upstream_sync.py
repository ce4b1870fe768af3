"""Template synchronisation with an upstream, whose version wins."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
import structlog
from django.db.models import Q, Value
from django.db.models.functions import Concat, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import widths
from core.http import FetchFailed, fetch
from core.queue import Backoff, Claimed, Failed, InThreads, Outcome, Queue
from core.queue.pool import WorkerPool
from core.queue.rows import opened_again
from core.tenancy import system
from hosting.cloudapi.definitions import CATEGORIES
from hosting.cloudapi.json import MalformedJson, as_dict, as_list, as_text, read_json
from hosting.message_templates import review
from hosting.models import Account, Template, TemplateStatus, TemplateSync, Upstream

log = structlog.get_logger(__name__)

INTERVAL = timedelta(minutes=15)
TIMEOUT = 20.0
AT_ONCE, PUSHED_AT_ONCE = 4, 20
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
class Job:
    """Address and token of one upstream's templates, and our new ones by id, as they are sent."""

    upstream_id: int
    account_id: int
    url: str
    bearer: str
    new: Mapping[int, dict[str, Any]]


@dataclass(slots=True)
class Result:
    """What an upstream said: to our new templates, by id, and of all of its own; or an error."""

    job: Job
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    found: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""


class NotSynchronised(Exception):
    """The upstream's templates could not be read completely; none of ours is changed by them."""


def synchronise_due() -> int:
    """Synchronise upstreams that were not for 15 minutes, and those that are asked to be.

    Return how many were claimed. Call outside transactions.
    """
    with system("upstreams of every business"):
        due = Upstream.objects.filter(
            Q(synchronised_at=None) | Q(synchronised_at__lt=Now() - INTERVAL), template_sync=None
        )
        TemplateSync.objects.bulk_create(
            [
                TemplateSync(upstream_id=pk, business_id=business_id)
                for pk, business_id in due.values_list("pk", "business_id")
            ],
            ignore_conflicts=True,
        )
    return POOL.run()


def request_sync(account: Account) -> None:
    """Make this account's synchronisation due now. Call inside a scope."""
    Upstream.objects.filter(account=account).update(synchronised_at=None)
    TemplateSync.objects.filter(upstream__account=account).update(**opened_again())


def _prepare(rows: Sequence[Claimed]) -> dict[int, Job]:
    upstreams = Upstream.objects.filter(pk__in=[row.key for row in rows])
    return {upstream.pk: _job(upstream) for upstream in upstreams}


def _job(upstream: Upstream) -> Job:
    new = Template.objects.live().filter(
        account_id=upstream.account_id, upstream_id="", status=TemplateStatus.PENDING
    )
    return Job(
        upstream_id=upstream.pk,
        account_id=upstream.account_id,
        url=upstream.url_of(upstream.waba_id, "message_templates"),
        bearer=upstream.token,
        new={
            template.pk: _definition(template) for template in new.order_by("pk")[:PUSHED_AT_ONCE]
        },
    )


def _perform(job: Job) -> Result:
    """Create our new templates at the upstream, then read all of its own."""
    result = Result(job)
    try:
        for pk, definition in job.new.items():
            result.answers[pk] = _request(job.url, job, body=definition)
        result.found = list(pull(job))
    except (NotSynchronised, FetchFailed) as error:
        result.error = str(error)[:500]
    return result


def _finish(results: Mapping[int, Result]) -> dict[int, Outcome]:
    return {key: _finish_one(result) for key, result in results.items()}


def _finish_one(result: Result) -> Outcome:
    for template in Template.objects.filter(pk__in=result.answers).select_related("account"):
        _apply_answer(template, result.answers[template.pk])
    upstream = Upstream.objects.filter(pk=result.job.upstream_id)
    if result.error:
        upstream.update(last_error=result.error)
        return Failed(result.error)
    apply(result.job, result.found)
    upstream.update(synchronised_at=Now(), last_error="")
    return None


QUEUE = Queue(
    name="template_syncs",
    about="Upstreams whose templates are to be synchronised.",
    model=TemplateSync,
    work=InThreads(size=AT_ONCE, prepare=_prepare, perform=_perform, finish=_finish),
    is_open=Q(),
    # Templates are rejected and paused as the worker does it, with webhook calls and mails.
    scoped=False,
    lease_seconds=900,
    # The last attempt is after nine hours: an upstream that is away for a night needs no operator.
    backoff=Backoff(first=60, factor=8, longest=8 * 3600),
    # An upstream that does not answer says nothing about our workers.
    counts="attempts = 0",
    dead_title=_("Templates not synchronised"),
)
POOL = WorkerPool(QUEUE)


def pull(job: Job) -> Iterator[dict[str, Any]]:
    """Yield the upstream's templates, page by page; raise NotSynchronised if a page is missing."""
    after = ""
    for _page in range(MAX_PAGES):
        query = {"limit": PAGE, "fields": FIELDS} | ({"after": after} if after else {})
        found = _request(f"{job.url}?{urlencode(query)}", job)
        yield from (as_dict(one) for one in as_list(found.get("data")))
        paging = as_dict(found.get("paging"))
        after = as_text(as_dict(paging.get("cursors")).get("after"))
        if not paging.get("next") or not after:
            return
    raise NotSynchronised(f"more than {MAX_PAGES * PAGE} templates")


def _request(url: str, job: Job, body: dict[str, Any] | None = None) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {job.bearer}", "content-type": "application/json"}
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


def _definition(template: Template) -> dict[str, Any]:
    ttl = {} if template.ttl_seconds is None else {"message_send_ttl_seconds": template.ttl_seconds}
    return ttl | {
        "name": template.name,
        "language": template.language,
        "category": template.category.upper(),
        "components": template.components,
        "parameter_format": template.parameter_format,
    }


def _apply_answer(template: Template, answer: dict[str, Any]) -> None:
    """Keep the id that the upstream gave a new template, or reject it as the upstream did."""
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


def apply(job: Job, found: list[dict[str, Any]]) -> None:
    """Make the account's templates equal to the pulled ones: create, update, delete.

    Call across businesses.
    """
    account = Account.objects.select_for_update().get(pk=job.account_id)
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
    _mark_deleted([row.pk for key, row in known.items() if row.upstream_id and key not in named])


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

    Where the business could have signed it, it says only that something changed; the upstream
    itself is asked what: a template's category decides what its messages cost.
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
