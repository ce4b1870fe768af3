"""Data of the charts on usage pages, drawn by static/charts.js."""

from collections import defaultdict
from typing import Any

from billing.metering.usage import MonthUsage
from core import money
from hosting.models import Category

BARS = 10


def usage_charts(found: MonthUsage) -> dict[str, Any]:
    """Two charts: messages a day by category, and amounts by market in whole units."""
    days = sorted({row.day for row in found.days})
    counts = {(row.day, row.category): row.messages for row in found.days}
    used = [
        (value, label)
        for value, label in Category.choices
        if any(row.category == value for row in found.days)
    ]
    markets: dict[str, int] = defaultdict(int)
    for row in found.rows:
        markets[row.market] += row.amount_micros
    top = sorted(markets.items(), key=lambda item: (-item[1], item[0]))[:BARS]
    return {
        "days": {
            "kind": "stacked",
            "labels": [day.isoformat() for day in days],
            "series": [
                {
                    "name": str(label),
                    "colour": value,
                    "values": [counts.get((day, value), 0) for day in days],
                }
                for value, label in used
            ],
        },
        "markets": {
            "kind": "bars",
            "currency": found.currency,
            "labels": [market for market, _ in top],
            "series": [
                {
                    "name": found.currency,
                    "colour": "accent",
                    "values": [float(money.micro_amount(amount)) for _, amount in top],
                }
            ],
        },
    }
