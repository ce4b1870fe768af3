"""Texts, dates and numbers of documents in the customer's language, which must be active."""

import re
from datetime import date
from decimal import Decimal
from functools import cache

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from billing import commitments
from billing.models import LineKind, RateCategory
from core import money
from core.territories import locale

# What `billing.plan_fees.fee_description` writes: the plan, and its days in a part of a month.
_FEE = re.compile(
    r"Hosting, plan (?P<plan>.+?)"
    r"(?:, (?P<first>\d+)(?: to (?P<last>\d+))? (?P<month>[A-Z][a-z]+)"
    r" \((?P<days>\d+) of (?P<of>\d+) days\))?"
)

# What `billing.commitments.description` writes.
_MINIMUM = re.compile(
    re.escape(commitments.DESCRIPTION)
    .replace(r"\{amount\}", r"(?P<amount>[\d.]+)")
    .replace(r"\{currency\}", r"(?P<currency>[A-Z]{3})")
)


def day(given: date) -> str:
    """A date for readers: 2 June 2026, 2. Juni 2026."""
    return format_date(given, "d MMMM y" if locale().startswith("en") else "long", locale())


def month(given: date) -> str:
    """A month for readers: May 2026, Mai 2026."""
    return str(format_skeleton("yMMMM", given, locale=locale()))


def number(given: int) -> str:
    """A whole number for readers: 1,000 or 1.000."""
    return format_decimal(given, locale=locale())


def percent(given: Decimal | str) -> str:
    """A rate for readers: 4.875 % or 4,875 %."""
    return f"{format_decimal(Decimal(given), format='0.###', locale=locale())} %"


def market_name(name: str) -> str:
    """A market of rate cards in the active language; one that no language names stays as it is."""
    code = _english_territories().get(name)
    if code:
        return str(Locale.parse(locale()).territories.get(code, name))
    return _(name) if name else ""


# Names of markets that are no territories; here so that they are in the catalogues.
MARKETS = (
    gettext_noop("Hong Kong"),
    gettext_noop("Other"),
    gettext_noop("Rest of Africa"),
    gettext_noop("Rest of Asia Pacific"),
    gettext_noop("Rest of Central & Eastern Europe"),
    gettext_noop("Rest of Latin America"),
    gettext_noop("Rest of Middle East"),
    gettext_noop("Rest of Western Europe"),
    gettext_noop("Turkey"),
)


@cache
def _english_territories() -> dict[str, str]:
    return {str(name): code for code, name in Locale("en").territories.items()}


def tier(first: int | None, last: int | None) -> str:
    """A range of messages; empty without one."""
    if first is None:
        return ""
    if last is None:
        return _("from message %(first)s") % {"first": number(first)}
    return _("messages %(first)s to %(last)s") % {"first": number(first), "last": number(last)}


def description(
    text: str, *, kind: str, category: str, market: str, rule: str, of: date, is_late: bool
) -> str:
    """The description of a line, which is stored in English (`text`), in the active language."""
    if kind == LineKind.FEE:
        return _fee(text, of)
    if kind == LineKind.COMMITMENT:
        return _minimum(text)
    if kind not in (LineKind.MESSAGES, LineKind.LATE) or category not in RateCategory.values:
        return text
    made = _("%(category)s messages to %(market)s") % {
        "category": RateCategory(category).label,
        "market": market_name(market),
    }
    if rule == "failed":
        made += ", " + _("failed")
    elif rule == "reported":
        made += ", " + _("as reported")
    elif rule != "tier" and "free of charge" in text:
        made += ", " + _("free of charge")
    if is_late:
        made += ", " + _("delivered in %(month)s") % {"month": f"{of:%Y-%m}"}
    return made


def _minimum(text: str) -> str:
    found = _MINIMUM.fullmatch(text)
    if found is None:
        return text
    micros = int(Decimal(found["amount"]) * money.MICROS)
    return _("Up to the agreed minimum of %(amount)s a month") % {
        "amount": money.show_micros(micros, found["currency"], locale())
    }


def _fee(text: str, of: date) -> str:
    found = _FEE.fullmatch(text)
    if found is None:
        return text
    made = _("Hosting, plan %(plan)s") % {"plan": found["plan"]}
    if not found["first"]:
        return made
    last = of.replace(day=int(found["last"] or found["first"]))
    values = {"first": found["first"], "last": _day_and_month(last)}
    days = _("%(first)s to %(last)s") % values if found["last"] else values["last"]
    share = _("%(days)s of %(of)s days") % {"days": found["days"], "of": found["of"]}
    return f"{made}, {days} ({share})"


def _day_and_month(given: date) -> str:
    if locale().startswith("en"):
        return f"{given:%-d %B}"
    return str(format_skeleton("MMMMd", given, locale=locale()))


def group_title(kind: str, category: str) -> str:
    """Title of the group that a line is in: fees, messages by category, late ones, reductions."""
    if kind == LineKind.MESSAGES and category in RateCategory.values:
        return _("%(category)s messages") % {"category": RateCategory(category).label}
    return str(LineKind(kind).label) if kind in LineKind.values else kind
