"""Spending: a cap that the send path keeps exactly, and alerts on the way to it."""

import structlog
from django.core.mail import EmailMessage
from django.db import connection
from django.utils import timezone

from accounts.models import Membership, Role
from billing.models import SpendAlert
from core import money
from core.sql import fetch_prepared, statement
from core.tenancy import system
from hosting.errors import CloudApiError
from hosting.models import Account, Message
from hosting.webhooks import outbox

log = structlog.get_logger(__name__)
MAILS_AT_ONCE = 50


def check_cap(message: Message) -> None:
    """Refuse (131042) a message that could take its business over its hard cap; else commit its
    price.

    Exact whatever is sent at once: the cap's row is locked until the send commits, and what is
    committed counts until the message is charged or fails. Businesses without a hard cap pay one
    look-up. Call inside the sending transaction.
    """
    row = fetch_prepared(
        "SELECT limit_micros FROM billing_spendcap WHERE business_id = %s AND is_hard FOR UPDATE",
        [message.business_id],
    )
    if row is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            statement("billing", "commit_price"),
            {
                "business_id": message.business_id,
                "number_id": message.number_id,
                "contact_id": message.contact_id,
                "wamid": message.wamid,
                "category": message.category,
                "kind": message.kind,
                "window_open": message.window_open,
                "at": message.created_at,
                "limit": row[0],
            },
        )
        fits, price, spent, committed = cursor.fetchone()
        if not fits:
            raise _refusal(limit=row[0], price=price, spent=spent, committed=committed)


def _refusal(*, limit: int, price: int, spent: int, committed: int) -> CloudApiError:
    amounts = [f"{money.micro_amount(micros):f}" for micros in (limit, spent, committed, price)]
    return CloudApiError(
        131042,
        "Spend cap reached: {} a month. Charged {}, under way {}, this message {}. "
        "Raise the cap, or wait for next month.".format(*amounts),
    )


def release_commitments() -> int:
    """Let go of what failed or will never be delivered; returns how many."""
    with system("commitments of every business"), connection.cursor() as cursor:
        cursor.execute(statement("billing", "release_commitments"))
        return int(cursor.rowcount)


def raise_alerts() -> int:
    """Write an alert for every cap that has reached 50, 80 or 100 percent, mail it and tell the
    business's webhooks.

    Returns how many alerts went out.
    """
    with system("caps of every business"), connection.cursor() as cursor:
        cursor.execute(statement("billing", "raise_alerts"))
    sent = 0
    while sent < MAILS_AT_ONCE and _mail_one():
        sent += 1
    return sent


def _mail_one() -> bool:
    """One alert a transaction: a mail server that refuses one does not hold up what was mailed
    before.
    """
    with system("alerts of every business"):
        alerts = SpendAlert.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            mailed_at=None
        )
        alert = alerts.select_related("business").order_by("id").first()
        if alert is None:
            return False
        _tell_webhooks(alert)
        _mail(alert)
        SpendAlert.objects.filter(pk=alert.pk).update(mailed_at=timezone.now())
        return True


def _tell_webhooks(alert: SpendAlert) -> None:
    """As the protocol's `account_alerts`, once for each account; in the transaction that marks the
    alert as told.
    """
    for account in Account.objects.filter(business=alert.business).order_by("id"):
        info = {
            "alert_severity": "CRITICAL" if alert.percent >= 100 else "WARNING",
            "alert_status": "ACTIVE",
            "alert_type": f"SPEND_CAP_{alert.percent}",
            "alert_description": _words(alert),
        }
        value = {"entity_type": "WABA", "entity_id": account.waba_id, "alert_info": info}
        outbox.write_field_calls(account=account, field="account_alerts", value=value)


def _words(alert: SpendAlert) -> str:
    spent, limit = (
        money.show_micros(n, alert.business.currency)
        for n in (alert.spent_micros, alert.limit_micros)
    )
    return f"Messages of {alert.month:%B %Y} have cost {spent} so far. The spend cap is {limit} a month."


def _mail(alert: SpendAlert) -> None:
    business = alert.business
    readers = Membership.objects.filter(business=business, role__in=[Role.OWNER, Role.FINANCE])
    EmailMessage(
        subject=f"{business.name}: {alert.percent} % of the spend cap reached",
        body=f"{_words(alert)}\n",
        to=sorted(readers.values_list("user__email", flat=True)),
    ).send()
    log.info("spend_alert", business_id=business.pk, percent=alert.percent, month=str(alert.month))
