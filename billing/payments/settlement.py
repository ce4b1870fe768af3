"""Settlement: payments and credits against invoices, paid status, and end of suspensions."""

from django.db.models import Max, Sum

from accounts.models import Business
from billing.errors import TooMuch, WrongStatus
from billing.models import (
    CreditNote,
    CreditUse,
    Invoice,
    InvoiceStatus,
    Payment,
    PaymentMethod,
    PaymentStatus,
)
from core.tenancy import system

UNPAID_REASON = (
    "Invoices are past due. "
    "Sending goes on as soon as they are paid; everything hosted stays readable."
)
PAYABLE = (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)


def record_transfer(*, invoice: Invoice, amount_minor: int, reference: str) -> Payment:
    """Record a bank transfer (minor units).

    Raises WrongStatus, TooMuch, or IntegrityError for a known reference.
    """
    with system("operators read the bank's statement"):
        due = lock_payable(invoice)
        if not 0 < amount_minor <= due:
            raise TooMuch(
                f"Between 1 and {due} minor units are due on {invoice}, not {amount_minor}."
            )
        payment = new_attempt(
            invoice,
            method=PaymentMethod.BANK,
            amount_minor=amount_minor,
            status=PaymentStatus.SUCCEEDED,
            reference=reference,
        )
        settle(invoice)
    return payment


def lock_payable(invoice: Invoice) -> int:
    """Lock an issued, unpaid invoice and return the amount due; raises WrongStatus otherwise."""
    Invoice.objects.select_for_update().get(pk=invoice.pk)
    invoice.refresh_from_db()
    if invoice.status not in PAYABLE:
        raise WrongStatus(
            f"{invoice} is {invoice.get_status_display().lower()}: there is nothing to pay."
        )
    return invoice.due_now()


def new_attempt(
    invoice: Invoice,
    *,
    method: PaymentMethod,
    amount_minor: int,
    status: PaymentStatus,
    reference: str = "",
    is_automatic: bool = False,
) -> Payment:
    """Create the next attempt of a locked invoice, with its key."""
    attempt = (invoice.payments.aggregate(n=Max("attempt"))["n"] or 0) + 1
    return Payment.objects.create(
        business_id=invoice.business_id,
        invoice=invoice,
        attempt=attempt,
        method=method,
        status=status,
        amount_minor=amount_minor,
        currency=invoice.currency,
        key=f"inv-{invoice.pk}-attempt-{attempt}",
        reference=reference,
        is_automatic=is_automatic,
        settled_at=invoice.business.now() if status == PaymentStatus.SUCCEEDED else None,
    )


def balance_minor(business: Business, currency: str) -> int:
    """Credit balance of a business in one currency, in minor units."""
    kept = CreditNote.objects.filter(business=business, currency=currency, use=CreditUse.BALANCE)
    used = Payment.objects.filter(
        business=business, currency=currency, method=PaymentMethod.BALANCE
    ).succeeded()
    return int(
        (kept.aggregate(n=Sum("total_minor"))["n"] or 0)
        - (used.aggregate(n=Sum("amount_minor"))["n"] or 0)
    )


def use_balance(invoice: Invoice) -> None:
    """Pay a just issued invoice from the credit balance, and settle it. Call inside its
    transaction.
    """
    # The row lock keeps two invoices of one business from using the same balance.
    Business.objects.select_for_update(no_key=True).get(pk=invoice.business_id)
    amount = min(balance_minor(invoice.business, invoice.currency), invoice.due_now())
    if amount > 0:
        new_attempt(
            invoice,
            method=PaymentMethod.BALANCE,
            amount_minor=amount,
            status=PaymentStatus.SUCCEEDED,
        )
    settle(invoice)


def settle(invoice: Invoice) -> None:
    """Mark an unpaid invoice as paid when nothing is due, and lift the suspension.

    A refund leaves the invoice paid.
    """
    business, due = invoice.business, invoice.due_now()
    if due <= 0 and invoice.status in PAYABLE:
        Invoice.objects.filter(pk=invoice.pk).update(
            status=InvoiceStatus.PAID, paid_at=business.now()
        )
        lift_suspension(business)
    invoice.refresh_from_db()


def lift_suspension(business: Business) -> None:
    """End a suspension for unpaid invoices once nothing is past due."""
    business.refresh_from_db()
    if (
        business.suspended_reason == UNPAID_REASON
        and not business.invoices.past_due(business.now()).exists()
    ):
        business.resume()
