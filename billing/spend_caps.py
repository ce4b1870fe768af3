"""Spend caps: hard caps enforced when sending, and alerts at 50, 80 and 100 percent."""

import structlog
from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import FINANCE, Membership
from billing.models import SpendAlert
from core import money
from core import outbox as email_outbox
from core.queue import Claimed, OneByOne, Queue
from core.queue.work import work_all
from core.sql import fetch_prepared, select, statement
from core.tenancy import system
from hosting import extensions
from hosting.errors import CloudApiError
from hosting.models import Account, Message
from hosting.webhooks import outbox

log = structlog.get_logger(__name__)


@extensions.checks_only()
def check_cap(message: Message) -> None:
    """Raise CloudApiError 131042 for a message that could exceed the business's hard cap, else
    commit its price.

    Exact under concurrency: the cap's row is locked until the send commits, and a committed price
    counts until the message is charged or fails. Businesses without a hard cap pay one look-up.
    Call inside the sending transaction.
    """
    row = fetch_prepared(
        """SELECT limit_micros, currency FROM billing_spendcap
            WHERE business_id = %s AND is_hard FOR UPDATE""",
        [message.business_id],
    )
    if row is None:
        return
    limit, currency = row
    parameters = {
        "business_id": message.business_id,
        "number_id": message.number_id,
        "contact_id": message.contact_id,
        "wamid": message.wamid,
        "category": message.category,
        "kind": message.kind,
        "window_open": message.window_open,
        "free_entry_at": message.free_entry_at,
        "at": message.created_at,
        "limit": limit,
        "currency": currency,
    }
    held = next(iter(select("billing", "commit_price", parameters)), None)
    if held is not None and not held["fits"]:
        raise _cap_error(
            limit=limit, price=held["price"], spent=held["spent"], committed=held["committed"]
        )


def _cap_error(*, limit: int, price: int, spent: int, committed: int) -> CloudApiError:
    amounts = [f"{money.micro_amount(micros):f}" for micros in (limit, spent, committed, price)]
    return CloudApiError(
        131042,
        "Spend cap reached: {} a month. Charged {}, under way {}, this message {}. "
        "Raise the cap, or wait for next month.".format(*amounts),
    )


def release_commitments() -> int:
    """Delete commitments of messages that failed or will never be delivered; returns how many."""
    with system("commitments of every business"), connection.cursor() as cursor:
        cursor.execute(statement("billing", "release_commitments"))
        return int(cursor.rowcount)


def raise_alerts() -> int:
    """Write alerts for caps that reached 50, 80 or 100 percent, and send them by mail and webhook.

    Returns how many alerts were claimed.
    """
    with system("caps of every business"), connection.cursor() as cursor:
        cursor.execute(statement("billing", "raise_alerts"))
    return work_all(QUEUE)


def _send_alert(row: Claimed) -> None:
    alert = SpendAlert.objects.select_related("business").get(pk=row.key)
    _notify_webhooks(alert)
    _send_mail(alert)


QUEUE = Queue(
    name="spend_alerts",
    about="Alerts of spend caps that are to be mailed and written as webhook calls.",
    model=SpendAlert,
    work=OneByOne(_send_alert),
    is_open=Q(mailed_at=None),
    # The mails go to members, whom the business's scope does not show.
    scoped=False,
    done={"mailed_at": "statement_timestamp()"},
    dead_title=_("Spend alerts not sent"),
)


def _notify_webhooks(alert: SpendAlert) -> None:
    """Queue `account_alerts` webhooks for every account, in the transaction that marks the alert as
    sent.
    """
    for account in Account.objects.filter(business=alert.business).order_by("id"):
        info = {
            "alert_severity": "CRITICAL" if alert.percent >= 100 else "WARNING",
            "alert_status": "ACTIVE",
            "alert_type": f"SPEND_CAP_{alert.percent}",
            "alert_description": _alert_text(alert),
        }
        value = {"entity_type": "WABA", "entity_id": account.waba_id, "alert_info": info}
        outbox.write_field_calls(account=account, field="account_alerts", value=value)


def _alert_text(alert: SpendAlert) -> str:
    spent, limit = (
        money.show_micros(n, alert.business.currency)
        for n in (alert.spent_micros, alert.limit_micros)
    )
    return (
        f"Messages of {alert.month:%B %Y} have cost {spent} so far. "
        f"The spend cap is {limit} a month."
    )


def _send_mail(alert: SpendAlert) -> None:
    business = alert.business
    readers = Membership.objects.filter(business=business, role__in=FINANCE)
    context = {"business": business, "percent": alert.percent, "words": _alert_text(alert)}
    email_outbox.write(
        email_outbox.render("spend_alert", context),
        key=f"alert-{alert.pk}",
        recipients=sorted(readers.values_list("user__email", flat=True)),
        business_id=business.pk,
    )
    log.info("spend_alert", business_id=business.pk, percent=alert.percent, month=str(alert.month))
