"""What it cost: rate cards, the ledger, periods and invoices. Amounts are micro-units of the currency."""

from billing.models.cards import CardChoice, CardVersion, Rate, RateCard, Tier, VersionState
from billing.models.invoices import (
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    LineKind,
    NumberSeries,
    Seller,
)
from billing.models.ledger import Charge, Period, Quarantine, Rule, Tally, Usage
from billing.models.markets import CallingCode, Market

__all__ = [
    "CallingCode",
    "CardChoice",
    "CardVersion",
    "Charge",
    "Invoice",
    "InvoiceLine",
    "InvoiceStatus",
    "LineKind",
    "Market",
    "NumberSeries",
    "Period",
    "Quarantine",
    "Rate",
    "RateCard",
    "Rule",
    "Seller",
    "Tally",
    "Tier",
    "Usage",
    "VersionState",
]
