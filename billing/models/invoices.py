"""Invoices: numbered without gaps, immutable once issued."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, F, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from stdnum import bic, iban

from accounts.models import Business, known_timezone
from billing.models.details import validate_vat_id
from billing.models.ledger import Period
from billing.models.parties import Party
from billing.models.taxes import is_place
from core import money, widths


class NumberSeries(models.Model):
    """Counter of a number series and year.

    It is locked in the transaction that issues, so numbers have no gaps.
    """

    prefix = models.CharField(max_length=widths.NUMBER_PREFIX)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "number series"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["prefix", "year"], name="one_series_per_prefix_and_year"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}-{self.year}: {self.last}"


class InvoiceStatus(models.TextChoices):
    """Status of an invoice; a draft has no number, open is issued and unpaid.

    A test invoice is issued in a series of its own and never owed.
    """

    DRAFT = "draft", _("Draft")
    OPEN = "open", _("Open")
    PAID = "paid", _("Paid")
    VOID = "void", _("Void")
    TEST = "test", _("Test")
    UNCOLLECTIBLE = "uncollectible", _("Uncollectible")


NEVER_OWED = [InvoiceStatus.DRAFT, InvoiceStatus.VOID, InvoiceStatus.TEST]


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    """Queries over invoices."""

    def with_due(self) -> Self:
        """Annotate `due_minor`: the amount still to be paid in minor units; 0 for drafts, void and
        test ones.
        """
        from billing.models import CreditNote, Payment, PaymentStatus

        paid = _sum_of(
            Payment.objects.filter(invoice=OuterRef("pk"), status=PaymentStatus.SUCCEEDED),
            "allocated_minor",
        )
        credited = _sum_of(CreditNote.objects.filter(invoice=OuterRef("pk")), "reduces_minor")
        return self.annotate(
            due_minor=Case(
                When(status__in=NEVER_OWED, then=Value(0)),
                default=F("total_minor") - paid - credited,
                output_field=models.BigIntegerField(),
            )
        )

    def for_list(self) -> Self:
        """Invoices for list pages: with period and `due_minor`, newest first."""
        return self.select_related("period").with_due().order_by("-issued_at", "-id")

    def past_due(self, now: datetime) -> Self:
        """Open invoices whose due date has passed."""
        return self.filter(status=InvoiceStatus.OPEN, due_at__lt=now)


def _sum_of(rows: "models.QuerySet[Any]", column: str) -> Coalesce:
    total = rows.order_by().values("invoice").annotate(n=Sum(column)).values("n")
    return Coalesce(Subquery(total), Value(0), output_field=models.BigIntegerField())


class Invoice(models.Model):
    """One month of one business, with copies of seller and buyer; amounts in minor units.

    `taxes` is a list of {"category", "percent", "name", "base_minor", "tax_minor", "note"}, one for
    each rate group; categories are codes of EN 16931 (S standard, Z zero, E exempt, AE reverse
    charge, G export, O outside its scope). A group of several taxes has them in "parts", one taxed
    abroad the seller's "seller_id" there. `seller_tax` is the tax in the seller's currency where
    that is another: {"currency", "rate", "day", "tax_minor"}.
    """

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="invoices")
    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="invoices")
    number = models.CharField(max_length=widths.DOCUMENT_NUMBER, unique=True, null=True, blank=True)
    status = models.CharField(
        max_length=20, choices=InvoiceStatus.choices, default=InvoiceStatus.DRAFT
    )
    replaces = models.OneToOneField(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="replaced_by",
        help_text=_("A void one."),
    )
    currency = models.CharField(max_length=widths.CURRENCY)
    is_test = models.BooleanField(
        default=False, db_default=False, help_text=_("Of test traffic: shown, never owed.")
    )
    seller = models.JSONField(default=dict)
    buyer = models.JSONField(default=dict)
    issued_at = models.DateTimeField(default=timezone.now)
    issued_on = models.DateField(
        null=True,
        blank=True,
        help_text=_("Date of the document, of its number and of its posting."),
    )
    due_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    written_off_at = models.DateTimeField(null=True, blank=True)
    taxes = models.JSONField(default=list)
    seller_tax = models.JSONField(default=dict, blank=True)
    subtotal_minor = models.BigIntegerField(default=0)
    tax_minor = models.BigIntegerField(default=0)
    total_minor = models.BigIntegerField(default=0)
    prepaid_minor = models.BigIntegerField(
        default=0, help_text=_("What the customer's balance paid of it as it was issued.")
    )

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-issued_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(number__isnull=False) | Q(status__in=["draft", "void"]),
                name="issued_invoice_has_number",
            ),
            models.CheckConstraint(
                condition=Q(number=None, issued_on=None)
                | Q(number__isnull=False, issued_on__isnull=False),
                name="numbered_invoice_has_date",
            ),
            # What is less than nothing is a credit note.
            models.CheckConstraint(
                condition=Q(subtotal_minor__gte=0, tax_minor__gte=0),
                name="invoice_is_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(prepaid_minor__gte=0, prepaid_minor__lte=F("total_minor")),
                name="prepaid_within_total",
            ),
            models.CheckConstraint(
                condition=Q(is_test=True, status__in=["draft", "test", "void"])
                | (Q(is_test=False) & ~Q(status="test")),
                name="test_invoice_is_never_owed",
            ),
            models.CheckConstraint(
                condition=Q(total_minor=F("subtotal_minor") + F("tax_minor")), name="total_is_sum"
            ),
            # A voided invoice may be reissued; two live ones for a month may not exist.
            models.UniqueConstraint(
                fields=["business", "period", "is_test"],
                condition=~Q(status="void"),
                name="one_live_invoice_per_period",
            ),
        ]

    def __str__(self) -> str:
        return self.number or f"draft {self.pk}"

    def rounding_micros(self, lines: "Iterable[InvoiceLine]") -> int:
        """What rounding the lines' exact sum to minor units added, in micro-units."""
        exact = sum(line.amount_micros for line in lines)
        return self.subtotal_minor * money.micros_a_minor(self.currency) - exact

    @property
    def payable_minor(self) -> int:
        """What was due as it was issued, in minor units: the total less what was prepaid."""
        return self.total_minor - self.prepaid_minor

    def due_now(self) -> int:
        """Amount still to be paid, in minor units."""
        due: int = Invoice.objects.filter(pk=self.pk).with_due().get().due_minor  # type: ignore[attr-defined]
        return due


