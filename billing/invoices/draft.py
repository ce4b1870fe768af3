"""Drafts of invoices: lines, taxes and totals from a month's usage."""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet, Sum

from accounts.models import Business
from accounts.plans import changes
from billing import commitments, plan_fees
from billing.invoices.treatments import Treatments
from billing.models import (
    BillingDetails,
    CreditNote,
    Discount,
    Invoice,
    InvoiceLine,
    LineKind,
    Period,
    Seller,
    Usage,
)
from billing.models.ledger import TEST_RULES
from core import money
from core.sql import statement
from hosting.models import Number


@dataclass(frozen=True, slots=True)
class Preview:
    """The invoice that a month would become now, without a number."""

    invoice: Invoice
    lines: list[InvoiceLine]

    @property
    def rounding_micros(self) -> int:
        """What rounding the lines' exact sum added, in micro-units."""
        return self.invoice.rounding_micros(self.lines)


def preview(*, business: Business, month: date) -> Preview | None:
    """Preview of an open month (its first day); None while it would cost nothing or be a credit.
    Stores nothing.
    """
    with transaction.atomic():
        ensure_period(business, month)
        period = Period.objects.get(business=business, month=month)
        if period.state == Period.State.CLOSED or owes_customer(business, period):
            transaction.set_rollback(True)
            return None
        invoice = create_draft(business, period) or create_draft(business, period, is_test=True)
        made = Preview(invoice, list(invoice.lines.all())) if invoice else None
        transaction.set_rollback(True)
    return made


def ensure_period(business: Business, month: date) -> None:
    """Create the month's period if it is missing."""
    _execute("ensure_period", {"business_id": business.pk, "month": month})


def open_months(business: Business | None = None) -> None:
    """Create the missing periods of every month since a business (None: every one) began."""
    _execute("open_months", {"business_id": business and business.pk})


def began_in(business: Business) -> date:
    """First day of the month in which a business began."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT month FROM billing_began(%s)", [business.pk])
        month: date = cursor.fetchone()[0]
    return month


def ends_at(business: Business, month: date) -> datetime:
    """The end of a month (its first day) of a business, whether its period is stored or not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT ends_at FROM billing_period WHERE business_id = %(id)s AND "
            "month = %(month)s), (SELECT ends_at FROM billing_edges(%(id)s, %(month)s)))",
            {"id": business.pk, "month": month},
        )
        end: datetime = cursor.fetchone()[0]
    return end


def create_draft(business: Business, period: Period, *, is_test: bool = False) -> Invoice | None:
    """Create the draft of a month with lines and totals, or with `is_test` that of its test
    traffic; None when there is nothing to bill. Test traffic that was reversed to below nothing is
    not billed. Call inside a transaction.
    """
    used = _usage(period, is_test).exclude(messages=0)
    # On trial what is agreed by the month is on the test invoice, else on the other.
    is_main = is_test == is_on_trial(business)
    fees = is_main and _has_fee(business, period)
    missing = commitments.missing(business, period.month, is_test=is_test) if is_main else 0
    if not fees and not missing and not used.exists():
        return None
    if is_test and (used.aggregate(n=Sum("amount_micros"))["n"] or 0) < 0:
        return None
    invoice = _create_invoice(business, period, is_test)
    treated = treatment_of(invoice)
    if fees:
        _add_fees(invoice, business, treated)
    so_far = {"month": period.month, "after": invoice.lines.count()}
    months = set(used.values_list("month", flat=True))
    values = _line_values(invoice, treated, months) | so_far | {"is_test": is_test}
    _execute("copy_lines", values)
    if missing:
        text = commitments.description(business, period.month)
        _add_line(invoice, treated, LineKind.COMMITMENT, text, missing)
    if not is_test:
        _add_discounts(invoice, treated)
    _round_lines(invoice)
    return _set_totals(invoice, treated)


def is_on_trial(business: Business) -> bool:
    """Whether a business lives on a test clock with test numbers alone: even its fees are shown,
    not owed.
    """
    if business.clock_at is None:
        return False
    numbers = set(Number.objects.filter(business=business).values_list("is_test", flat=True))
    return numbers == {True}


def copy_voided(replaced: Invoice) -> Invoice:
    """A draft with the lines of a void invoice, with current billing details and tax."""
    invoice = _create_invoice(replaced.business, replaced.period, replaced.is_test)
    treated = treatment_of(invoice)
    Invoice.objects.filter(pk=invoice.pk).update(replaces=replaced)
    months = set(replaced.lines.values_list("month", flat=True))
    values = _line_values(invoice, treated, months) | {"replaced_id": replaced.pk}
    _execute("repeat_lines", values)
    _round_lines(invoice)
    return _set_totals(invoice, treated)


def _has_fee(business: Business, period: Period) -> bool:
    return any(one.fee_micros for one in changes.stretches(business, period.month))


def _usage(period: Period, is_test: bool) -> QuerySet[Usage]:
    rows = Usage.objects.filter(business_id=period.business_id, billed_month=period.month)
    return rows.filter(rule__in=TEST_RULES) if is_test else rows.exclude(rule__in=TEST_RULES)


