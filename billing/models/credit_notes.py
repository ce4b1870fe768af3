"""Credit notes: corrections of issued invoices in their own number series, never more than was
billed.
"""

from datetime import date
from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from billing.models.invoices import Invoice, InvoiceLine, LineKind
from billing.models.ledger import Period
from core import widths


class CreditUse(models.TextChoices):
    """What becomes of the part of a credit that reduces no open invoice."""

    INVOICE = "invoice", _("Reduces the open invoice")
    REFUND = "refund", _("Paid back")
    BALANCE = "balance", _("Kept for the next invoice")


class CreditNote(models.Model):
    """A correction of one invoice, or what a month owes its customer where reversals exceed it.

    Final from its creation; amounts are positive minor units. `reduces_minor` is taken off what is
    due on the invoice; the rest is kept or paid back.
    """

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="credit_notes")
    invoice = models.ForeignKey(
        Invoice, null=True, blank=True, on_delete=models.PROTECT, related_name="credit_notes"
    )
    period = models.ForeignKey(
        Period,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="credit_notes",
        help_text=_("The month that it is instead of an invoice of."),
    )
    key = models.CharField(
        max_length=widths.PAYMENT_KEY,
        help_text=_("Idempotency key: the same deed makes one credit note."),
    )
    number = models.CharField(max_length=widths.DOCUMENT_NUMBER, unique=True)
    use = models.CharField(max_length=10, choices=CreditUse.choices)
    reason = models.CharField(max_length=widths.REASON)
    currency = models.CharField(max_length=widths.CURRENCY)
    seller = models.JSONField(default=dict)
    buyer = models.JSONField(default=dict)
    issued_at = models.DateTimeField()
    issued_on = models.DateField(help_text=_("Date of the document and of its posting."))
    taxes = models.JSONField(default=list)
    seller_tax = models.JSONField(default=dict, blank=True)
    subtotal_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    reduces_minor = models.BigIntegerField(
        default=0, help_text=_("Taken off what is due on the invoice.")
    )

    class Meta:
        ordering: ClassVar = ["-issued_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(total_minor__gt=0), name="credit_note_is_positive"),
            models.CheckConstraint(
                condition=Q(total_minor=F("subtotal_minor") + F("tax_minor")),
                name="credit_total_is_sum",
            ),
            models.CheckConstraint(
                condition=Q(use="invoice", reduces_minor=F("total_minor"))
                | Q(~Q(use="invoice"), reduces_minor__gte=0, reduces_minor__lt=F("total_minor")),
                name="credit_is_used_once",
            ),
            models.CheckConstraint(
                condition=Q(invoice__isnull=False, period=None)
                | Q(invoice=None, period__isnull=False, reduces_minor=0),
                name="credit_is_of_invoice_or_month",
            ),
            models.UniqueConstraint(fields=["business", "key"], name="one_credit_note_per_deed"),
            models.UniqueConstraint(
                fields=["business", "period"],
                condition=Q(period__isnull=False),
                name="one_credit_note_per_month",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def month(self) -> date:
        """First day of the month that it is about."""
        of = self.invoice.period if self.invoice else self.period
        assert of is not None
        return of.month

    @property
    def kept_minor(self) -> int:
        """What reduces no invoice: kept as balance or paid back."""
        return self.total_minor - self.reduces_minor


class CreditNoteLine(models.Model):
    """The credited part of an invoice line, of which a trigger refuses more than is left; or a line
    of a month that owes its customer, its amount positive where the customer gets it.
    """

    credit_note = models.ForeignKey(CreditNote, on_delete=models.PROTECT, related_name="lines")
    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="+")
    invoice_line = models.ForeignKey(
        InvoiceLine, null=True, blank=True, on_delete=models.PROTECT, related_name="credits"
    )
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=LineKind.choices)
    description = models.CharField(max_length=widths.LINE_DESCRIPTION)
    month = models.DateField()
    market = models.CharField(max_length=widths.MARKET, blank=True)
    category = models.CharField(max_length=widths.CATEGORY, blank=True)
    quantity = models.BigIntegerField(default=1)
    amount_micros = models.BigIntegerField(help_text=_("Exact."))
    amount_minor = models.BigIntegerField()
    tax_category = models.CharField(max_length=widths.TAX_CATEGORY, default="O")
    tax_percent = models.DecimalField(max_digits=5, decimal_places=2, default=Decimal(0))

    class Meta:
        ordering: ClassVar = ["credit_note", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["credit_note", "position"], name="credit_line_position_once"
            ),
            models.UniqueConstraint(
                fields=["credit_note", "invoice_line"], name="one_credit_per_line_and_note"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.credit_note} line {self.position}"