class LineKind(models.TextChoices):
    """Kind of an invoice line."""

    FEE = "fee", _("Hosting fee")
    MESSAGES = "messages", _("Messages")
    LATE = "late", _("Messages of an earlier month")
    COMMITMENT = "commitment", _("Minimum commitment")
    DISCOUNT = "discount", _("Discount")


class InvoiceLine(models.Model):
    """One line.

    Message lines name market, category and tier; the ledger rows behind them can be listed.
    """

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=LineKind.choices)
    description = models.CharField(max_length=widths.LINE_DESCRIPTION)
    month = models.DateField()
    market = models.CharField(max_length=widths.MARKET, blank=True)
    category = models.CharField(max_length=widths.CATEGORY, blank=True)
    rule = models.CharField(max_length=widths.RULE, blank=True)
    version_id = models.BigIntegerField(null=True, blank=True)
    tier_id = models.BigIntegerField(null=True, blank=True)
    tier_first = models.PositiveBigIntegerField(null=True, blank=True)
    tier_last = models.PositiveBigIntegerField(null=True, blank=True)
    quantity = models.BigIntegerField()
    unit_price_micros = models.BigIntegerField()
    amount_micros = models.BigIntegerField(help_text=_("Exact."))
    amount_minor = models.BigIntegerField(
        help_text=_("Its share of the sum of exact amounts, which is rounded once.")
    )
    tax_category = models.CharField(max_length=widths.TAX_CATEGORY, default="O")
    tax_percent = models.DecimalField(max_digits=6, decimal_places=3, default=Decimal(0))

    class Meta:
        ordering: ClassVar = ["invoice", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "position"], name="line_position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.invoice} line {self.position}"

    @property
    def prices_differ(self) -> bool:
        """Whether what the line counts has more than one price: reported ones."""
        return self.quantity * self.unit_price_micros != self.amount_micros