def take_terms(invoice: Invoice, seller: Seller) -> None:
    """Put the seller, the buyer and the tax of now on a draft and on its lines."""
    Invoice.objects.filter(pk=invoice.pk).update(
        seller=seller.as_copy(), buyer=BillingDetails.of(invoice.business).as_copy()
    )
    invoice.refresh_from_db()
    treated = treatment_of(invoice)
    for month in set(invoice.lines.order_by().values_list("month", flat=True)):
        one = treated.of(month)
        invoice.lines.filter(month=month).update(tax_category=one.category, tax_percent=one.percent)
    _set_totals(invoice, treated)


def treatment_of(paper: Invoice | CreditNote) -> Treatments:
    """The taxes of a document by its seller and its buyer."""
    return Treatments(paper.seller, paper.buyer)


def owes_customer(business: Business, period: Period) -> bool:
    """Whether reversals exceed what a month costs: its total, rounded, is below zero."""
    used = _usage(period, is_test=False).aggregate(n=Sum("amount_micros"))["n"] or 0
    on_trial = is_on_trial(business)
    stretches = [] if on_trial else changes.stretches(business, period.month)
    fees = sum(plan_fees.plan_fee(one) for one in stretches)
    missing = 0 if on_trial else commitments.missing(business, period.month)
    exact = used + fees + missing
    for discount in Discount.objects.of_month(business, period.month):
        exact -= discount.taken_off(exact)
    return money.to_minor(exact, period.currency) < 0


def _create_invoice(business: Business, period: Period, is_test: bool = False) -> Invoice:
    seller, now = Seller.objects.get(is_current=True), business.now()
    return Invoice.objects.create(
        business=business,
        period=period,
        currency=period.currency,
        is_test=is_test,
        seller=seller.as_copy(),
        buyer=BillingDetails.of(business).as_copy(),
        issued_at=now,
        due_at=now + timedelta(days=seller.terms_days),
    )


def _line_values(invoice: Invoice, treated: Treatments, months: set[date]) -> dict[str, Any]:
    taxes = {str(month): treated.of(month) for month in months}
    return {
        "invoice_id": invoice.pk,
        "business_id": invoice.business_id,
        "taxes": json.dumps(
            {month: [one.category, str(one.percent)] for month, one in taxes.items()}
        ),
    }


def _add_fees(invoice: Invoice, business: Business, treated: Treatments) -> None:
    """Add plan fees by days as the first lines."""
    for one in changes.stretches(business, invoice.period.month):
        if one.fee_micros:
            text = plan_fees.fee_description(one)
            _add_line(invoice, treated, LineKind.FEE, text, plan_fees.plan_fee(one))


def _add_discounts(invoice: Invoice, treated: Treatments) -> None:
    for discount in Discount.objects.of_month(invoice.business, invoice.period.month):
        taken_off = discount.taken_off(_exact_sum(invoice))
        if taken_off:
            text = f"{discount.description}, {discount.percent.normalize():f} %"
            _add_line(invoice, treated, LineKind.DISCOUNT, text, -taken_off)


def _exact_sum(invoice: Invoice) -> int:
    """The exact sum of the lines so far, in micro-units."""
    return int(invoice.lines.aggregate(n=Sum("amount_micros"))["n"] or 0)


def _add_line(
    invoice: Invoice, treated: Treatments, kind: LineKind, text: str, micros: int
) -> None:
    """Add a line of one piece behind the others; `_round_lines` sets its amount in minor units."""
    InvoiceLine.objects.create(
        invoice=invoice,
        business_id=invoice.business_id,
        position=invoice.lines.count() + 1,
        kind=kind,
        description=text,
        month=invoice.period.month,
        quantity=1,
        unit_price_micros=micros,
        amount_micros=micros,
        amount_minor=0,
        tax_category=treated.of(invoice.period.month).category,
        tax_percent=treated.of(invoice.period.month).percent,
    )


def _round_lines(invoice: Invoice) -> None:
    """Give every line its share of the rounded sum, in minor units."""
    unit = money.micros_a_minor(invoice.currency)
    _execute("round_lines", {"invoice_id": invoice.pk, "unit": unit})


def _set_totals(invoice: Invoice, treated: Treatments) -> Invoice:
    """Set taxes and totals: the lines' exact sum, rounded once, and tax on that by rate group."""
    base = invoice.lines.aggregate(n=Sum("amount_minor"))["n"] or 0
    taxes = treated.groups(invoice)
    tax_minor = sum(group["tax_minor"] for group in taxes)
    Invoice.objects.filter(pk=invoice.pk).update(
        taxes=taxes,
        seller_tax=treated.in_sellers_currency(invoice, taxes),
        subtotal_minor=base,
        tax_minor=tax_minor,
        total_minor=base + tax_minor,
    )
    invoice.refresh_from_db()
    return invoice


def _execute(verb: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement("billing", verb), values)
