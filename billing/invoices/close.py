"""Invoicing: a month is closed once; its draft gets a number and is final; a wrong one is voided
and issued anew.
"""

from datetime import date, timedelta

import structlog
from django.conf import settings
from django.db.models import F

from accounts.models import Business
from billing import emails
from billing.errors import NotIssuable
from billing.invoices import draft
from billing.metering import meter
from billing.models import BillingDetails, Invoice, InvoiceStatus, NumberSeries, Period, Seller
from billing.payments import settlement
from core.tenancy import system
from hosting.models import Delivery

log = structlog.get_logger(__name__)

MAX_BATCHES = 10_000


def close_period(*, business: Business, month: date) -> Invoice | None:
    """Close a business's month and issue its invoice; None when it was closed before, or nothing is
    owed.

    `month` is its first day. Safe to run twice, at once, and after a crash: the period's row is
    locked, and one live invoice a period is a constraint. Deliveries of the month that still wait
    are metered first; what comes later is billed in the next month. Where the business's invoices
    need approval, the invoice stays a draft without a number.
    """
    period = _ensure_period(business, month)
    _drain(period)
    with system("closing numbers invoices across businesses"):
        locked = Period.objects.select_for_update().get(pk=period.pk)
        if locked.state == Period.State.CLOSED:
            return None
        business.refresh_from_db()
        locked.state, locked.closed_at = Period.State.CLOSED, business.now()
        locked.save(update_fields=["state", "closed_at"])
        draft.ensure_period(business, next_month(month))
        invoice = draft.draft(business, locked)
        if invoice is not None and not BillingDetails.of(business).needs_approval:
            _number(invoice)
        return invoice


def close_due_periods() -> list[Invoice]:
    """Close every open month that ended more than the grace period ago by its business's clock.

    A month that cannot be closed (logged as `closing_failed`) stays open and does not hold up the
    others.
    """
    with system("every business's months end"):
        due = [
            period
            for period in Period.objects.filter(state=Period.State.OPEN)
            .select_related("business__plan")
            .order_by("month", "business_id")
            if period.ends_at + timedelta(hours=settings.BILLING_GRACE_HOURS)
            <= period.business.now()
        ]
    issued = (_close_one(period) for period in due)
    return [invoice for invoice in issued if invoice]


def _close_one(period: Period) -> Invoice | None:
    try:
        return close_period(business=period.business, month=period.month)
    except Exception:
        log.exception("closing_failed", business_id=period.business_id, month=str(period.month))
        return None


def approve(*, invoice: Invoice) -> Invoice:
    """Number and issue a draft that waited for approval; raises NotIssuable for anything but a
    draft.
    """
    with system("numbers run across businesses"):
        _locked(invoice, InvoiceStatus.DRAFT)
        _number(invoice)
        return invoice


def void(*, invoice: Invoice) -> None:
    """Make an invoice count for nothing; raises NotIssuable once money or credit has touched it:
    credit it then.
    """
    with system("operators void for any business"):
        _locked(invoice, InvoiceStatus.DRAFT, InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)
        if (
            invoice.payments.exclude(status__in=["failed", "cancelled"]).exists()
            or invoice.credit_notes.exists()
        ):
            raise NotIssuable(f"{invoice} has payments or credits; write a credit note instead.")
        Invoice.objects.filter(pk=invoice.pk).update(status=InvoiceStatus.VOID)
        invoice.refresh_from_db()


def reissue(*, invoice: Invoice) -> Invoice:
    """Issue a void invoice anew: the same lines, a new number, the billing details and tax of
    now.
    """
    with system("numbers run across businesses"):
        _locked(invoice, InvoiceStatus.VOID)
        if Invoice.objects.filter(replaces=invoice).exists():
            raise NotIssuable(f"{invoice} has been replaced already.")
        new = draft.repeat(invoice)
        _number(new)
        return new


def give_up(*, invoice: Invoice) -> None:
    """Mark an open invoice as uncollectible; it stays owed, and a late payment still settles it."""
    with system("operators write off for any business"):
        _locked(invoice, InvoiceStatus.OPEN)
        Invoice.objects.filter(pk=invoice.pk).update(status=InvoiceStatus.UNCOLLECTIBLE)
        invoice.refresh_from_db()


def next_number(prefix: str, year: int) -> str:
    """The next number of a series; its row stays locked until the paper commits, so there are no
    gaps.
    """
    NumberSeries.objects.bulk_create(
        [NumberSeries(prefix=prefix, year=year)], ignore_conflicts=True
    )
    series = NumberSeries.objects.select_for_update().get(prefix=prefix, year=year)
    NumberSeries.objects.filter(pk=series.pk).update(last=F("last") + 1)
    return f"{prefix}-{year}-{series.last + 1:06}"


def next_month(month: date) -> date:
    """First day of the month after."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def _number(invoice: Invoice) -> None:
    """From draft to open: number, dates, status in one update, after which the row is final."""
    seller = Seller.objects.get(is_current=True)
    now = invoice.business.now()
    Invoice.objects.filter(pk=invoice.pk).update(
        number=next_number(seller.number_prefix, now.year),
        issued_at=now,
        due_at=now + timedelta(days=seller.terms_days),
        status=InvoiceStatus.OPEN,
    )
    invoice.refresh_from_db()
    settlement.use_balance(invoice)
    emails.invoice_issued(invoice)
    log.info(
        "invoice_issued",
        invoice=invoice.number,
        business_id=invoice.business_id,
        total=invoice.total_minor,
    )


def _locked(invoice: Invoice, *allowed: InvoiceStatus) -> None:
    """Lock the invoice and bring it up to date; raises NotIssuable in any status but the allowed
    ones.
    """
    Invoice.objects.select_for_update().get(pk=invoice.pk)
    invoice.refresh_from_db()
    if invoice.status not in allowed:
        raise NotIssuable(f"{invoice} is {invoice.get_status_display().lower()}.")


def _ensure_period(business: Business, month: date) -> Period:
    with system("a month may have had no deliveries"):
        draft.ensure_period(business, month)
        return Period.objects.get(business=business, month=month)


def _drain(period: Period) -> None:
    """Meter what was delivered in the period and still waits; a queue that does not shrink is not
    waited for.
    """
    for _ in range(MAX_BATCHES):
        with system("the queue belongs to every business"):
            waiting = Delivery.objects.filter(
                business_id=period.business_id, delivered_at__lt=period.ends_at
            ).exists()
        if not waiting or not meter.meter_due():
            return
