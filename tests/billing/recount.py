"""An independent recount: what a set of delivered messages must cost, from the data files alone, in
plain Python.
"""

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from billing.models import Charge, Tally, Usage
from core.tenancy import system
from hosting.models import Delivery, Message

DATA = Path(__file__).resolve().parents[2] / "billing" / "data"


@dataclass(frozen=True)
class Sent:
    business: int
    zone: str
    to: str
    category: str
    delivered_at: datetime | None

    @property
    def month(self) -> date:
        assert self.delivered_at
        return self.delivered_at.astimezone(ZoneInfo(self.zone)).date().replace(day=1)


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# One price for all tiers, where a later version of the card says so: by month, market and category.
Changed = dict[tuple[date, str, str], int]

CODES, TIERS = rows("calling_codes.csv"), rows("parley_standard_usd.csv")


def market_of(to: str, month: date) -> str:
    fitting = [
        row
        for row in CODES
        if to.startswith(row["prefix"])
        and row["valid_from"] <= str(month)
        and (not row["valid_to"] or str(month) < row["valid_to"])
    ]
    return max(fitting, key=lambda row: len(row["prefix"]))["market"] if fitting else "Other"


def cost(market: str, category: str, messages: int) -> int:
    """The closed form: so many messages in each tier, times its price."""
    total = 0
    for tier in TIERS:
        if (tier["market"], tier["category"]) == (market, category):
            last = int(tier["last"]) if tier["last"] else messages
            total += max(0, min(messages, last) - int(tier["first"]) + 1) * int(
                Decimal(tier["price"]) * 1_000_000
            )
    return total


def recount(
    messages: Iterable[Sent], dearer: Changed
) -> dict[tuple[int, date, str, str], tuple[int, int]]:
    """Messages and micros by business, month, market and category."""
    counts: Counter[tuple[int, date, str, str]] = Counter()
    for sent in messages:
        counts[sent.business, sent.month, market_of(sent.to, sent.month), sent.category] += 1
    return {
        key: (n, n * dearer[key[1:]] if key[1:] in dearer else cost(*key[2:], n))
        for key, n in counts.items()
    }


def everything_delivered() -> list[Sent]:
    with system("test"):
        return [
            Sent(*row)
            for row in Message.objects.filter(
                direction="out", delivered_at__isnull=False
            ).values_list(
                "business_id", "business__timezone", "contact__wa_id", "category", "delivered_at"
            )
        ]


def failed_from(month: date) -> list[Sent]:
    """What failed and was never delivered, from that month on: a card that charges failures prices
    it like the rest.
    """
    with system("test"):
        failed = Message.objects.filter(direction="out", delivered_at=None, failed_at__isnull=False)
        rows = failed.values_list(
            "business_id", "business__timezone", "contact__wa_id", "category", "failed_at"
        )
        return [sent for sent in (Sent(*row) for row in rows) if sent.month >= month]


def assert_books_agree(
    dearer: Changed | None = None, failed_charged_from: date | None = None
) -> int:
    """Ledger, tallies and rollup equal the recount of the messages themselves; returns the total in
    micros.
    """
    failed = failed_from(failed_charged_from) if failed_charged_from else []
    expected = recount(everything_delivered() + failed, dearer or {})
    with system("test"):
        assert not Delivery.objects.exists()
        charges = list(
            Charge.objects.filter(reverses_id=None).values_list(
                "business_id",
                "month",
                "market",
                "category",
                "position",
                "price_micros",
                "message_id",
            )
        )
        tallies = {
            t[:4]: t[4]
            for t in Tally.objects.values_list(
                "business_id", "month", "market", "category", "positions"
            )
        }
        usage = list(
            Usage.objects.values_list(
                "business_id", "month", "market", "category", "messages", "amount_micros"
            )
        )
    assert len({c[6] for c in charges}) == len(charges)
    positions: dict[tuple[int, date, str, str], list[int]] = {}
    amounts: Counter[tuple[int, date, str, str]] = Counter()
    for business, day, market, category, position, price, _ in charges:
        key = (business, day, market, category)
        positions.setdefault(key, []).append(position)
        amounts[key] += price
    assert {key: (len(p), amounts[key]) for key, p in positions.items()} == expected
    assert all(sorted(found) == list(range(1, len(found) + 1)) for found in positions.values())
    assert tallies == {key: n for key, (n, _) in expected.items()}
    rolled: dict[tuple[int, date, str, str], tuple[int, int]] = {}
    for business, day, market, category, messages, amount in usage:
        key = (business, day, market, category)
        n, total = rolled.get(key, (0, 0))
        rolled[key] = (n + messages, total + amount)
    assert rolled == expected
    return sum(amount for _, amount in expected.values())
