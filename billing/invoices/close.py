"""Closing months, and what becomes of invoices: approval, voiding, reissuing, writing off."""

from datetime import date, timedelta

import structlog
from django.conf import settings
from django.db.models import QuerySet

from accounts.models import Business
from billing.errors import PaymentUnderWay, WrongStatus
from billing.invoices import draft, month_credits
from billing.invoices.issue import issue
from billing.journal import post
from billing.metering import meter
from billing.models import BillingDetails, Invoice, InvoiceStatus, Period
from core.tenancy import system
from hosting.models import Delivery

log = structlog.get_logger(__name__)

MAX_BATCHES = 10_000
VOIDABLE = (InvoiceStatus.DRAFT, InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)


def close_period(*, business: Business, month: date) -> Invoice | None:
    """Close a business's month (`month` is its first day) and issue its invoice.

    Returns None when it was closed before, nothing is owed, or the business began later; where
    reversals exceed what the month costs, a credit note is issued instead of an invoice. Safe to
    run twice, concurrently and after a crash: the period's row is locked, and one live invoice per
    period is a constraint.
    Waiting deliveries of the month are metered first; later ones are billed in the next month.
    Where invoices need approval, the invoice stays a draft without a number. Test traffic has an
    invoice of its own, which is returned where there is no other.
    """
    _meter_remaining(business, month)
    period = _period_of(business, month)
    if period is None:
        return None
    with system("closing numbers invoices across businesses"):
        locked = Period.objects.select_for_update().get(pk=period.pk)
        if locked.state == Period.State.CLOSED:
            return None
        business.refresh_from_db()
        locked.state, locked.closed_at = Period.State.CLOSED, business.now()
        locked.save(update_fields=["state", "closed_at"])
        draft.ensure_period(business, next_month(month))
        test = draft.create_draft(business, locked, is_test=True)
        if test is not None:
            issue(test)
        if draft.owes_customer(business, locked):
            month_credits.issue(business=business, period=locked)
            return test
        invoice = draft.create_draft(business, locked)
        if invoice is not None and not BillingDetails.of(business).needs_approval:
            issue(invoice)
        return invoice or test


def close_due_periods() -> list[Invoice]:
    """Close every open month that ended more than the grace period ago by its business's clock,
    months without messages too.

    A month that fails (logged as `closing_failed`) stays open and does not stop the others.
    """
    with system("every business's months end"):
        draft.open_months()
        due = [one for one in _open_periods() if one.ends_at + _grace() <= one.business.now()]
    issued = (_close_one(period) for period in due)
    return [invoice for invoice in issued if invoice]


def next_ended(business: Business) -> Period | None:
    """The earliest open month of a business that is over by more than the grace period."""
    with system("a business's months end"):
        draft.open_months(business)
        ended = business.now() - _grace()
        periods = Period.objects.filter(
            business=business, state=Period.State.OPEN, ends_at__lte=ended
        )
        return periods.order_by("month").first()


def _grace() -> timedelta:
    return timedelta(hours=settings.BILLING_GRACE_HOURS)


def _open_periods() -> QuerySet[Period]:
    periods = Period.objects.filter(state=Period.State.OPEN).select_related("business__plan")
    return periods.order_by("month", "business_id")


def _close_one(period: Period) -> Invoice | None:
    try:
        return close_period(business=period.business, month=period.month)
    except Exception:
        log.exception("closing_failed", business_id=period.business_id, month=str(period.month))
        return None


def approve(*, invoice: Invoice) -> Invoice:
    """Number and issue a draft; raises WrongStatus for anything else."""
    with system("numbers run across businesses"):
        _lock_with_status(invoice, InvoiceStatus.DRAFT)
        issue(invoice)
        return invoice


def may_void(invoice: Invoice) -> bool:
    """Whether `void` would void it now."""
    return invoice.status in VOIDABLE and not _is_touched(invoice)


def _is_touched(invoice: Invoice) -> bool:
    return (
        invoice.payments.exclude(status__in=["failed", "cancelled"]).exists()
        or invoice.credit_notes.exists()
    )


def void(*, invoice: Invoice) -> None:
    """Void an invoice; raises WrongStatus once it has payments or credits, which need a credit
    note.
    """
    with system("operators void for any business"):
        _lock_with_status(invoice, *VOIDABLE)
        if _is_touched(invoice):
            raise WrongStatus(f"{invoice} has payments or credits; write a credit note instead.")
        post.invoice_voided(invoice, post.day_of(invoice))
        Invoice.objects.filter(pk=invoice.pk).update(
            status=InvoiceStatus.VOID, voided_at=invoice.business.now()
        )
        invoice.refresh_from_db()


def reissue(*, invoice: Invoice) -> Invoice:
    """Issue a void invoice again with the same lines, a new number, and current billing details and
    tax.
    """
    with system("numbers run across businesses"):
        _lock_with_status(invoice, InvoiceStatus.VOID)
        if Invoice.objects.filter(replaces=invoice).exists():
            raise WrongStatus(f"{invoice} has been replaced already.")
        new = draft.copy_voided(invoice)
        issue(new)
        return new


def mark_uncollectible(*, invoice: Invoice) -> None:
    """Write an open invoice off as a bad debt; it stays owed, and a late payment still settles it.

    Raises WrongStatus for another status, and PaymentUnderWay.
    """
    with system("operators write off for any business"):
        _lock_with_status(invoice, InvoiceStatus.OPEN)
        if invoice.payments.live().exists():
            raise PaymentUnderWay
        post.invoice_written_off(invoice, invoice.due_now(), post.day_of(invoice))
        Invoice.objects.filter(pk=invoice.pk).update(
            status=InvoiceStatus.UNCOLLECTIBLE, written_off_at=invoice.business.now()
        )
        invoice.refresh_from_db()


def next_month(month: date) -> date:
    """First day of the next month."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def _lock_with_status(invoice: Invoice, *allowed: InvoiceStatus) -> None:
    """Lock and reload the invoice; raises WrongStatus for a status that is not allowed."""
    Invoice.objects.select_for_update().get(pk=invoice.pk)
    invoice.refresh_from_db()
    if invoice.status not in allowed:
        raise WrongStatus(f"{invoice} is {invoice.get_status_display().lower()}.")


def _period_of(business: Business, month: date) -> Period | None:
    """The period of a month, made where it is missing; None for one before the business began."""
    with system("a month may have had no deliveries"):
        if month < draft.began_in(business):
            return None
        draft.ensure_period(business, month)
        return Period.objects.get(business=business, month=month)


def _meter_remaining(business: Business, month: date) -> None:
    """Meter what waits up to a month's end; stops when the queue does not shrink."""
    for _ in range(MAX_BATCHES):
        with system("the queue belongs to every business"):
            waiting = Delivery.objects.filter(
                business_id=business.pk, delivered_at__lt=draft.ends_at(business, month)
            ).exists()
        if not waiting or not meter.meter_due():
            return
