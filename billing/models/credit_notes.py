"""Credit notes: corrections of issued invoices in their own number series, never more than was
billed.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from billing.models.invoices import Invoice, InvoiceLine
from core import widths


class CreditUse(models.TextChoices):
    """What the credit is used for."""

    INVOICE = "invoice", _("Reduces the open invoice")
    REFUND = "refund", _("Paid back")
    BALANCE = "balance", _("Kept for the next invoice")


class CreditNote(models.Model):
    """A correction of one invoice, final from its creation; amounts are positive minor units."""

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="credit_notes")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="credit_notes")
    number = models.CharField(max_length=widths.DOCUMENT_NUMBER, unique=True)
    use = models.CharField(max_length=10, choices=CreditUse.choices)
    reason = models.CharField(max_length=widths.REASON)
    currency = models.CharField(max_length=widths.CURRENCY)
    seller = models.JSONField(default=dict)
    buyer = models.JSONField(default=dict)
    issued_at = models.DateTimeField()
    taxes = models.JSONField(default=list)
    seller_tax = models.JSONField(default=dict, blank=True)
    subtotal_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["-issued_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(total_minor__gt=0), name="credit_note_is_positive"),
        ]

    def __str__(self) -> str:
        return self.number


class CreditNoteLine(models.Model):
    """The credited part of an invoice line; a trigger refuses more than is left of it."""

    credit_note = models.ForeignKey(CreditNote, on_delete=models.PROTECT, related_name="lines")
    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="+")
    invoice_line = models.ForeignKey(InvoiceLine, on_delete=models.PROTECT, related_name="credits")
    position = models.PositiveIntegerField()
    description = models.CharField(max_length=widths.LINE_DESCRIPTION)
    amount_minor = models.BigIntegerField()

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
