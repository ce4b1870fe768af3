"""Admin of billing: rate cards, ledger, invoices, payments, exports, front page."""

from billing.admin import details as details
from billing.admin import exports as exports
from billing.admin import front as front
from billing.admin import invoices as invoices
from billing.admin import ledger as ledger
from billing.admin import payments as payments
from billing.admin import queues as queues
from billing.admin import rate_cards as rate_cards
from billing.admin import receipts as receipts
from billing.admin import reported_prices as reported_prices
from billing.admin import taxes as taxes
