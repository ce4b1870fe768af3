"""The tax of an invoice's lines: by the date of supply of each line's month, and in the seller's
currency.
"""

from calendar import monthrange
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Min, Sum
from django.utils import translation

from billing.invoices import tax, tax_rules
from billing.invoices.tax import Treatment
from billing.invoices.tax_rules import NoTaxRule
from billing.models import CreditNote, CreditNoteLine, ExchangeRate, Invoice
from core import money

# Rates are not published on weekends and holidays: the last one before counts, but no older.
OLDEST_RATE = timedelta(days=7)


def date_of_supply(month: date) -> date:
    """The tax point of a month (its first day): services of a month are supplied as it ends."""
    return month.replace(day=monthrange(month.year, month.month)[1])


class Treatments:
    """Treatments of one seller and buyer, by month of supply; notes in the buyer's language."""

    def __init__(self, seller: Mapping[str, Any], buyer: Mapping[str, Any]) -> None:
        self._seller, self._buyer = seller, buyer
        self._known: dict[date, Treatment] = {}

    def of(self, month: date) -> Treatment:
        """The treatment of what was supplied in a month (its first day); raises NoTaxRule."""
        if month not in self._known:
            day = date_of_supply(month)
            supply = tax.Supply(self._seller, self._buyer, day)
            with translation.override(self._buyer.get("language") or "en"):
                self._known[month] = tax.treatment(supply, tax_rules.rules_on(day))
        return self._known[month]

    def groups(self, invoice: Invoice) -> list[dict[str, Any]]:
        """Rate groups of an invoice's lines, in the order of the lines."""
        sums = invoice.lines.order_by().values("tax_category", "tax_percent")
        rows = sums.annotate(base=Sum("amount_minor"), first=Min("position")).order_by("first")
        bases = [(row["tax_category"], row["tax_percent"], row["base"]) for row in rows]
        return tax.tax_groups(bases, self._known.values())

    def groups_of(self, lines: Iterable[CreditNoteLine]) -> list[dict[str, Any]]:
        """Rate groups of lines that are not stored yet, in their order."""
        bases: dict[tuple[str, Decimal], int] = {}
        for line in lines:
            key = (line.tax_category, line.tax_percent)
            bases[key] = bases.get(key, 0) + line.amount_minor
        rows = [(category, percent, base) for (category, percent), base in bases.items()]
        return tax.tax_groups(rows, self._known.values())

    def in_sellers_currency(
        self, invoice: Invoice | CreditNote, taxes: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """The tax in the currency in which the seller accounts for it; empty where that is the
        invoice's, or where there is none. Raises NoTaxRule without an exchange rate.
        """
        total = sum(group["tax_minor"] for group in taxes)
        assert invoice.period is not None
        day = date_of_supply(invoice.period.month)
        rules = tax_rules.rules_on(day)
        law = rules.countries.get(tax_rules.place_of(self._seller, rules).country)
        if not total or law is None or law.currency == invoice.currency:
            return {}
        rate = exchange_rate(invoice.currency, law.currency, day)
        return converted(total, invoice.currency, law.currency, rate, day)


def exchange_rate(given: str, wanted: str, day: date) -> Decimal:
    """What one unit of `given` is worth in `wanted` on a day, with six digits behind the point.

    Raises NoTaxRule where a rate of the day or the week before it is missing.
    """
    exact = _per_euro(wanted, day) / _per_euro(given, day)
    return exact.quantize(Decimal("0.000001"), ROUND_HALF_UP)


def _per_euro(currency: str, day: date) -> Decimal:
    if currency == "EUR":
        return Decimal(1)
    rows = ExchangeRate.objects.filter(currency=currency, day__lte=day, day__gt=day - OLDEST_RATE)
    found = rows.order_by("-day").first()
    if found is None:
        raise NoTaxRule(
            f"There is no exchange rate of EUR and {currency} for {day}: an operator loads it with "
            "`manage.py load_exchange_rates`. The tax must be said in the seller's currency too."
        )
    return Decimal(found.per_euro)


def converted(
    tax_minor: int, currency: str, wanted: str, rate: Decimal, day: date
) -> dict[str, Any]:
    """`Invoice.seller_tax` of a tax in minor units, commercially rounded."""
    exact = money.minor_amount(tax_minor, currency) * rate
    minor = exact.scaleb(money.exponent(wanted)).quantize(Decimal(1), ROUND_HALF_UP)
    return {"currency": wanted, "rate": f"{rate:f}", "day": str(day), "tax_minor": int(minor)}


def credited(invoice: Invoice, tax_minor: int) -> dict[str, Any]:
    """`seller_tax` of the next credit note of an invoice, at the invoice's rate; empty without one.

    What was credited before is taken off, so that full credits add up to the invoice's.
    """
    source = invoice.seller_tax
    if not source or not tax_minor:
        return {}
    before = list(invoice.credit_notes.values_list("tax_minor", "seller_tax"))
    rate, day = Decimal(source["rate"]), date.fromisoformat(source["day"])
    total = tax_minor + sum(one for one, _own in before)
    made = converted(total, invoice.currency, source["currency"], rate, day)
    own = sum(own["tax_minor"] for _one, own in before if own)
    return {**made, "tax_minor": made["tax_minor"] - own}
