"""What billing adds to the admin's front page and to the page of a business."""

from typing import Any

from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.backstage import Item, attention, figures, links
from billing import metering, money

LONG_SECONDS = 60

links += [
    (_("Periods"), "billing_period_changelist", "business__id__exact"),
    (_("Usage"), "billing_usage_changelist", "business_id__exact"),
    (_("Charges"), "billing_charge_changelist", "business_id__exact"),
    (_("Invoices"), "billing_invoice_changelist", "business__id__exact"),
    (_("Quarantine"), "billing_quarantine_changelist", "business_id__exact"),
]


def unpriced() -> list[Item]:
    """Quarantine, and the age of the metering queue."""
    count = metering.waiting_in_quarantine()
    age = metering.oldest_waiting_seconds()
    return [
        Item((_("In quarantine")), f"{count:,}", reverse("admin:billing_quarantine_changelist"),
             (_("delivered, not priced")), count > 0),
        Item((_("Oldest delivery waiting for its price")), f"{age:.0f} s",
             reverse("admin:hosting_delivery_changelist"),
             is_urgent=age > LONG_SECONDS),
    ]  # fmt: skip


_SPENDERS = """
    SELECT b.id, b.name, b.currency, sum(u.amount_micros)::bigint, sum(u.messages)::bigint
      FROM billing_usage u JOIN accounts_business b ON b.id = u.business_id
     WHERE u.billed_month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
     GROUP BY 1, 2, 3 ORDER BY 4 DESC
"""
TOP = 5


def money_this_month() -> list[Item]:
    """Revenue of the running month by currency, then the businesses that spend most; read from the rollup."""
    with connection.cursor() as cursor:
        cursor.execute(_SPENDERS)
        spenders = cursor.fetchall()
    totals: dict[str, tuple[int, int]] = {}
    for _id, _name, currency, micros, count in spenders:
        amount, number = totals.get(currency, (0, 0))
        totals[currency] = (amount + micros, number + count)
    usage = reverse("admin:billing_usage_changelist")
    revenue = [
        Item(_("Message revenue this month"), _amount(micros, currency), usage, _priced(count))
        for currency, (micros, count) in totals.items()
    ]
    return revenue + [
        Item(name, _amount(micros, currency), reverse("admin:accounts_business_change", args=[pk]), _priced(count))
        for pk, name, currency, micros, count in spenders[:TOP]
    ]


def _priced(count: int) -> str:
    return _("%(count)s messages priced") % {"count": f"{count:,}"}


def _amount(micros: Any, currency: str) -> str:
    return money.show_minor(money.to_minor(int(micros), currency), currency)


attention.append(unpriced)
figures.append(money_this_month)
