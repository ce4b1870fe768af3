"""The Cloud API's `pricing_analytics` of an account, from the ledger."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Subquery, Sum

from billing.models import Charge
from core.sql import statement
from hosting.cloudapi.spans import Parameters, time_span
from hosting.errors import CloudApiError
from hosting.models import Account

# Values of `dimensions` -> the members of a point they add; without any, a point is a time bucket.
DIMENSIONS = {
    "COUNTRY": ("country",),
    "PHONE": ("phone_number",),
    "PRICING_CATEGORY": ("pricing_category",),
    "PRICING_TYPE": ("pricing_type",),
    "TIER": ("tier",),
}
METRICS = {"COST": "cost", "VOLUME": "volume"}
FILTERS = {
    "country_codes": ("country",),
    "phone_numbers": ("phone_number", "phone_number_id"),
    "pricing_categories": ("pricing_category",),
    "pricing_types": ("pricing_type",),
}
COLUMNS = (
    "start",
    "end",
    "phone_number",
    "phone_number_id",
    "country",
    "pricing_category",
    "pricing_type",
    "tier",
)
SHORT = {"DAILY": "DAY", "MONTHLY": "MONTH"}


def pricing_analytics(account: Account, parameters: Parameters) -> dict[str, Any]:
    """Volume and cost (in the business's currency) of delivered messages, by the dimensions asked
    for.

    Call inside the business's scope. Raises 100 for a span, dimension or metric that there is not.
    Free messages have no tier. Source: the protocol's account node, field and edge
    `pricing_analytics`.
    """
    dimensions = [
        name for one in _requested(parameters, "dimensions", DIMENSIONS) for name in DIMENSIONS[one]
    ]
    metrics = [METRICS[one] for one in _requested(parameters, "metric_types", METRICS) or METRICS]
    sums: dict[tuple[Any, ...], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row, volume, micros in _rows(account, parameters):
        key = (
            row["start"],
            row["end"],
            *((name, row[name]) for name in dimensions if row[name] is not None),
        )
        sums[key] = (sums[key][0] + volume, sums[key][1] + micros)
    points = [
        {"start": start, "end": end, **dict(members)} | _metrics(metrics, volume, micros)
        for (start, end, *members), (volume, micros) in sums.items()
    ]
    return {"data": [{"data_points": points}]}


def cost_of_message() -> Subquery:
    """Expression over `hosting.Message`: its cost in the ledger in micro-units, less reversals."""
    charged = Charge.objects.filter(
        message_id=OuterRef("pk"), business_id=OuterRef("business_id")
    ).order_by()
    return Subquery(
        charged.values("message_id").annotate(micros=Sum("price_micros")).values("micros")
    )


def _requested(parameters: Parameters, name: str, known: dict[str, Any]) -> list[str]:
    asked = [one.upper() for one in parameters.get(name, ())]
    if unknown := [one for one in asked if one not in known]:
        raise CloudApiError(
            100, f"{name} may be {', '.join(known)}; not {unknown[0][:40]}.", field=name
        )
    return list(dict.fromkeys(asked))


def _metrics(wanted: list[str], volume: int, micros: int) -> dict[str, float]:
    cost = float(Decimal(micros) / 1_000_000)
    return {
        name: value for name, value in {"volume": volume, "cost": cost}.items() if name in wanted
    }


def _rows(account: Account, parameters: Parameters) -> list[tuple[dict[str, Any], int, int]]:
    start, end, granularity = time_span(parameters)
    with connection.cursor() as cursor:
        cursor.execute(
            statement("billing", "pricing_points"),
            {
                "business_id": account.business_id,
                "account_id": account.pk,
                "start": start,
                "end": end,
                "granularity": SHORT.get(granularity, granularity),
            },
        )
        found = [
            (dict(zip(COLUMNS, row, strict=False)), row[-2], int(row[-1]))
            for row in cursor.fetchall()
        ]
    return [one for one in found if _matches(one[0], parameters)]


def _matches(row: dict[str, Any], parameters: Parameters) -> bool:
    return all(
        not (wanted := parameters.get(name))
        or any(row[member] in {one.upper() for one in wanted} for member in members)
        for name, members in FILTERS.items()
    )
