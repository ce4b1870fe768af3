"""Reading a big ledger: queries of the usage page, a page of charges, re-rating a month.

`BENCH_CHARGES` sets how many charges the ledger has (2,000,000), a tenth of them of one business
in one month.
"""

import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import psycopg

from benchmarks.report import Figure, show
from benchmarks.servers import benchmark_servers

CHARGES = int(os.environ.get("BENCH_CHARGES", "2000000"))
BUSINESSES = 1_000
MONTH = date(2026, 5, 1)
ROUNDS = 30

PEOPLE = """
INSERT INTO accounts_business (id, name, plan_id, country, timezone, currency, created_at,
    suspended_reason)
SELECT n, 'b' || n, 'business', 'US', 'UTC', 'USD', now(), '' FROM generate_series(1, %s) n
"""
# A tenth belongs to business 1; positions are dense, prices those of the tiers in force.
LEDGER = """
INSERT INTO billing_charge (message_id, business_id, month, billed_month, market, category, rule,
    position, tier_id,
                            version_id, price_micros, delivered_at, charged_at)
SELECT c.n, c.business_id, '2026-05-01', '2026-05-01', c.market, 'utility', 'tier', c.position,
    t.id, v.id, t.price_micros,
       timestamptz '2026-05-01' + c.n %% 44000 * interval '1 minute', now()
  FROM (SELECT n, business_id, market, row_number() OVER (PARTITION BY business_id, market
      ORDER BY n) AS position
          FROM (SELECT n, CASE WHEN n %% 10 = 0 THEN 1 ELSE 1 + n %% %(businesses)s
              END AS business_id,
                       (ARRAY['India', 'Germany', 'North America', 'Brazil',
                           'Other'])[1 + (n / 10) %% 5] AS market
                  FROM generate_series(1, %(charges)s) n) x) c
  JOIN billing_cardversion v ON v.id = (SELECT min(id) FROM billing_cardversion)
  JOIN billing_rate r ON r.version_id = v.id AND r.market_id = c.market AND r.category = 'utility'
  JOIN billing_tier t ON t.rate_id = r.id AND c.position >= t.first AND (t.last IS NULL
      OR c.position <= t.last)
 ORDER BY c.n
"""
ROLLUP = [
    """INSERT INTO billing_tally (business_id, month, market, category, rule, positions)
       SELECT business_id, month, market, category, rule, count(*) FROM billing_charge
           GROUP BY 1, 2, 3, 4, 5""",
    """INSERT INTO billing_usage (business_id, billed_month, month, market, category, rule,
        version_id, tier_id,
                                  price_micros, messages, amount_micros)
       SELECT business_id, billed_month, month, market, category, rule, version_id, tier_id,
           price_micros, count(*),
              sum(price_micros)
         FROM billing_charge GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9""",
    """INSERT INTO billing_period (business_id, month, starts_at, ends_at, state, currency)
       SELECT id, '2026-05-01', '2026-05-01+00', '2026-06-01+00', 'open', 'USD'
         FROM accounts_business
           WHERE id <= 1000""",
    "VACUUM ANALYZE billing_charge",
    "VACUUM ANALYZE billing_tally",
    "VACUUM ANALYZE billing_usage",
]


def main() -> None:
    """Fill, measure and print."""
    with benchmark_servers() as servers:
        with psycopg.connect(
            servers.environment["DATABASE_SUPERUSER_URL"], autocommit=True
        ) as database:
            began = time.perf_counter()
            database.execute(PEOPLE, [BUSINESSES])
            database.execute(LEDGER, {"businesses": BUSINESSES, "charges": CHARGES})
            for statement in ROLLUP:
                database.execute(statement)
            print(
                f"  {CHARGES:,} charges written in {time.perf_counter() - began:.0f} s", flush=True
            )
        figures = [*_usage(), _page(), *_rerating()]
    show(f"A ledger of {CHARGES:,} charges, {BUSINESSES:,} businesses", figures)


