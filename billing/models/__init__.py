"""What it cost: rate cards, the ledger, periods and invoices. Amounts are micro-units of the currency."""

from billing.models.caps import Commitment, SpendAlert, SpendCap
from billing.models.cards import CardChoice, CardVersion, Rate, RateCard, RateCategory, Tier, VersionState
from billing.models.invoices import (
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    LineKind,
    NumberSeries,
    Seller,
)
from billing.models.ledger import Charge, NumberTally, Period, Quarantine, Rule, Tally, Usage
from billing.models.markets import CallingCode, Market

__all__ = [
    "CallingCode",
    "CardChoice",
    "CardVersion",
    "Charge",
    "Commitment",
    "Invoice",
    "InvoiceLine",
    "InvoiceStatus",
    "LineKind",
    "Market",
    "NumberSeries",
    "NumberTally",
    "Period",
    "Quarantine",
    "Rate",
    "RateCard",
    "RateCategory",
    "Rule",
    "Seller",
    "SpendAlert",
    "SpendCap",
    "Tally",
    "Tier",
    "Usage",
    "VersionState",
]
