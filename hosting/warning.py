"""Warning: owners hear when 80 and 100 percent of the plan's hosted messages are used, once each a month."""

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
from accounts.planning import Meter
from accounts.statements import statement
from accounts.tenancy import system
from hosting import notifying
from hosting.models import Account, HostedCount, LimitNotice, LockedMessage, Number

log = structlog.get_logger(__name__)
MAILS_AT_ONCE = 50
NEARLY = 80


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
        waiting = LimitNotice.objects.select_for_update(skip_locked=True, of=("self",)).filter(told_at=None)
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
    higher = LimitNotice.objects.filter(business=notice.business, limit=notice.limit, month=notice.month)
    return higher.filter(percent__gt=notice.percent).exists()


def _tell_webhooks(notice: LimitNotice) -> None:
    for account in Account.objects.filter(business=notice.business).order_by("id"):
        info = {
            "alert_severity": "CRITICAL" if notice.percent >= 100 else "WARNING",
            "alert_status": "ACTIVE",
            "alert_type": f"HOSTED_MESSAGES_{notice.percent}",
            "alert_description": _words(notice),
        }
        value = {"entity_type": "WABA", "entity_id": account.waba_id, "alert_info": info}
        notifying.note_field(account=account, field="account_alerts", value=value)


def _words(notice: LimitNotice) -> str:
    return (
        f"{notice.used:,} of the {notice.allowed:,} messages that the {notice.business.plan.name} plan hosts in "
        f"{notice.month:%B %Y} are used."
    )


def _mail(notice: LimitNotice) -> None:
    business = notice.business
    owners = Membership.objects.filter(business=business, role=Role.OWNER)
    EmailMessage(
        subject=f"{business.name}: {notice.percent} % of the plan's hosted messages used",
        body=render_to_string("emails/limit.txt", {"words": _words(notice), "notice": notice, "plan": business.plan}),
        to=sorted(owners.values_list("user__email", flat=True)),
    ).send()
    log.info("limit_notice", business_id=business.pk, percent=notice.percent, month=str(notice.month))


def banners(business: Business, role: str) -> list[Banner]:
    """That messages are locked and until when they are kept, or that the plan is nearly used up."""
    limit = business.plan.hosted_messages
    if limit is None:
        return []
    url, action = (reverse("plan"), _("See plans")) if role == Role.OWNER else ("", "")
    month = business.now().date().replace(day=1)
    locked = LockedMessage.objects.filter(business=OuterRef("pk")).order_by("keep_until").values("keep_until")[:1]
    counted = HostedCount.objects.filter(business=OuterRef("pk"), month=month).values("messages")
    mine = Business.objects.filter(pk=business.pk)
    used, kept_until = mine.values_list(Coalesce(Subquery(counted), 0), Subquery(locked))[0]
    words = {"used": f"{used:,}", "limit": f"{limit:,}"}
    if kept_until is not None:
        text = _("Messages are locked: the plan's %(limit)s hosted messages are used. They are kept until %(day)s.")
        return [Banner(text % {"limit": f"{limit:,}", "day": date_format(kept_until)}, "bad", url, action)]
    if used >= limit:
        text = _("The plan's %(limit)s hosted messages are used: nothing can be sent until the month ends.")
        return [Banner(text % words, "bad", url, action)]
    if role != Role.OWNER or used * 100 < limit * NEARLY:
        return []
    text = _("%(used)s of the plan's %(limit)s hosted messages are used this month.")
    return [Banner(text % words, "warn", url, action)]


def meters(business: Business) -> list[Meter]:
    """Hosted messages of the month, and numbers."""
    month = business.now().date().replace(day=1)
    used = HostedCount.objects.filter(business=business, month=month).values_list("messages", flat=True).first() or 0
    return [
        Meter(_("Hosted messages this month"), used, "hosted_messages"),
        Meter(_("Numbers"), Number.objects.filter(business=business).count(), "numbers"),
    ]
