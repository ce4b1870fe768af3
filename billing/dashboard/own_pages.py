"""Billing's pages of the navigation, and its settings."""

from django.db.models import Exists, OuterRef
from django.db.models.expressions import BaseExpression, Combinable
from django.utils.translation import gettext_noop as _

from accounts.dashboard.checklist import Step
from accounts.dashboard.navigation import BILLING, Page, Setting, pages, settings
from accounts.models import AGENTS, FINANCE
from billing.models import BillingDetails

MONEY = frozenset(map(str, FINANCE))
ENTRY = _("Billing")
PAGES = (
    Page(
        _("Usage"),
        "usage",
        "usage",
        300,
        MONEY,
        ENTRY,
        "wallet",
        _("costs, spend, charges, month, spend cap"),
    ),
    Page(
        _("Invoices"),
        "invoices",
        "invoice",
        320,
        MONEY,
        ENTRY,
        "wallet",
        _("bill, pay, receipt, credit note, pdf"),
    ),
    Page(
        _("Your rates"),
        "rates",
        "list",
        940,
        MONEY,
        words=_("price, rate card, price list, tiers"),
        in_rail=False,
    ),
    Page(
        _("Cost estimate"),
        "estimate",
        "usage",
        950,
        MONEY | frozenset(map(str, AGENTS)),
        words=_("estimate, campaign, forecast, what does it cost"),
        in_rail=False,
    ),
)
SETTINGS = (
    Setting(
        BILLING,
        _("Billing details"),
        "billing_details",
        "card",
        41,
        MONEY,
        _("Who invoices are addressed and mailed to, VAT number, and the card that pays them."),
        _("billing address, vat, tax id, card, payment method, e-invoice, invoice e-mail"),
    ),
    Setting(
        BILLING,
        _("Finance exports"),
        "finance_exports",
        "download",
        42,
        MONEY,
        _("Invoices, journal and charges of a year for your accounting."),
        _("accounting, journal, bookkeeping, all invoices, zip"),
    ),
)


def _has_address() -> BaseExpression | Combinable:
    return Exists(BillingDetails.objects.filter(business=OuterRef("pk")).exclude(address=""))


DETAILS_STEP = Step(
    _("Enter your billing details"),
    _("Whose name and address stand on invoices."),
    "billing_details",
    60,
    _has_address,
    roles=MONEY,
)


def register() -> None:
    """Register all of them."""
    for page in PAGES:
        pages.register(page)
    for setting in SETTINGS:
        settings.register(setting)