def validate_iban(number: str) -> None:
    """Raise ValidationError for an IBAN with wrong check digits."""
    if not iban.is_valid(number):
        raise ValidationError(_("%(number)s is not a valid IBAN."), params={"number": number})


def validate_bic(code: str) -> None:
    """Raise ValidationError for what is no BIC."""
    if not bic.is_valid(code):
        raise ValidationError(_("%(code)s is not a valid BIC."), params={"code": code})


class Seller(Party):
    """Issuer of invoices; edited by operators, copied into each invoice when it is issued."""

    name = models.CharField(max_length=widths.BUSINESS_NAME)
    address = models.TextField(blank=True)
    country = models.CharField(max_length=widths.COUNTRY, default="US")
    vat_id = models.CharField(max_length=widths.VAT_ID, blank=True, validators=[validate_vat_id])
    email = models.EmailField(blank=True)
    number_prefix = models.CharField(max_length=widths.NUMBER_PREFIX, default="INV")
    credit_prefix = models.CharField(max_length=widths.NUMBER_PREFIX, default="CN")
    tax_number = models.CharField(
        max_length=widths.VAT_ID,
        blank=True,
        help_text=_("Of the tax office, where there is no VAT id: a German Steuernummer."),
    )
    is_small_business = models.BooleanField(
        default=False, help_text=_("Exempt as a small business: no tax is charged at home.")
    )
    iban = models.CharField(max_length=40, blank=True, validators=[validate_iban])
    timezone = models.CharField(
        max_length=widths.TIMEZONE,
        default="UTC",
        validators=[known_timezone],
        help_text=_("In which a document's day is counted."),
    )
    bic = models.CharField(max_length=11, blank=True, validators=[validate_bic])
    bank = models.CharField(max_length=80, blank=True, help_text=_("Name of the bank."))
    terms_days = models.PositiveIntegerField(
        default=14, help_text=_("Days until an invoice is due.")
    )
    is_current = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_current"], condition=Q(is_current=True), name="one_current_seller"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def current(cls) -> "Seller":
        """The seller in whose name invoices are issued."""
        return cls.objects.get(is_current=True)

    def missing(self) -> list[str]:
        """Names of the fields without which no invoice is issued."""
        needed = {"name": self.name, "address": self.address, "country": self.country}
        return [name for name, value in needed.items() if not value.strip()]

    def day_of(self, moment: datetime) -> date:
        """The day of a moment for documents and postings."""
        return moment.astimezone(ZoneInfo(self.timezone)).date()

    def as_copy(self) -> dict[str, Any]:
        """The seller as stored in an invoice."""
        return {
            "name": self.name,
            "address": self.address,
            "country": self.country,
            "vat_id": self.vat_id,
            "email": self.email,
            "iban": self.iban,
            "bic": self.bic,
            "bank": self.bank,
            "tax_number": self.tax_number,
            "is_small_business": self.is_small_business,
            "registrations": [one.as_copy() for one in self.registrations.all()],
            **self.party_copy(),
        }


class TaxRegistration(models.Model):
    """A tax id that the seller has outside its home from a day on: in a country, or in a state of
    the United States; `EU` is the one-stop shop of sellers from outside the union.
    """

    seller = models.ForeignKey(Seller, on_delete=models.CASCADE, related_name="registrations")
    place = models.CharField(
        max_length=widths.TAX_PLACE,
        validators=[is_place],
        help_text=_("Such as GB, EU, or US-TX for a state."),
    )
    number = models.CharField(max_length=widths.VAT_ID)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True, help_text=_("First day it no longer holds."))

    class Meta:
        ordering: ClassVar = ["place", "valid_from"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["seller", "place", "valid_from"], name="one_registration_per_place_and_day"
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="tax_registration_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.place} {self.number}"

    def as_copy(self) -> dict[str, Any]:
        """The registration as stored in an invoice's seller."""
        return {
            "place": self.place,
            "number": self.number,
            "valid_from": str(self.valid_from),
            "valid_to": str(self.valid_to) if self.valid_to else None,
        }
