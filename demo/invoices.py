"""The demo's invoices: one paid, one past due with a credit note, and one open to be paid."""

from datetime import date, datetime, timedelta

from accounts.models import Business
from billing.invoices import close, credit_notes
from billing.models import BillingDetails, Invoice, LineKind
from billing.payments import receipts
from core.tenancy import system
from demo.clock import set_clock

DAY = timedelta(days=1)
# A month is closed a day and a half after its end: the grace for late deliveries is over.
CLOSED_AFTER = timedelta(hours=36)
# Due two days ago, with fourteen days to pay: late, and far from the day on which sending stops.
PAST_DUE_ISSUED = 16 * DAY
OPEN_ISSUED = DAY
CREDIT_MINOR = 490
CREDIT_REASON = "Three days without our webhooks, with our apologies."


def hold_back(business: Business) -> None:
    """Leave drafts of months that a worker closes meanwhile: an unpaid month would stop sending."""
    _set_approval(business, is_needed=True)


def issue(business: Business, first: date, now: datetime) -> None:
    """Close the ended months from `first` on, and issue their invoices as the test clock moves.

    The last one is issued yesterday and is open; the one before it is past due and has a credit
    note; earlier ones are paid. Does nothing twice.
    """
    *paid, late, last = ended_months(first, now)
    for month in paid:
        invoice = _issue(business, month, _following(month) + CLOSED_AFTER)
        if invoice:
            receipts.record_transfer(
                invoice=invoice,
                amount_minor=invoice.total_minor,
                reference=f"Bank transfer for {invoice.number}",
                key=f"demo-{month}",
            )
    if invoice := _issue(business, late, now - PAST_DUE_ISSUED):
        _set(business, now - OPEN_ISSUED)
        with system("the demo's credit is for its plan's fee"):
            fee = invoice.lines.get(kind=LineKind.FEE)
        credit_notes.credit(
            invoice=invoice,
            reason=CREDIT_REASON,
            amounts={fee.position: CREDIT_MINOR},
            key=f"demo-{late}",
        )
    _issue(business, last, now - OPEN_ISSUED)
    _set_approval(business, is_needed=False)


def ended_months(first: date, now: datetime) -> list[datetime]:
    """First moments of the months, from that of `first` on, that can be closed before yesterday."""
    month = now.replace(year=first.year, month=first.month, day=1, hour=0, minute=0, second=0)
    month, found = month.replace(microsecond=0), []
    while _following(month) + CLOSED_AFTER <= now - OPEN_ISSUED:
        found.append(month)
        month = _following(month)
    return found


def _following(month: datetime) -> datetime:
    return (month + 32 * DAY).replace(day=1)


def _issue(business: Business, month: datetime, at: datetime) -> Invoice | None:
    """The month's invoice, issued at that moment; None where it was issued before."""
    _set(business, at)
    close.close_period(business=business, month=month.date())
    with system("the demo issues its invoice"):
        drafts = Invoice.objects.filter(
            business=business, period__month=month.date(), number=None, is_test=False
        )
        invoice = drafts.exclude(status="void").select_related("business").first()
    return close.approve(invoice=invoice) if invoice else None


def _set(business: Business, at: datetime) -> None:
    set_clock(business, at)
    with system("the demo reads its clock"):
        business.refresh_from_db()


def _set_approval(business: Business, *, is_needed: bool) -> None:
    with system("the demo's billing details"):
        details = BillingDetails.of(business)
        details.needs_approval = is_needed
        details.save()
