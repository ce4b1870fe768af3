"""Billing on the admin's front page and on the page of a business."""

from datetime import timedelta
from typing import Any

from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin_site.base import BusinessLink, Item
from accounts.models import Business
from billing.dashboard import panels as dashboard
from billing.metering import meter
from billing.models import Invoice, InvoiceStatus, Payment, PaymentStatus, Recount, Seller
from core import money
from core.sql import statement

LONG_SECONDS = 60

BUSINESS_LINKS = (
    BusinessLink(_("Periods"), "billing_period_changelist", "business__id__exact"),
    BusinessLink(_("Usage"), "billing_usage_changelist", "business_id__exact"),
    BusinessLink(_("Charges"), "billing_charge_changelist", "business_id__exact"),
    BusinessLink(_("Invoices"), "billing_invoice_changelist", "business__id__exact"),
    BusinessLink(_("Quarantine"), "billing_quarantine_changelist", "business_id__exact"),
    BusinessLink(_("Payments"), "billing_payment_changelist", "business__id__exact"),
    BusinessLink(_("Receipts"), "billing_cashreceipt_changelist", "business__id__exact"),
    BusinessLink(_("Note a transfer"), "billing_cashreceipt_note", "business"),
    BusinessLink(_("Journal"), "billing_posting_changelist", "business__id__exact"),
    BusinessLink(_("Discounts"), "billing_discount_changelist", "business__id__exact"),
    BusinessLink(
        _("Minimum commitments"), "billing_minimumcommitment_changelist", "business__id__exact"
    ),
    BusinessLink(_("Test clock"), "billing_period_clock", "business"),
)


def unpriced() -> list[Item]:
    """Quarantined deliveries, and the age of the metering queue."""
    count = meter.waiting_in_quarantine()
    age = meter.oldest_waiting_seconds()
    return [
        Item(
            (_("In quarantine")),
            f"{count:,}",
            reverse("admin:billing_quarantine_changelist"),
            (_("delivered, not priced")),
            count > 0,
        ),
        Item(
            (_("Oldest delivery waiting for its price")),
            f"{age:.0f} s",
            reverse("admin:hosting_delivery_changelist"),
            is_urgent=age > LONG_SECONDS,
        ),
    ]


def incomplete_seller() -> list[Item]:
    """What the seller lacks, without which nothing is issued; nothing where it is complete."""
    seller = Seller.objects.filter(is_current=True).first()
    missing = seller.missing() if seller else ["seller"]
    if not missing:
        return []
    url = reverse("admin:billing_seller_changelist")
    note = _("months stay open until it is set")
    return [Item(_("No invoice is issued: missing"), ", ".join(missing), url, note, True)]


def unsettled() -> list[Item]:
    """Differences of the last recount, failed and unknown payments, e-mails that were not sent."""
    last = Recount.objects.exclude(finished_at=None).order_by("-id").first()
    wrong = len(last.differences) if last else 0
    when = (
        _("last recount %(at)s") % {"at": f"{last.finished_at:%Y-%m-%d %H:%M}"}
        if last
        else _("never recounted")
    )
    week = timezone.now() - timedelta(days=7)
    failed = Payment.objects.filter(status=PaymentStatus.FAILED, settled_at__gte=week).count()
    unknown = Payment.objects.filter(status=PaymentStatus.UNKNOWN).count()
    payments = reverse("admin:billing_payment_changelist")
    return [
        Item(
            _("Discrepancies"),
            str(wrong),
            reverse("admin:billing_recount_changelist"),
            when,
            wrong > 0,
        ),
        Item(
            _("Failed payments"),
            str(failed),
            f"{payments}?status__exact=failed",
            _("in 7 days"),
            failed > 0,
        ),
        Item(
            _("Payments of unknown result"),
            str(unknown),
            f"{payments}?status__exact=unknown",
            "",
            unknown > 0,
        ),
    ]


_SPENDERS = """
    SELECT b.id, b.name, b.currency, sum(u.amount_micros)::bigint, sum(u.messages)::bigint
      FROM billing_usage u JOIN accounts_business b ON b.id = u.business_id
     WHERE u.billed_month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
       AND NOT billing_is_test(u.rule)
     GROUP BY 1, 2, 3 ORDER BY 4 DESC
"""
TOP = 5


def money_this_month() -> list[Item]:
    """Revenue of the current month by currency, and the businesses that spend most, from the
    rollup.
    """
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
        Item(
            name,
            _amount(micros, currency),
            reverse("admin:accounts_business_change", args=[pk]),
            _priced(count),
        )
        for pk, name, currency, micros, count in spenders[:TOP]
    ]


def margin() -> list[Item]:
    """Revenue of the current month less the upstream's price of the same messages, where a cost
    card is set.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            statement("billing", "margin"), {"month": timezone.now().date().replace(day=1)}
        )
        found = cursor.fetchall()
    return [
        Item(
            _("Margin this month"),
            _amount(revenue - cost, currency),
            reverse("admin:billing_ratecard_changelist"),
            _margin_note(_amount(cost, currency), unpriced),
            revenue < cost or unpriced > 0,
        )
        for currency, revenue, cost, unpriced in found
    ]


def _margin_note(cost: str, unpriced: int) -> str:
    if unpriced:
        return ngettext(
            "%(cost)s to the upstream, %(count)s message without a cost",
            "%(cost)s to the upstream, %(count)s messages without a cost",
            unpriced,
        ) % {
            "cost": cost,
            "count": f"{unpriced:,}",
        }
    return _("%(cost)s to the upstream") % {"cost": cost}


def _priced(count: int) -> str:
    return ngettext(
        "%(count)s message priced",
        "%(count)s messages priced",
        count,
    ) % {"count": f"{count:,}"}


def _amount(micros: Any, currency: str) -> str:
    return money.show_minor(money.to_minor(int(micros), currency), currency)


INVOICES = 4


def month_so_far(business: Business) -> list[Item]:
    """Cost of the business's current month."""
    usage = dashboard.month_usage(business)
    note = ngettext(
        "%(estimate)s expected, %(count)s message",
        "%(estimate)s expected, %(count)s messages",
        usage.messages,
    ) % {
        "estimate": usage.show(usage.estimate_micros + usage.fee_micros),
        "count": f"{usage.messages:,}",
    }
    url = f"{reverse('admin:billing_usage_changelist')}?business_id__exact={business.pk}"
    return [Item(_("Cost this month"), usage.show(usage.total_micros), url, note)]


def last_invoices(business: Business) -> list[Item]:
    """Newest invoices of a business; one past due is urgent."""
    rows = (
        Invoice.objects.filter(business=business)
        .exclude(number=None)
        .order_by("-issued_at", "-id")[:INVOICES]
    )
    return [
        Item(
            invoice.number or "",
            money.show_minor(invoice.total_minor, invoice.currency),
            reverse("admin:billing_invoice_change", args=[invoice.pk]),
            invoice.get_status_display(),
            invoice.status == InvoiceStatus.OPEN and invoice.due_at < business.now(),
        )
        for invoice in rows
    ]
