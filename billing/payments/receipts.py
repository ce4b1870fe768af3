"""Cash receipts: money that arrived by bank, its allocation to invoices, and what goes back.

Every function is a deed with an idempotency key: asked twice with one key, it does one thing.
"""

from collections.abc import Mapping
from datetime import date
from uuid import uuid4

from accounts.models import Business
from billing.errors import TooMuch, WrongStatus
from billing.journal import post
from billing.models import (
    CashReceipt,
    Invoice,
    InvoiceStatus,
    Payment,
    PaymentMethod,
    PaymentStatus,
    Refund,
    Seller,
)
from billing.payments import settlement
from core.tenancy import system


def record_transfer(
    *,
    invoice: Invoice,
    amount_minor: int,
    reference: str,
    value_date: date | None = None,
    key: str = "",
) -> Payment:
    """Record a bank transfer (minor units) that names one invoice; what it does not owe stays the
    customer's.

    Raises WrongStatus where nothing is due, TooMuch for less than 1, and IntegrityError for a
    transfer of the customer that was recorded before under another key.
    """
    with system("operators read the bank's statement"):
        key = key or str(uuid4())
        if before := Payment.objects.filter(receipt__key=key, invoice=invoice).first():
            return before
        due = settlement.lock_payable(invoice)
        receipt = _record(
            invoice.business,
            amount_minor=amount_minor,
            currency=invoice.currency,
            reference=reference,
            value_date=value_date,
            key=key,
        )
        payment = settlement.allocate_locked(receipt, invoice, min(amount_minor, due))
        settlement.settle(invoice)
    return payment


def record(
    *,
    business: Business,
    amount_minor: int,
    currency: str,
    reference: str,
    value_date: date | None = None,
    fee_minor: int = 0,
    allocations: Mapping[int, int] | None = None,
    key: str = "",
) -> CashReceipt:
    """Record money that arrived by bank (minor units) and let it pay invoices.

    `allocations` are minor units by invoice id; None pays what is due, oldest due date first.
    `fee_minor` is what the bank kept. Raises as `allocate` and `record_transfer` do.
    """
    with system("operators read the bank's statement"):
        key = key or str(uuid4())
        if before := CashReceipt.objects.filter(business=business, key=key).first():
            return before
        receipt = _record(
            business,
            amount_minor=amount_minor,
            currency=currency,
            reference=reference,
            value_date=value_date,
            fee_minor=fee_minor,
            key=key,
        )
        allocate(receipt=receipt, allocations=allocations)
    return receipt


def allocate(
    *, receipt: CashReceipt, allocations: Mapping[int, int] | None = None
) -> list[Payment]:
    """Let what is left of a receipt pay invoices of its customer and currency.

    `allocations` are minor units by invoice id; None pays what is due, oldest due date first.
    Raises WrongStatus for an invoice that cannot be paid and TooMuch for more than is due or left;
    nothing is allocated then.
    """
    with system("operators allocate for any business"):
        CashReceipt.objects.select_for_update().get(pk=receipt.pk)
        open_ones = Invoice.objects.filter(
            business_id=receipt.business_id,
            currency=receipt.currency,
            status__in=settlement.PAYABLE,
        ).order_by("due_at", "id")
        if allocations is not None:
            wanted = [_invoice_of(receipt, pk, minor) for pk, minor in sorted(allocations.items())]
        else:
            wanted = [(one, None) for one in open_ones if one.status == InvoiceStatus.OPEN]
        return [made for one, minor in wanted if (made := _allocate_one(receipt, one, minor))]


def send_back(*, receipt: CashReceipt, amount_minor: int, key: str = "") -> Refund:
    """Send back a part of what is unallocated of a receipt; an operator settles it by hand.

    Raises TooMuch for more than is left.
    """
    with system("operators pay back for any business"):
        CashReceipt.objects.select_for_update().get(pk=receipt.pk)
        left = settlement.unallocated_of(receipt)
        return _refund(receipt.business, receipt.currency, amount_minor, left, key, receipt)


def pay_out_balance(
    *,
    business: Business,
    currency: str,
    amount_minor: int,
    key: str = "",
    card: Payment | None = None,
) -> Refund:
    """Pay out a part of a customer's credit balance: to the card of a payment of theirs, sent by
    the worker, or by bank, which an operator settles by hand.

    Raises TooMuch for more than the balance, or than the card paid and did not get back.
    """
    with system("operators pay back for any business"):
        Business.objects.select_for_update(no_key=True).get(pk=business.pk)
        left = settlement.balance_minor(business, currency)
        if card is not None:
            Payment.objects.select_for_update().get(pk=card.pk, business=business)
            left = min(left, settlement.refundable_of(card))
        return _refund(business, currency, amount_minor, left, key, None, card)


def _record(
    business: Business,
    *,
    amount_minor: int,
    currency: str,
    reference: str,
    value_date: date | None,
    key: str,
    fee_minor: int = 0,
) -> CashReceipt:
    if amount_minor < 1:
        raise TooMuch(f"{amount_minor} minor units are no transfer.")
    today = Seller.objects.get(is_current=True).day_of(business.now())
    if value_date is not None and value_date > today:
        raise WrongStatus(f"{value_date} is still to come: a transfer is recorded once it is here.")
    receipt = CashReceipt.objects.create(
        business=business,
        method=PaymentMethod.BANK,
        currency=currency,
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        value_date=value_date or today,
        reference=reference.strip(),
        key=key,
    )
    post.receipt_recorded(receipt)
    return receipt


def _invoice_of(receipt: CashReceipt, pk: int, minor: int) -> tuple[Invoice, int | None]:
    invoice = Invoice.objects.filter(business_id=receipt.business_id, pk=pk).first()
    if invoice is None or invoice.currency != receipt.currency:
        raise WrongStatus(f"The customer has no invoice {pk} in {receipt.currency}.")
    return invoice, minor


def _allocate_one(receipt: CashReceipt, invoice: Invoice, minor: int | None) -> Payment | None:
    left, due = settlement.unallocated_of(receipt), settlement.lock_payable(invoice)
    amount = min(left, due) if minor is None else minor
    if minor is not None and not 0 < minor <= min(left, due):
        raise TooMuch(f"{due} minor units are due on {invoice} and {left} are left, not {minor}.")
    if not amount:
        return None
    payment = settlement.allocate_locked(receipt, invoice, amount)
    settlement.settle(invoice)
    return payment


def _refund(
    business: Business,
    currency: str,
    amount_minor: int,
    left: int,
    key: str,
    receipt: CashReceipt | None,
    card: Payment | None = None,
) -> Refund:
    key = f"refund-{business.pk}-{key or uuid4()}"[:80]
    if before := Refund.objects.filter(key=key).first():
        return before
    if not 0 < amount_minor <= left:
        raise TooMuch(f"{left} minor units are left to go back, not {amount_minor}.")
    source = receipt or card
    return Refund.objects.create(
        business=business,
        receipt=receipt,
        card_payment=card,
        method=source.method if source else PaymentMethod.BANK,
        currency=currency,
        amount_minor=amount_minor,
        key=key,
        status=PaymentStatus.OPEN,
    )
