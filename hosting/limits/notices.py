"""Warning: owners hear when 80 and 100 percent of the plan's messages or storage are used, once a month."""

from datetime import datetime
from typing import Any

import structlog
from django.core.mail import EmailMessage
from django.db import connection
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import Business, Membership, Role
from accounts.panels import Banner
from core.sql import statement
from core.tenancy import system
from hosting.limits import quota
from hosting.models import Account, HostedCount, LimitNotice, LockedMessage, Media, Storage
from hosting.webhooks import outbox

log = structlog.get_logger(__name__)
MAILS_AT_ONCE = 50
NEARLY = 80
STORAGE = "media_megabytes"
# Limit -> what webhooks call it.
ALERTS = {"hosted_messages": "HOSTED_MESSAGES", STORAGE: "MEDIA_STORAGE"}


def warn_due() -> int:
    """Note what was reached, mail the owners and tell the business's webhooks; returns how many notices went out."""
    with system("counts of every business"), connection.cursor() as cursor:
        cursor.execute(statement("hosting", "note_limits"))
    sent = 0
    while sent < MAILS_AT_ONCE and _tell_one():
        sent += 1
    return sent


def _tell_one() -> bool:
    """One notice a transaction: a mail server that refuses one does not hold up what was mailed before."""
    with system("notices of every business"):
        waiting = LimitNotice.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            told_at=None
        )
        notice = waiting.select_related("business__plan").order_by("id").first()
        if notice is None:
            return False
        # Where both levels were reached at once, the higher one says it all.
        if not _is_outdone(notice):
            _tell_webhooks(notice)
            _mail(notice)
        LimitNotice.objects.filter(pk=notice.pk).update(told_at=timezone.now())
        return True


def _is_outdone(notice: LimitNotice) -> bool:
    higher = LimitNotice.objects.filter(
        business=notice.business, limit=notice.limit, month=notice.month
    )
    return higher.filter(percent__gt=notice.percent).exists()


def _tell_webhooks(notice: LimitNotice) -> None:
    for account in Account.objects.filter(business=notice.business).order_by("id"):
        info = {
            "alert_severity": "CRITICAL" if notice.percent >= 100 else "WARNING",
            "alert_status": "ACTIVE",
            "alert_type": f"{ALERTS[notice.limit]}_{notice.percent}",
            "alert_description": _words(notice),
        }
        value = {"entity_type": "WABA", "entity_id": account.waba_id, "alert_info": info}
        outbox.note_field(account=account, field="account_alerts", value=value)


def _words(notice: LimitNotice) -> str:
    if notice.limit == STORAGE:
        plan = notice.business.plan
        return f"{notice.used:,} of the {notice.allowed:,} MB of media that the {plan.name} plan keeps are used."
    return (
        f"{notice.used:,} of the {notice.allowed:,} messages that the {notice.business.plan.name} plan hosts in "
        f"{notice.month:%B %Y} are used."
    )


def _mail(notice: LimitNotice) -> None:
    business = notice.business
    what, page = (
        ("media storage", "storage") if notice.limit == STORAGE else ("hosted messages", "limit")
    )
    owners = Membership.objects.filter(business=business, role=Role.OWNER)
    EmailMessage(
        subject=f"{business.name}: {notice.percent} % of the plan's {what} used",
        body=render_to_string(
            f"emails/{page}.txt", {"words": _words(notice), "notice": notice, "plan": business.plan}
        ),
        to=sorted(owners.values_list("user__email", flat=True)),
    ).send()
    log.info(
        "limit_notice", business_id=business.pk, percent=notice.percent, month=str(notice.month)
    )


def banners(business: Business, role: str) -> list[Banner]:
    """What is locked and until when it is kept, or that a limit of the plan is nearly used up."""
    plan = business.plan
    if plan.hosted_messages is None and plan.media_megabytes is None:
        return []
    messages, kept_until, size, files_until = _usage(business)
    found = []
    if plan.hosted_messages is not None:
        found.append(_about_messages(messages, plan.hosted_messages, kept_until, role))
    if plan.media_megabytes is not None:
        found.append(_about_files(size, plan.media_megabytes, files_until, role))
    return [one for one in found if one]


def _usage(business: Business) -> tuple[int, datetime | None, int, datetime | None]:
    """Hosted messages of the month, first day on which locked ones go, bytes of files, the same of locked files."""
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


def _about_messages(used: int, limit: int, kept_until: datetime | None, role: str) -> Banner | None:
    words = {"used": f"{used:,}", "limit": f"{limit:,}"}
    if kept_until is not None:
        text = _(
            "Messages are locked: the plan's %(limit)s hosted messages are used. They are kept until %(day)s."
        )
        return _banner(text % {"limit": f"{limit:,}", "day": date_format(kept_until)}, "bad", role)
    if used >= limit:
        text = _(
            "The plan's %(limit)s hosted messages are used: nothing can be sent until the month ends."
        )
        return _banner(text % words, "bad", role)
    if role != Role.OWNER or used * 100 < limit * NEARLY:
        return None
    return _banner(
        _("%(used)s of the plan's %(limit)s hosted messages are used this month.") % words,
        "warn",
        role,
    )


def _about_files(size: int, limit: int, kept_until: datetime | None, role: str) -> Banner | None:
    words = {"used": f"{quota.megabytes(size):,}", "limit": f"{limit:,}"}
    if kept_until is not None:
        text = _(
            "Customers' files are locked: the plan's %(limit)s MB of media are used. They are kept until %(day)s."
        )
        return _banner(text % {"limit": f"{limit:,}", "day": date_format(kept_until)}, "bad", role)
    if role != Role.OWNER or size * 100 < limit * quota.MEGABYTE * NEARLY:
        return None
    return _banner(
        _("%(used)s of the plan's %(limit)s MB of media are used.") % words, "warn", role
    )


def _banner(text: str, kind: str, role: str) -> Banner:
    return Banner(
        text, kind, *((reverse("plan"), _("See plans")) if role == Role.OWNER else ("", ""))
    )
