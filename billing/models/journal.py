"""The journal: balanced entries of every event of money, and the accounts they are exported to."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths


class AccountRole(models.TextChoices):
    """What an account is for; the seller's view. Numbers and names are data (`LedgerAccount`)."""

    RECEIVABLE = "receivable", _("Trade receivables")
    BANK = "bank", _("Bank")
    CARD = "card", _("Card payments in transit")
    UNALLOCATED = "unallocated", _("Payments not allocated yet")
    BALANCE = "balance", _("Customer credit balances")
    TAX = "tax", _("Tax")
    HOSTING = "hosting", _("Hosting fees")
    MESSAGES = "messages", _("Messages")
    COMMITMENT = "commitment", _("Minimum commitments")
    DISCOUNTS = "discounts", _("Discounts")
    FEES = "fees", _("Fees of banks and payment networks")
    BAD_DEBT = "bad_debt", _("Bad debts")


class Chart(models.TextChoices):
    """Whose books an export is for."""

    SELLER = "seller", _("Seller")
    CUSTOMER = "customer", _("Customer")


class LedgerAccount(models.Model):
    """Number and name of the account for a role, in the seller's books and in its customers'."""

    chart = models.CharField(max_length=10, choices=Chart.choices)
    role = models.CharField(max_length=20, choices=AccountRole.choices)
    number = models.CharField(max_length=20)
    name = models.CharField(max_length=80)

    class Meta:
        ordering: ClassVar = ["chart", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chart", "role"], name="one_account_per_role"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class Posting(models.Model):
    """One side of a journal entry: minor units, debit positive. Written with the event, never
    changed; the rows of an `event` add up to zero.
    """

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="postings")
    event = models.CharField(max_length=40, help_text=_("Kind and id, such as invoice:12."))
    position = models.PositiveIntegerField()
    posted_on = models.DateField()
    role = models.CharField(max_length=20, choices=AccountRole.choices)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=widths.CURRENCY)
    document = models.CharField(max_length=widths.DOCUMENT_NUMBER, blank=True)
    customer = models.CharField(max_length=widths.BUSINESS_NAME, blank=True)
    tax_category = models.CharField(max_length=widths.TAX_CATEGORY, blank=True)
    tax_percent = models.CharField(max_length=8, blank=True)
    text = models.CharField(max_length=widths.LINE_DESCRIPTION, blank=True)
    reference = models.CharField(max_length=widths.PAYMENT_ID, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["posted_on", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "event", "position"], name="event_is_posted_once"
            ),
            models.CheckConstraint(condition=~Q(amount_minor=0), name="posting_has_an_amount"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["business", "posted_on", "id"], name="posting_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.role} {self.amount_minor}"
