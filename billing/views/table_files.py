"""The tables of billing pages as CSV: what is on the page, with exact amounts."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.http import HttpResponse

from billing.invoices.draft import Preview
from billing.metering.usage import MonthUsage
from billing.models import Invoice, InvoiceLine
from billing.models.invoices import InvoiceQuerySet
from billing.rate_cards.terms import AgreedTier
from core import money
from core.csv import csv_response


def usage(found: MonthUsage) -> HttpResponse:
    """Messages and exact amount by market and category."""
    rows = (
        (
            f"{found.month:%Y-%m}",
            row.market,
            row.category,
            row.messages,
            money.micro_amount(row.amount_micros),
            found.currency,
        )
        for row in found.rows
    )
    header = ("month", "market", "category", "messages", "amount", "currency")
    return csv_response(f"usage-{found.month:%Y-%m}", header, rows)


def invoices(found: InvoiceQuerySet, timezone: str) -> HttpResponse:
    """Invoices of `InvoiceQuerySet.for_list`; days are those of the timezone."""
    header = ("invoice", "month", "status", "issued", "due", "paid", "total", "amount_due")
    rows = (_invoice_row(one, ZoneInfo(timezone)) for one in found)
    return csv_response("invoices", (*header, "currency"), rows)


def _invoice_row(one: Invoice, zone: ZoneInfo) -> tuple[object, ...]:
    def day(moment: datetime | None) -> date | None:
        return moment.astimezone(zone).date() if moment else None

    return (
        one.number,
        f"{one.period.month:%Y-%m}",
        one.status,
        one.issued_on,
        day(one.due_at),
        day(one.paid_at),
        money.minor_amount(one.total_minor, one.currency),
        money.minor_amount(one.due_minor, one.currency),  # type: ignore[attr-defined]
        one.currency,
    )


def rates(month: date, market: str, currency: str, tiers: list[AgreedTier]) -> HttpResponse:
    """Tiers of one market with the price of a message in each."""
    rows = (
        (
            f"{month:%Y-%m}",
            market,
            tier.category,
            tier.first,
            tier.last,
            money.micro_amount(tier.list_micros),
            money.micro_amount(tier.price_micros),
            currency,
        )
        for tier in tiers
    )
    header = ("month", "market", "category", "first", "last", "list_price", "price", "currency")
    return csv_response(f"rates-{month:%Y-%m}", header, rows)


def draft(month: date, preview: Preview | None) -> HttpResponse:
    """Lines of the invoice that a month would become now."""
    header = ("month", "description", "quantity", "unit_price", "amount", "currency")
    rows = (_draft_row(line, preview.invoice.currency) for line in preview.lines) if preview else ()
    return csv_response(f"draft-{month:%Y-%m}", header, rows)


def _draft_row(line: InvoiceLine, currency: str) -> tuple[object, ...]:
    return (
        f"{line.month:%Y-%m}",
        line.description,
        line.quantity,
        None if line.prices_differ else money.micro_amount(line.unit_price_micros),
        money.micro_amount(line.amount_micros),
        currency,
    )
