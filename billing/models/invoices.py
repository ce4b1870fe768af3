"""Invoices as accountants use them: numbered without gaps, immutable once issued."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from billing.models.ledger import Period


class NumberSeries(models.Model):
    """The counter of one number series and year; locked in the transaction that issues, so numbers have no gaps."""

    prefix = models.CharField(max_length=20)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "number series"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["prefix", "year"], name="one_series_per_prefix_and_year"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}-{self.year}: {self.last}"


class InvoiceStatus(models.TextChoices):
    """Open is issued and unpaid."""

    OPEN = "open", _("Open")
    PAID = "paid", _("Paid")
    VOID = "void", _("Void")
    UNCOLLECTIBLE = "uncollectible", _("Uncollectible")


class Invoice(models.Model):
    """One month of one business, issued: seller and buyer are copied in, amounts are minor units (cents) of the currency."""

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="invoices")
    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="invoices")
    number = models.CharField(max_length=40, unique=True)
    status = models.CharField(max_length=20, choices=InvoiceStatus.choices, default=InvoiceStatus.OPEN)
    currency = models.CharField(max_length=3)
    seller = models.JSONField(default=dict)
    buyer = models.JSONField(default=dict)
    issued_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField()
    subtotal_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField(default=0)
    total_minor = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["-issued_at", "-id"]
        constraints: ClassVar = [
            # A voided invoice may be reissued; two live ones for a month may not exist.
            models.UniqueConstraint(
                fields=["business", "period"], condition=~Q(status="void"), name="one_live_invoice_per_period"
            ),
        ]

    def __str__(self) -> str:
        return self.number


class LineKind(models.TextChoices):
    """What a line is for."""

    FEE = "fee", _("Hosting fee")
    MESSAGES = "messages", _("Messages")
    LATE = "late", _("Messages of an earlier month")


class InvoiceLine(models.Model):
    """One line; message lines name market, category and tier, and the ledger rows behind them can be listed."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=LineKind.choices)
    description = models.CharField(max_length=200)
    month = models.DateField()
    market = models.CharField(max_length=60, blank=True)
    category = models.CharField(max_length=30, blank=True)
    rule = models.CharField(max_length=20, blank=True)
    version_id = models.BigIntegerField(null=True, blank=True)
    tier_id = models.BigIntegerField(null=True, blank=True)
    tier_first = models.PositiveBigIntegerField(null=True, blank=True)
    tier_last = models.PositiveBigIntegerField(null=True, blank=True)
    quantity = models.BigIntegerField()
    unit_price_micros = models.BigIntegerField()
    amount_micros = models.BigIntegerField(help_text=_("Exact."))
    amount_minor = models.BigIntegerField(help_text=_("Rounded half-even, once."))

    class Meta:
        ordering: ClassVar = ["invoice", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "position"], name="line_position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.invoice} line {self.position}"


class Seller(models.Model):
    """Who issues the invoices; edited by operators, copied into each invoice as it is issued."""

    name = models.CharField(max_length=120)
    address = models.TextField(blank=True)
    country = models.CharField(max_length=2, default="US")
    vat_id = models.CharField(max_length=40, blank=True)
    email = models.EmailField(blank=True)
    number_prefix = models.CharField(max_length=20, default="INV")
    terms_days = models.PositiveIntegerField(default=14, help_text=_("Days until an invoice is due."))
    is_current = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["is_current"], condition=Q(is_current=True), name="one_current_seller"),
        ]

    def __str__(self) -> str:
        return self.name

    def as_copy(self) -> dict[str, str]:
        """What an invoice keeps of the seller."""
        return {
            "name": self.name,
            "address": self.address,
            "country": self.country,
            "vat_id": self.vat_id,
            "email": self.email,
        }
