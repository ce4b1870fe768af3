"""The home page's panels about conversations: today, usage, and what needs attention."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.dashboard.panels import Attention
from accounts.models import Business
from core.sql import statement
from hosting.models import Conversation, HostedCount, Message, Retention, Status, WebhookCall

LONG_WAIT = timedelta(hours=1)
WARNING_PERCENT = 80


@dataclass(frozen=True)
class Today:
    """Counts of messages since midnight in the business's time zone.

    `answer_seconds` is the median response time, None when unknown.
    """

    received: int
    sent: int
    delivered: int
    read: int
    failed: int
    answer_seconds: float | None

    @property
    def answer_time(self) -> str:
        """The median response time in words."""
        if self.answer_seconds is None:
            return "–"
        minutes = round(float(self.answer_seconds) / 60)
        if minutes < 1:
            return _("under a minute")
        if minutes < 90:
            return _("%(n)d min") % {"n": minutes}
        return _("%(n)d h") % {"n": round(minutes / 60)}


def midnight(business: Business) -> datetime:
    """Return the start of the business's day."""
    return (
        business.now()
        .astimezone(ZoneInfo(business.timezone))
        .replace(hour=0, minute=0, second=0, microsecond=0)
    )


def today(business: Business) -> dict[str, Any]:
    """Return the panel's variables: `today`, and `waiting` with counts of open conversations."""
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "today"), {"business_id": business.pk, "since": midnight(business)}
        )
        found = Today(*cursor.fetchone())
    return {"today": found, "waiting": _open_counts(business)}


def usage_panel(business: Business) -> dict[str, Any]:
    """Return the panel's variables: hosted messages against the plan, and failures of 7 days by
    reason.
    """
    month = business.now().date().replace(day=1)
    used = (
        HostedCount.objects.filter(business=business, month=month)
        .values_list("messages", flat=True)
        .first()
        or 0
    )
    since = midnight(business) - timedelta(days=6)
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "failures"), {"business_id": business.pk, "since": since}
        )
        failures = [FailureCount(*row) for row in cursor.fetchall()]
    limit = business.plan.hosted_messages
    is_nearly_full = limit is not None and 100 * used >= WARNING_PERCENT * limit
    return {
        "used": used,
        "limit": limit,
        "is_nearly_full": is_nearly_full,
        "failures": failures,
        "since": since.date(),
    }


@dataclass(frozen=True)
class FailureCount:
    """The number of messages that failed for one reason."""

    reason: str
    messages: int


def _open_counts(business: Business) -> dict[str, int]:
    late = business.now() - LONG_WAIT
    counts: dict[str, int] = Conversation.objects.filter(
        business=business, is_resolved=False
    ).aggregate(
        open=Count("id"),
        unread=Count("id", filter=Q(unread_count__gt=0)),
        late=Count("id", filter=Q(unread_count__gt=0, last_message_at__lt=late)),
    )
    return counts


def attention(business: Business) -> list[Attention]:
    """Return late conversations, failures of today, plan usage, and coming retention changes."""
    return [
        *_late_conversations(business),
        *_failures(business),
        *_plan_usage(business),
        *_retention_changes(business),
    ]


def _retention_changes(business: Business) -> list[Attention]:
    """Deletions that will begin soon because of a shorter retention."""
    coming = Retention.objects.filter(business=business, next_days__isnull=False).select_related(
        "number"
    )
    text = _("From %(at)s on, messages of %(number)s older than %(days)d days are deleted.")
    return [
        Attention(
            text
            % {
                "at": formats.date_format(row.starts_at, "SHORT_DATE_FORMAT"),
                "days": row.next_days,
                "number": row.number.display_phone_number,
            },
            reverse("retention"),
        )
        for row in coming.order_by("starts_at")[:5]
        if row.starts_at
    ]


def _late_conversations(business: Business) -> list[Attention]:
    late = _open_counts(business)["late"]
    if not late:
        return []
    text = ngettext(
        "%(n)d conversation has waited for an answer for more than an hour.",
        "%(n)d conversations have waited for an answer for more than an hour.",
        late,
    )
    return [Attention(text % {"n": late}, reverse("inbox"))]


def _failures(business: Business) -> list[Attention]:
    failed = Message.objects.filter(
        business=business, status=Status.FAILED, created_at__gte=midnight(business)
    ).order_by("-created_at", "-id")[:500]
    reasons: dict[str, int] = {}
    for message in failed.only("errors"):
        reasons[message.error_reason] = reasons.get(message.error_reason, 0) + 1
    url = reverse("messages") + "?status=failed"
    return [
        Attention(
            _("Failed today: %(n)d × %(reason)s")
            % {"n": n, "reason": reason or _("no reason given")},
            url,
            "bad",
        )
        for reason, n in sorted(reasons.items(), key=lambda item: -item[1])[:3]
    ]


def failed_webhook_calls(business: Business) -> list[Attention]:
    """Return a note if webhook calls were not answered for seven days."""
    dead = WebhookCall.objects.filter(business=business, state=WebhookCall.State.DEAD)
    if not dead.exists():
        return []
    url = reverse("webhook_log") + "?state=dead"
    return [
        Attention(_("Webhook calls were given up after seven days without an answer."), url, "bad")
    ]


def _plan_usage(business: Business) -> list[Attention]:
    limit = business.plan.hosted_messages
    month = business.now().date().replace(day=1)
    used = (
        HostedCount.objects.filter(business=business, month=month)
        .values_list("messages", flat=True)
        .first()
        or 0
    )
    if not limit or 100 * used < WARNING_PERCENT * limit:
        return []
    text = _("%(used)d of %(limit)d hosted messages of the %(plan)s plan are used this month.")
    tone = "bad" if used >= limit else "warn"
    return [
        Attention(
            text % {"used": used, "limit": limit, "plan": business.plan}, reverse("home"), tone
        )
    ]
