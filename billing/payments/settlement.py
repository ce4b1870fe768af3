"""Settlement: payments and credits against invoices, paid status, and end of suspensions."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import F, Max, Q, Sum

from accounts.models import Business
from billing.errors import WrongStatus
from billing.journal import post
from billing.models import (
    CashReceipt,
    CreditNote,
    CreditUse,
    Invoice,
    InvoiceStatus,
    Payment,
    PaymentMethod,
    PaymentStatus,
    Refund,
)
from core.sql import select

UNPAID_REASON = (
    "Invoices are past due. "
    "Sending goes on as soon as they are paid; everything hosted stays readable."
)
# So many card payments are offered to pay a balance out to.
MOST_CARDS = 20
PAYABLE = (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)
# Refunds that may still send money, or have.
NOT_GIVEN_UP = (
    PaymentStatus.OPEN,
    PaymentStatus.PENDING,
    PaymentStatus.UNKNOWN,
    PaymentStatus.SUCCEEDED,
)


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
    receipt: CashReceipt | None = None,
) -> Payment:
    """Create the next attempt of a locked invoice, with its key; one that succeeded pays its whole
    amount of the invoice, and is posted.
    """
    attempt = (invoice.payments.aggregate(n=Max("attempt"))["n"] or 0) + 1
    has_succeeded = status == PaymentStatus.SUCCEEDED
    payment = Payment.objects.create(
        business_id=invoice.business_id,
        invoice=invoice,
        attempt=attempt,
        method=method,
        status=status,
        amount_minor=amount_minor,
        allocated_minor=amount_minor if has_succeeded else 0,
        receipt=receipt,
        currency=invoice.currency,
        key=f"inv-{invoice.pk}-attempt-{attempt}",
        reference=reference,
        is_automatic=is_automatic,
        settled_at=invoice.business.now() if has_succeeded else None,
    )
    if has_succeeded:
        post.payment_allocated(payment, post.day_of(invoice))
    return payment


def balance_minor(business: Business, currency: str) -> int:
    """Credit balance of a business in one currency, in minor units: credits kept, less what paid
    invoices and what went back or is going back.
    """
    kept = CreditNote.objects.filter(business=business, currency=currency, use=CreditUse.BALANCE)
    used = Payment.objects.filter(
        business=business, currency=currency, method=PaymentMethod.BALANCE
    ).succeeded()
    back = Refund.objects.filter(
        business=business, currency=currency, payment=None, receipt=None, status__in=NOT_GIVEN_UP
    )
    credits = kept.aggregate(n=Sum(F("total_minor") - F("reduces_minor")))["n"] or 0
    return int(
        credits
        - (used.aggregate(n=Sum("allocated_minor"))["n"] or 0)
        - (back.aggregate(n=Sum("amount_minor"))["n"] or 0)
    )


def refundable_of(payment: Payment) -> int:
    """What a payment paid and did not give back, in minor units."""
    back = Refund.objects.filter(
        Q(payment=payment) | Q(card_payment=payment), status__in=NOT_GIVEN_UP
    )
    return payment.allocated_minor - int(back.aggregate(n=Sum("amount_minor"))["n"] or 0)


def refundable_cards(business: Business, currency: str) -> list[tuple[Payment, int]]:
    """The newest card payments of a customer to which money can go back, with how much."""
    found = Payment.objects.filter(
        business=business, currency=currency, method=PaymentMethod.STRIPE
    ).succeeded()
    newest = found.select_related("invoice").order_by("-id")[:MOST_CARDS]
    return [(one, left) for one in newest if (left := refundable_of(one)) > 0]


@dataclass(frozen=True, slots=True)
class HeldMoney:
    """What a customer has in one currency, in minor units."""

    business_id: int
    business: str
    currency: str
    balance_minor: int
    unallocated_minor: int


def held_money(business: Business | None = None) -> list[HeldMoney]:
    """Credit balances and unallocated money by currency, of one customer or of all; one query."""
    rows = select("billing", "held_money", {"business_id": business and business.pk})
    return [HeldMoney(**row) for row in rows]


def unallocated_of(receipt: CashReceipt) -> int:
    """What of a receipt pays no invoice and did not go back, in minor units."""
    paid = receipt.payments.filter(status=PaymentStatus.SUCCEEDED)
    back = receipt.refunds.filter(status__in=NOT_GIVEN_UP)
    return int(
        receipt.amount_minor
        - (paid.aggregate(n=Sum("allocated_minor"))["n"] or 0)
        - (back.aggregate(n=Sum("amount_minor"))["n"] or 0)
    )


def unallocated(business: Business, currency: str) -> Iterator[tuple[CashReceipt, int]]:
    """Receipts of a business that are not wholly allocated, with what is left, oldest first."""
    receipts = CashReceipt.objects.filter(business=business, currency=currency)
    for receipt in receipts.order_by("value_date", "id"):
        if left := unallocated_of(receipt):
            yield receipt, left


def unallocated_minor(business: Business, currency: str) -> int:
    """Money of a business that pays no invoice yet, in minor units of one currency."""
    return sum(left for _, left in unallocated(business, currency))


def held_for(invoice: Invoice) -> int:
    """What of a draft will be paid by the customer's balance and unallocated money as it is issued.

    Locks the business's row, which keeps two invoices from using the same balance.
    """
    Business.objects.select_for_update(no_key=True).get(pk=invoice.business_id)
    held = max(balance_minor(invoice.business, invoice.currency), 0) + unallocated_minor(
        invoice.business, invoice.currency
    )
    return min(held, invoice.total_minor)


def use_balance(invoice: Invoice) -> None:
    """Pay a just issued invoice with what the customer has: the credit balance first, then money
    that is not allocated. Settles it. Call inside its transaction, after `held_for`.
    """
    credit = min(balance_minor(invoice.business, invoice.currency), invoice.due_now())
    if credit > 0:
        new_attempt(
            invoice,
            method=PaymentMethod.BALANCE,
            amount_minor=credit,
            status=PaymentStatus.SUCCEEDED,
        )
    for receipt, left in unallocated(invoice.business, invoice.currency):
        if amount := min(left, invoice.due_now()):
            allocate_locked(receipt, invoice, amount)
    settle(invoice)


def allocate_locked(receipt: CashReceipt, invoice: Invoice, amount_minor: int) -> Payment:
    """Let a part of a receipt pay a locked invoice; the database refuses more than is left."""
    return new_attempt(
        invoice,
        method=PaymentMethod(receipt.method),
        amount_minor=amount_minor,
        status=PaymentStatus.SUCCEEDED,
        reference="" if receipt.method == PaymentMethod.STRIPE else receipt.reference,
        receipt=receipt,
    )


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
