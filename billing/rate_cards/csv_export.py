"""Rate cards written as CSV: our own layout, and the two that Meta publishes."""

import csv
import io

from billing.rate_cards.csv_files import OWN_HEADER, RATE_COLUMNS, TIER_WIDTH, TIERED
from billing.rate_cards.versions import Sheet, Step
from core import money


def write_own(sheet: Sheet) -> str:
    """A sheet in our layout; reading it back gives an equal sheet."""
    rows: list[list[object]] = [
        [
            market,
            category,
            step.first,
            step.last or "",
            f"{money.micro_amount(step.price_micros):f}",
            sheet.currency,
        ]
        for (market, category), steps in sorted(sheet.rates.items())
        for step in steps
    ]
    header: list[object] = [*OWN_HEADER, "currency"]
    return _csv([header, *rows])


def write_rates(sheet: Sheet) -> str:
    """A sheet in Meta's layout of list rates: the first tier of everything."""
    rows = [
        [market, sheet.currency, *(_price(sheet, market, category) for category in RATE_COLUMNS)]
        for market in sheet.markets
    ]
    international = "Authentication-\nInternational"
    header = [
        "Market",
        "Currency",
        "Marketing",
        "Utility",
        "Authentication",
        international,
        "Service",
    ]
    return _csv([[f"Cost per message in {sheet.currency}", *[""] * 6], header, *rows])


def write_tiers(sheet: Sheet) -> str:
    """A sheet in Meta's layout of volume tiers; marketing and service are in the rate sheet
    only.
    """
    names = [name for category in TIERED for name in (category.title(), "", "", "", "")]
    steps_header = ["From", "To", "Rate type", "Rate", "vs. List rate"] * len(TIERED)
    body = [row for market in sheet.markets for row in _tier_rows(sheet, market)]
    return _csv([["", "", *names], ["Market\n(per rate card)", "Currency", *steps_header], *body])


def _tier_rows(sheet: Sheet, market: str) -> list[list[str]]:
    ladders = [sheet.rates.get((market, category), []) for category in TIERED]
    height = max((len(steps) for steps in ladders), default=0)
    return [
        [
            market if n == 0 else "",
            sheet.currency,
            *(cell for steps in ladders for cell in _tier_cells(steps, n)),
        ]
        for n in range(height)
    ]


def _tier_cells(steps: list[Step], n: int) -> list[str]:
    if n >= len(steps):
        return ["n/a"] * TIER_WIDTH
    step, list_price = steps[n], steps[0].price_micros
    percent = round(100 * (step.price_micros - list_price) / list_price) if list_price else 0
    return [
        "0" if step.first == 1 else f"{step.first:,}",
        "--" if step.last is None else f"{step.last:,}",
        "Tier rate" if n else "List rate",
        _decimal(step.price_micros),
        f"{percent}%",
    ]


def _price(sheet: Sheet, market: str, category: str) -> str:
    steps = sheet.rates.get((market, category))
    return _decimal(steps[0].price_micros) if steps else "n/a"


def _decimal(micros: int) -> str:
    """At least four decimals, as published, and more where the price needs them."""
    amount = money.micro_amount(micros)
    return f"{amount:f}" if -int(amount.as_tuple().exponent) > 4 else f"{amount:.4f}"


def _csv(rows: list[list[object]] | list[list[str]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
