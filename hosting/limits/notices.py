"""Limit notices: owners and webhooks learn when 80 and 100 % of a limit are used, once a month."""

from datetime import datetime
from typing import Any

import structlog
from django.db import connection
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from accounts.dashboard.panels import Banner
from accounts.models import Business, Membership, Role
from core import outbox as email_outbox
from core.queue import Claimed, OneByOne, Queue
from core.queue.work import work_all
from core.sql import statement
from core.tenancy import system
from hosting import quota
from hosting.models import Account, HostedCount, LimitNotice, LockedMessage, Media, Storage
from hosting.webhooks import outbox

log = structlog.get_logger(__name__)
WARNING_PERCENT = 80
STORAGE = "media_megabytes"
# Plan limit -> template of its mails.
EMAILS = {
    "hosted_messages": "limit",
    STORAGE: "storage",
    "raw_events": "inbound",
    "locked_messages": "inbound",
}
# Plan limit -> alert type in webhooks.
ALERTS = {
    "hosted_messages": "HOSTED_MESSAGES",
    STORAGE: "MEDIA_STORAGE",
    "raw_events": "RAW_EVENTS",
    "locked_messages": "LOCKED_MESSAGES",
}


def send_due_notices() -> int:
    """Record reached levels, then mail owners and write webhook calls.

    Return how many notices were claimed.
    """
    with system("counts of every business"), connection.cursor() as cursor:
        cursor.execute(statement("hosting", "record_limit_notices"))
    return work_all(QUEUE)


def _send(row: Claimed) -> None:
    notice = LimitNotice.objects.select_related("business__plan").get(pk=row.key)
    # When both levels were reached at once, only the higher one is sent.
    if not _has_higher_level(notice):
        _write_webhook_calls(notice)
        _mail(notice)


QUEUE = Queue(
    name="limit_notices",
    about="Notices that a plan's limit is reached, to be mailed and written as webhook calls.",
    model=LimitNotice,
    work=OneByOne(_send),
    is_open=Q(notified_at=None),
    # The mails go to members, whom the business's scope does not show.
    scoped=False,
    done={"notified_at": "statement_timestamp()"},
    dead_title=_lazy("Limit notices not sent"),
)


def _has_higher_level(notice: LimitNotice) -> bool:
    higher = LimitNotice.objects.filter(
        business=notice.business, limit=notice.limit, month=notice.month
    )
    return higher.filter(percent__gt=notice.percent).exists()


def _write_webhook_calls(notice: LimitNotice) -> None:
    for account in Account.objects.filter(business=notice.business).order_by("id"):
        info = {
            "alert_severity": "CRITICAL" if notice.percent >= 100 else "WARNING",
            "alert_status": "ACTIVE",
            "alert_type": f"{ALERTS[notice.limit]}_{notice.percent}",
            "alert_description": _description(notice),
        }
        value = {"entity_type": "WABA", "entity_id": account.waba_id, "alert_info": info}
        outbox.write_field_calls(account=account, field="account_alerts", value=value)


def _description(notice: LimitNotice) -> str:
    if notice.limit == STORAGE:
        plan = notice.business.plan
        return (
            f"{notice.used:,} of the {notice.allowed:,} MB of media that the {plan.name} plan "
            "keeps are used."
        )
    if notice.limit == "raw_events":
        return (
            f"More than {notice.allowed:,} raw webhook bodies came in {notice.month:%B %Y}: the "
            "others are applied, and their raw bytes are not kept."
        )
    if notice.limit == "locked_messages":
        return (
            f"{notice.allowed:,} messages over the plan are locked: what customers write beyond is "
            "counted, and not kept."
        )
    return (
        f"{notice.used:,} of the {notice.allowed:,} messages that the {notice.business.plan.name} "
        "plan hosts in "
        f"{notice.month:%B %Y} are used."
    )


