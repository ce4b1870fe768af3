"""Payments, refunds, events of the payment network, and dunning steps."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from billing.models.credit_notes import CreditNote
from billing.models.invoices import Invoice
from core import widths
from core.queue.rows import QueueRow, dead_index, due_index


class PaymentMethod(models.TextChoices):
    """Method of a payment."""

    STRIPE = "stripe", _("Card")
    BANK = "bank", _("Bank transfer")
    BALANCE = "balance", _("Credit balance")


class PaymentStatus(models.TextChoices):
    """Status of a payment.

    Open, pending and unknown ones are live: no other attempt starts for their invoice.
    """

    OPEN = "open", _("To be tried")
    PENDING = "pending", _("Waits for the customer or the network")
    UNKNOWN = "unknown", _("Result unknown")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


LIVE = [PaymentStatus.OPEN, PaymentStatus.PENDING, PaymentStatus.UNKNOWN]


class PaymentQuerySet(models.QuerySet["Payment"]):
    """Queries over payments."""

    def live(self) -> Self:
        """Attempts without a final result."""
        return self.filter(status__in=LIVE)

    def succeeded(self) -> Self:
        """Payments that succeeded."""
        return self.filter(status=PaymentStatus.SUCCEEDED)


class CashReceipt(models.Model):
    """Money that arrived from a customer: by bank or by the payment network.

    What of it pays which invoice are its payments; the rest is unallocated and the customer's.
    """

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="receipts")
    method = models.CharField(max_length=widths.PAYMENT_METHOD, choices=PaymentMethod.choices)
    currency = models.CharField(max_length=widths.CURRENCY)
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField(
        default=0, help_text=_("What bank or network kept of it; the customer paid the amount.")
    )
    value_date = models.DateField(help_text=_("The day on which the bank credited it."))
    reference = models.CharField(
        max_length=widths.PAYMENT_ID,
        blank=True,
        help_text=_("The bank's text, or the network's id."),
    )
    key = models.CharField(
        max_length=widths.PAYMENT_KEY, help_text=_("Idempotency key of the deed.")
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["business", "key"], name="one_receipt_per_deed"),
            models.UniqueConstraint(
                fields=["business", "method", "reference", "amount_minor"],
                condition=~Q(reference=""),
                name="receipt_reference_once",
                violation_error_message=_("This transfer was recorded before."),
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="receipt_is_positive"),
            models.CheckConstraint(
                condition=Q(fee_minor__gte=0, fee_minor__lte=models.F("amount_minor")),
                name="receipt_fee_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(method__in=["bank", "stripe"]), name="receipt_is_money"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_method_display()} {self.reference}".strip()


class Payment(QueueRow):
    """An attempt to pay an invoice; its idempotency key is committed before the network is
    called.

    `allocated_minor` is what it pays of the invoice once it succeeded: where a card paid too much,
    the rest stays unallocated.
    """

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="payments")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="payments")
    attempt = models.PositiveIntegerField()
    method = models.CharField(max_length=widths.PAYMENT_METHOD, choices=PaymentMethod.choices)
    status = models.CharField(
        max_length=widths.PAYMENT_STATUS, choices=PaymentStatus.choices, default=PaymentStatus.OPEN
    )
    amount_minor = models.BigIntegerField()
    allocated_minor = models.BigIntegerField(
        default=0, help_text=_("What it pays of the invoice; 0 until it succeeded.")
    )
    receipt = models.ForeignKey(
        CashReceipt,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="payments",
        help_text=_("The money that it is a part of."),
    )
    currency = models.CharField(max_length=widths.CURRENCY)
    key = models.CharField(
        max_length=widths.PAYMENT_KEY,
        unique=True,
        help_text=_("Idempotency key, stable across retries."),
    )
    reference = models.CharField(
        max_length=widths.PAYMENT_ID,
        blank=True,
        help_text=_("The network's id, or the bank's text."),
    )
    is_automatic = models.BooleanField(default=False)
    failure = models.CharField(max_length=widths.FAILURE, blank=True)
    next_url = models.URLField(
        max_length=widths.PAYMENT_URL, blank=True, help_text=_("Where the customer must go on.")
    )
    created_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["invoice", "attempt"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "attempt"], name="attempt_once_per_invoice"),
            models.UniqueConstraint(
                fields=["invoice"],
                condition=Q(status__in=LIVE),
                name="one_live_payment_per_invoice",
            ),
            models.UniqueConstraint(
                fields=["reference"],
                condition=Q(method="stripe") & ~Q(reference=""),
                name="payment_reference_once",
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payment_is_positive"),
            models.CheckConstraint(
                condition=Q(allocated_minor=0)
                | Q(
                    status="succeeded",
                    allocated_minor__gt=0,
                    allocated_minor__lte=models.F("amount_minor"),
                ),
                name="allocated_within_payment",
            ),
            models.CheckConstraint(
                condition=Q(method="balance", receipt=None)
                | Q(~Q(method="balance"), receipt__isnull=False)
                | (~Q(method="balance") & ~Q(status="succeeded")),
                name="money_has_a_receipt",
            ),
        ]
        indexes: ClassVar = [
            due_index("payment_due", "business", "id", is_open=Q(method="stripe", status__in=LIVE)),
            dead_index("payment_dead", "id"),
        ]

    def __str__(self) -> str:
        return f"{self.invoice} attempt {self.attempt}"


class Refund(QueueRow):
    """Money that goes back: of one payment for a credit note; of a receipt, what is unallocated of
    it; or, with neither, of the customer's credit balance.
    """

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="+")
    payment = models.ForeignKey(
        Payment, null=True, blank=True, on_delete=models.PROTECT, related_name="refunds"
    )
    credit_note = models.ForeignKey(
        CreditNote, null=True, blank=True, on_delete=models.PROTECT, related_name="refunds"
    )
    receipt = models.ForeignKey(
        CashReceipt, null=True, blank=True, on_delete=models.PROTECT, related_name="refunds"
    )
    card_payment = models.ForeignKey(
        Payment,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="balance_refunds",
        help_text=_("The payment to whose card a credit balance is paid out."),
    )
    method = models.CharField(
        max_length=widths.PAYMENT_METHOD,
        choices=PaymentMethod.choices,
        help_text=_("The way the money came; from a balance it goes back by bank."),
    )
    currency = models.CharField(max_length=widths.CURRENCY)
    status = models.CharField(
        max_length=widths.PAYMENT_STATUS, choices=PaymentStatus.choices, default=PaymentStatus.OPEN
    )
    amount_minor = models.BigIntegerField()
    key = models.CharField(max_length=widths.PAYMENT_KEY, unique=True)
    reference = models.CharField(max_length=widths.PAYMENT_ID, blank=True)
    failure = models.CharField(max_length=widths.FAILURE, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="refund_is_positive"),
            models.UniqueConstraint(
                fields=["payment", "credit_note"], name="one_refund_per_payment_and_note"
            ),
            models.CheckConstraint(
                condition=Q(payment__isnull=False, credit_note__isnull=False, receipt=None)
                | Q(payment=None, credit_note=None),
                name="refund_has_one_source",
            ),
            models.CheckConstraint(
                condition=Q(card_payment=None) | Q(payment=None, receipt=None),
                name="only_balances_go_to_a_chosen_card",
            ),
        ]
        indexes: ClassVar = [
            due_index("refund_due", "business", "id", is_open=Q(method="stripe", status__in=LIVE)),
            dead_index("refund_dead", "id"),
        ]

    def __str__(self) -> str:
        return f"refund of {self.payment or self.receipt or 'the balance'}"

    @property
    def source(self) -> Payment | CashReceipt | None:
        """The money that goes back, or the payment to whose card a balance goes; None where that
        goes by bank.
        """
        return self.payment or self.receipt or self.card_payment

    @property
    def paid_reference(self) -> str:
        """What the network or the bank calls the money that goes back; empty for a balance."""
        if self.source is None:
            return ""
        # A payment out of a receipt that paid too much has no reference of its own.
        payment = self.payment or self.card_payment
        receipt = payment.receipt if payment else None
        return self.source.reference or (receipt.reference if receipt else "")


class GatewayEvent(QueueRow):
    """A webhook of the payment network, stored once by its id.

    It only signals a change; the object itself is fetched from the network.
    """

    event_id = models.CharField(max_length=widths.PAYMENT_ID, unique=True)
    kind = models.CharField(max_length=widths.GATEWAY_EVENT_KIND)
    object_id = models.CharField(max_length=widths.PAYMENT_ID, blank=True)
    received_at = models.DateTimeField(default=timezone.now)
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            due_index("gateway_event_due", "id", is_open=Q(applied_at=None)),
            dead_index("gateway_event_dead", "id"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class DunningStep(models.Model):
    """A step of the dunning schedule that was run for an invoice; each runs once."""

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="dunning_steps")
    step = models.CharField(max_length=30)
    taken_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "step"], name="dunning_step_once"),
        ]

    def __str__(self) -> str:
        return f"{self.step} of {self.invoice}"
