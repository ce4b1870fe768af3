"""Models of billing: rate cards, ledger, periods, invoices, payments. Amounts are micro-units of
the currency.
"""

from billing.models.commitments import MinimumCommitment
from billing.models.credit_notes import CreditNote, CreditNoteLine, CreditUse
from billing.models.details import BillingDetails, Discount, EInvoiceFormat
from billing.models.documents import Document, Export
from billing.models.invoices import (
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    LineKind,
    NumberSeries,
    Seller,
    TaxRegistration,
)
from billing.models.journal import AccountRole, Chart, LedgerAccount, Posting
from billing.models.ledger import (
    Charge,
    MeterBatch,
    NumberTally,
    Period,
    Quarantine,
    Rule,
    Tally,
    Usage,
)
from billing.models.markets import CallingCode, Market
from billing.models.payments import (
    LIVE,
    CashReceipt,
    DunningStep,
    GatewayEvent,
    Payment,
    PaymentMethod,
    PaymentStatus,
    Refund,
)
from billing.models.rate_cards import (
    CardChoice,
    CardVersion,
    DefaultCard,
    Rate,
    RateCard,
    RateCategory,
    Tier,
    VersionState,
)
from billing.models.reconciliation import Recount
from billing.models.spend_caps import Commitment, SpendAlert, SpendCap
from billing.models.taxes import (
    ExchangeRate,
    TaxCountry,
    TaxRate,
    TaxRegion,
    TaxTerritory,
)

__all__ = [
    "LIVE",
    "AccountRole",
    "BillingDetails",
    "CallingCode",
    "CardChoice",
    "CardVersion",
    "CashReceipt",
    "Charge",
    "Chart",
    "Commitment",
    "CreditNote",
    "CreditNoteLine",
    "CreditUse",
    "DefaultCard",
    "Discount",
    "Document",
    "DunningStep",
    "EInvoiceFormat",
    "ExchangeRate",
    "Export",
    "GatewayEvent",
    "Invoice",
    "InvoiceLine",
    "InvoiceStatus",
    "LedgerAccount",
    "LineKind",
    "Market",
    "MeterBatch",
    "MinimumCommitment",
    "NumberSeries",
    "NumberTally",
    "Payment",
    "PaymentMethod",
    "PaymentStatus",
    "Period",
    "Posting",
    "Quarantine",
    "Rate",
    "RateCard",
    "RateCategory",
    "Recount",
    "Refund",
    "Rule",
    "Seller",
    "SpendAlert",
    "SpendCap",
    "Tally",
    "TaxCountry",
    "TaxRate",
    "TaxRegion",
    "TaxRegistration",
    "TaxTerritory",
    "Tier",
    "Usage",
    "VersionState",
]
