"""Analytics of an account, as fields of its node and as edges."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import (
    Case,
    Count,
    DateTimeField,
    DecimalField,
    F,
    Func,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import TruncDay, TruncMonth, Upper
from django.http import HttpRequest, HttpResponse

from accounts.models import KeyScope
from hosting import extensions
from hosting.api.keys import authenticated, cloud_api
from hosting.api.nodes import own_account
from hosting.api.responses import answer
from hosting.cloudapi.fieldlists import as_list
from hosting.cloudapi.spans import Parameters, time_span
from hosting.contacts.identity import country_of
from hosting.errors import CloudApiError
from hosting.extensions import AccountAnswer
from hosting.models import Account, Message

HALF_HOUR = timedelta(minutes=30)


def _half_hour(column: str, **_: Any) -> Any:
    """Return an expression for the half hour that a time falls in."""
    start = Value(datetime(1970, 1, 1, tzinfo=UTC), output_field=DateTimeField())
    return Func(
        Value(HALF_HOUR), F(column), start, function="date_bin", output_field=DateTimeField()
    )


BUCKETS: dict[str, Any] = {
    "HALF_HOUR": _half_hour,
    "DAY": TruncDay,
    "DAILY": TruncDay,
    "MONTH": TruncMonth,
    "MONTHLY": TruncMonth,
}
# Member of a data point -> its expression; the requested `dimensions` (all by default) group the
# points.
DIMENSIONS: dict[str, Any] = {
    "conversation_category": Upper("category"),
    "conversation_direction": Case(
        When(category="service", then=Value("USER_INITIATED")), default=Value("BUSINESS_INITIATED")
    ),
    "conversation_type": Case(
        When(free_entry_at__isnull=False, then=Value("FREE_ENTRY_POINT")), default=Value("REGULAR")
    ),
    "phone_number": F("number__digits"),
}
COUNTRY = "country"  # of the customer's number; only when requested
DIMENSION_NAMES = {"PHONE": "phone_number", "COUNTRY": COUNTRY} | {
    name.upper(): name for name in DIMENSIONS
}
METRICS = {"CONVERSATION": "conversation", "COST": "cost"}
FILTERS = {
    "conversation_categories": "conversation_category",
    "conversation_types": "conversation_type",
    "conversation_directions": "conversation_direction",
}


def edge(name: str) -> AccountAnswer | None:
    """Return the edge of that name, ours or another app's; None if there is none."""
    ours: dict[str, AccountAnswer] = {
        "analytics": _messages,
        "conversation_analytics": _conversations,
    }
    added = extensions.account_edges.get(name)
    return added.answer if added else ours.get(name)


@cloud_api("GET")
def account_edge(request: HttpRequest, waba_id: str, name: str) -> HttpResponse:
    """`GET /{waba_id}/<name>?start&end&granularity…`."""
    with authenticated(request) as caller:
        caller.require(KeyScope.MESSAGES)
        account = own_account(caller, waba_id)
        caller.require_whole(account)
        found = edge(name)
        if found is None:
            raise CloudApiError(100, f"There is no edge '{name}' here.")
        return answer(
            found(account, {key: as_list(str(value)) for key, value in request.GET.items()})
        )


def _outbound_messages(account: Account, parameters: Parameters) -> tuple[QuerySet[Message], str]:
    start, end, granularity = time_span(parameters)
    rows = Message.objects.filter(
        business_id=account.business_id,
        number__account=account,
        direction="out",
        created_at__gte=start,
        created_at__lt=end,
    )
    if wanted := parameters.get("phone_numbers"):
        rows = rows.filter(Q(number__digits__in=wanted) | Q(number__phone_number_id__in=wanted))
    return rows, granularity


def _bounds(at: datetime, granularity: str) -> dict[str, int]:
    length = HALF_HOUR if granularity == "HALF_HOUR" else timedelta(days=1)
    end = (
        (at + timedelta(days=31)).replace(day=1) if granularity.startswith("MONTH") else at + length
    )
    return {"start": int(at.timestamp()), "end": int(end.timestamp())}


def _messages(account: Account, parameters: Parameters) -> dict[str, Any]:
    rows, granularity = _outbound_messages(account, parameters)
    counted = (
        rows.annotate(at=BUCKETS[granularity]("created_at", tzinfo=UTC))
        .values("at")
        .annotate(
            sent=Count("id", filter=Q(status_rank__gte=1)),
            delivered=Count("id", filter=Q(status_rank__gte=3)),
        )
        .order_by("at")
    )
    points = [
        _bounds(row["at"], granularity) | {"sent": row["sent"], "delivered": row["delivered"]}
        for row in counted
    ]
    numbers = sorted(account.numbers.values_list("digits", flat=True))
    return {"phone_numbers": numbers, "granularity": granularity, "data_points": points}


def _conversations(account: Account, parameters: Parameters) -> dict[str, Any]:
    rows, granularity = _outbound_messages(account, parameters)
    asked = _known(parameters, "dimensions", DIMENSION_NAMES) or list(DIMENSIONS)
    metrics = _known(parameters, "metric_types", METRICS) or list(METRICS.values())
    rows = rows.filter(status_rank__gte=3).annotate(
        at=BUCKETS[granularity]("created_at", tzinfo=UTC), **DIMENSIONS
    )
    for name, member in FILTERS.items():
        if wanted := parameters.get(name):
            rows = rows.filter(**{f"{member}__in": [one.upper() for one in wanted]})
    countries = {one.upper() for one in parameters.get("country_codes", ())}
    points = []
    sums = _sums(rows, asked, countries)
    for (at, *members), (count, micros) in sorted(sums.items(), key=lambda item: _texts(item[0])):
        measured = {"conversation": count, "cost": float(micros / 1_000_000)}
        named = dict(zip(asked, members, strict=True))
        points.append(_bounds(at, granularity) | {name: measured[name] for name in metrics} | named)
    return {"data": [{"data_points": points}]}


def _known(parameters: Parameters, name: str, names: Mapping[str, str]) -> list[str]:
    """Our names of those that a parameter asks for, without unknown ones."""
    return [names[one] for one in parameters.get(name, ()) if one in names]


def _texts(values: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(map(str, values))


def _sums(
    rows: QuerySet[Message], asked: list[str], countries: set[str]
) -> dict[tuple[Any, ...], tuple[int, Decimal]]:
    """Count and cost (millionths) of conversations by time and the dimensions asked for.

    Only of these countries, where there are any.
    """
    sums: dict[tuple[Any, ...], tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal()))
    for row in _counted(rows, asked, by_customer=COUNTRY in asked or bool(countries)):
        if not countries or row[COUNTRY] in countries:
            key = (row["at"], *(row[name] for name in asked))
            count, micros = sums[key]
            sums[key] = (count + row["conversation"], micros + (row["micros"] or 0))
    return sums


def _counted(
    rows: QuerySet[Message], asked: list[str], *, by_customer: bool
) -> Iterator[dict[str, Any]]:
    """Yield counts of conversations and cost in millionths.

    A country is known only from a customer's number, so those counts are per customer.
    """
    names = [name for name in asked if name != COUNTRY] + (
        ["contact__wa_id"] if by_customer else []
    )
    costs = [cost() for cost in extensions.message_costs] or [Value(0)]
    counted = (
        rows.annotate(micro=costs[0])
        .values("at", *names)
        .annotate(
            conversation=Count("conversation_id", distinct=True),
            micros=Sum("micro", output_field=DecimalField()),
        )
    )
    for row in counted.order_by().iterator(chunk_size=2000):
        yield row | ({COUNTRY: country_of(row["contact__wa_id"])} if by_customer else {})