def _mail(notice: LimitNotice) -> None:
    business = notice.business
    owners = Membership.objects.filter(business=business, role=Role.OWNER)
    context = {
        "words": _description(notice),
        "notice": notice,
        "business": business,
        "plan": business.plan,
    }
    email_outbox.write(
        email_outbox.render(EMAILS[notice.limit], context),
        key=f"{notice.percent}-{notice.pk}",
        recipients=sorted(owners.values_list("user__email", flat=True)),
        business_id=business.pk,
    )
    log.info(
        "limit_notice", business_id=business.pk, percent=notice.percent, month=str(notice.month)
    )


def banners(business: Business, role: str) -> list[Banner]:
    """Return banners about locked messages or files, and about limits that are nearly used up."""
    plan = business.plan
    if plan.hosted_messages is None and plan.media_megabytes is None:
        return []
    messages, kept_until, size, files_until = _usage(business)
    found = []
    if plan.hosted_messages is not None:
        found.append(_messages_banner(messages, plan.hosted_messages, kept_until, role))
    if plan.media_megabytes is not None:
        found.append(_storage_banner(size, plan.media_megabytes, files_until, role))
    return [one for one in found if one]


def _usage(business: Business) -> tuple[int, datetime | None, int, datetime | None]:
    """Return (hosted messages this month, first expiry of locked ones, stored bytes, expiry of
    files).
    """
    mine: dict[str, Any] = {"business": OuterRef("pk")}
    month = business.now().date().replace(day=1)
    counted = HostedCount.objects.filter(**mine, month=month).values("messages")
    locked = LockedMessage.objects.filter(**mine).order_by("keep_until").values("keep_until")[:1]
    size = Storage.objects.filter(**mine).values("bytes")
    files = (
        Media.objects.live()
        .filter(**mine, locked_until__isnull=False)
        .order_by("id")
        .values("locked_until")[:1]
    )
    row: tuple[Any, ...] = Business.objects.filter(pk=business.pk).values_list(
        Coalesce(Subquery(counted), 0),
        Subquery(locked),
        Coalesce(Subquery(size), 0),
        Subquery(files),
    )[0]
    return row[0], row[1], row[2], row[3]


def _messages_banner(
    used: int, limit: int, kept_until: datetime | None, role: str
) -> Banner | None:
    words = {"used": f"{used:,}", "limit": f"{limit:,}"}
    if kept_until is not None:
        text = _(
            "Messages are locked: the plan's %(limit)s hosted messages are used. They are kept "
            "until %(day)s."
        )
        return _banner(text % {"limit": f"{limit:,}", "day": date_format(kept_until)}, "bad", role)
    if used >= limit:
        text = _(
            "The plan's %(limit)s hosted messages are used: nothing can be sent until the month "
            "ends."
        )
        return _banner(text % words, "bad", role)
    if role != Role.OWNER or used * 100 < limit * WARNING_PERCENT:
        return None
    return _banner(
        _("%(used)s of the plan's %(limit)s hosted messages are used this month.") % words,
        "warn",
        role,
    )


def _storage_banner(size: int, limit: int, kept_until: datetime | None, role: str) -> Banner | None:
    words = {"used": f"{quota.megabytes(size):,}", "limit": f"{limit:,}"}
    if kept_until is not None:
        text = _(
            "Customers' files are locked: the plan's %(limit)s MB of media are used. They are kept "
            "until %(day)s."
        )
        return _banner(text % {"limit": f"{limit:,}", "day": date_format(kept_until)}, "bad", role)
    if role != Role.OWNER or size * 100 < limit * quota.MEGABYTE * WARNING_PERCENT:
        return None
    return _banner(
        _("%(used)s of the plan's %(limit)s MB of media are used.") % words, "warn", role
    )


def _banner(text: str, kind: str, role: str) -> Banner:
    return Banner(
        text, kind, *((reverse("plan"), _("See plans")) if role == Role.OWNER else ("", ""))
    )