def _per_second(work: Callable[[], Any]) -> float:
    """Runs per second, by the median of `ROUNDS`."""
    work()
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1 / statistics.median(times)


def _query(sql: str, parameters: list[Any]) -> Callable[[], Any]:
    from django.db import connection

    def run() -> Any:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

    return run


def _usage() -> list[Figure]:
    """Usage of a month, beside one sum over the same rows of ledger or rollup."""
    from accounts.models import Business
    from billing.metering.usage import usage_of
    from core.tenancy import scope

    figures = []
    for business_id, words in (
        (2, f"an ordinary business, {CHARGES // BUSINESSES:,} charges"),
        (1, f"the largest, {CHARGES // 10:,} charges"),
    ):
        with scope(business_id):
            business = Business.objects.select_related("plan").get(pk=business_id)
            ours = _per_second(lambda business=business: usage_of(business, MONTH))  # type: ignore[misc]
            scan = _query(
                "SELECT count(*), sum(price_micros) FROM billing_charge"
                " WHERE business_id = %s AND billed_month = %s",
                [business_id, MONTH],
            )
            figures.append(
                Figure(
                    "ledger",
                    f"usage of {words}; limit: one sum of them",
                    ours,
                    _per_second(scan),
                    "months/s",
                )
            )
    return figures


def _page() -> Figure:
    """A page of charges of the largest business, beside as many rows by primary key."""
    from billing.models import Charge
    from core.tenancy import scope

    with scope(1):
        middle = CHARGES // 2
        found = Charge.objects.filter(business_id=1, id__lt=middle).order_by("-id")
        ours = _per_second(lambda: list(found.values_list()[:100]))
        ids = list(found.values_list("id", flat=True)[:100])
        limit = _per_second(lambda: list(Charge.objects.filter(id__in=ids).values_list()))
    return Figure(
        "ledger", "100 charges from the middle; limit: the same rows by key", ours, limit, "pages/s"
    )


def _rerating() -> list[Figure]:
    """Re-rating a month of all businesses, beside one pass over the ledger, and metering."""
    from billing.models import RateCard
    from billing.rate_cards import versions
    from core.tenancy import system

    with system("benchmark"):
        card = RateCard.objects.get(name="Parley standard")
        sheet = versions.sheet_of(versions.version_on(card, MONTH))  # type: ignore[arg-type]
    draft = versions.make_draft(card=card, sheet=sheet, valid_from=date(2030, 1, 1))
    found = versions.rerate(draft, MONTH)
    assert sum(row.messages for row in found) == CHARGES
    assert all(row.charged_micros == row.would_be_micros for row in found), (
        "the same card, another sum"
    )
    ours = CHARGES * _per_second(lambda: versions.rerate(draft, MONTH))
    with system("benchmark"):
        scan = _query(
            "SELECT business_id, sum(price_micros) FROM billing_charge WHERE month = %s GROUP BY 1",
            [MONTH],
        )
        began = time.perf_counter()
        scan()
        limit = CHARGES / (time.perf_counter() - began)
    return [
        Figure(
            "ledger",
            "re-rating the month; limit: one pass over the ledger",
            ours,
            limit,
            "charges/s",
        ),
        Figure("ledger", "re-rating the month; limit: metering it", ours, _metering(), "charges/s"),
    ]


def _metering(rows: int = 50_000) -> float:
    from billing.metering import meter
    from core.tenancy import system
    from hosting.models import Delivery

    at = datetime(2026, 5, 3, tzinfo=UTC)
    with system("benchmark"):
        Delivery.objects.bulk_create(
            Delivery(
                message_id=CHARGES + n,
                business_id=1 + n % BUSINESSES,
                number_id=1,
                recipient="919820012345",
                category="utility",
                kind="text",
                delivered_at=at,
            )
            for n in range(1, rows + 1)
        )
    began = time.perf_counter()
    while meter.meter_due():
        pass
    return rows / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
