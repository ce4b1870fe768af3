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


class Payment(models.Model):
    """An attempt to pay an invoice; its idempotency key is committed before the network is
    called.
    """

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="payments")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="payments")
    attempt = models.PositiveIntegerField()
    method = models.CharField(max_length=10, choices=PaymentMethod.choices)
    status = models.CharField(
        max_length=widths.PAYMENT_STATUS, choices=PaymentStatus.choices, default=PaymentStatus.OPEN
    )
    amount_minor = models.BigIntegerField()
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
    asked_at = models.DateTimeField(null=True, blank=True)
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
                fields=["method", "reference"],
                condition=~Q(reference=""),
                name="payment_reference_once",
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payment_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.invoice} attempt {self.attempt}"


class Refund(models.Model):
    """A refund of one payment, for a credit note."""

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="+")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    credit_note = models.ForeignKey(CreditNote, on_delete=models.PROTECT, related_name="refunds")
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
        ]

    def __str__(self) -> str:
        return f"refund of {self.payment}"


class GatewayEvent(models.Model):
    """A webhook of the payment network, stored once by its id.

    It only signals a change; the object itself is fetched from the network.
    """

    event_id = models.CharField(max_length=widths.PAYMENT_ID, unique=True)
    kind = models.CharField(max_length=widths.GATEWAY_EVENT_KIND)
    object_id = models.CharField(max_length=widths.PAYMENT_ID, blank=True)
    received_at = models.DateTimeField(default=timezone.now)
    applied_at = models.DateTimeField(null=True, blank=True)

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
