"""Analytics of an account, as fields of its node and as edges: messages, conversations, and what other apps add."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDay, TruncHour, TruncMonth
from django.http import HttpRequest, HttpResponse

from accounts.models import KeyScope
from hosting import extensions
from hosting.api.answers import answer
from hosting.api.keys import cloud_api, opened
from hosting.api.nodes import own_account
from hosting.cloudapi.fieldlists import as_list
from hosting.cloudapi.spans import Parameters, span
from hosting.errors import CloudApiError
from hosting.extensions import AccountEdge
from hosting.models import Account, Message

BUCKETS: dict[str, Any] = {
    "HALF_HOUR": TruncHour, "DAY": TruncDay, "DAILY": TruncDay, "MONTH": TruncMonth, "MONTHLY": TruncMonth,
}  # fmt: skip


def edge(name: str) -> AccountEdge | None:
    """The edge of that name: ours, or another app's."""
    return {"analytics": _messages, "conversation_analytics": _conversations}.get(name) or extensions.account_edges.get(
        name
    )


@cloud_api("GET")
def account_edge(request: HttpRequest, waba_id: str, name: str) -> HttpResponse:
    """`GET /{waba_id}/<name>?start&end&granularity…`."""
    with opened(request) as caller:
        caller.require(KeyScope.MESSAGES)
        account = own_account(caller.business.pk, waba_id)
        found = edge(name)
        if found is None:
            raise CloudApiError(100, f"There is no edge '{name}' here.")
        return answer(found(account, {key: as_list(str(value)) for key, value in request.GET.items()}))


def _of(account: Account, parameters: Parameters) -> tuple[QuerySet[Message], str]:
    start, end, granularity = span(parameters)
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
    length = timedelta(hours=1) if granularity == "HALF_HOUR" else timedelta(days=1)
    end = (at + timedelta(days=31)).replace(day=1) if granularity.startswith("MONTH") else at + length
    return {"start": int(at.timestamp()), "end": int(end.timestamp())}


def _messages(account: Account, parameters: Parameters) -> dict[str, Any]:
    rows, granularity = _of(account, parameters)
    counted = (
        rows.annotate(at=BUCKETS[granularity]("created_at", tzinfo=UTC))
        .values("at")
        .annotate(sent=Count("id", filter=Q(status_rank__gte=1)), delivered=Count("id", filter=Q(status_rank__gte=3)))
        .order_by("at")
    )
    points = [_bounds(row["at"], granularity) | {"sent": row["sent"], "delivered": row["delivered"]} for row in counted]
    numbers = sorted(account.numbers.values_list("digits", flat=True))
    return {"phone_numbers": numbers, "granularity": granularity, "data_points": points}


def _conversations(account: Account, parameters: Parameters) -> dict[str, Any]:
    rows, granularity = _of(account, parameters)
    counted = (
        rows.filter(status_rank__gte=3)
        .annotate(at=BUCKETS[granularity]("created_at", tzinfo=UTC))
        .values("at", "category", "number__digits")
        .annotate(found=Count("conversation", distinct=True))
        .order_by("at", "category", "number__digits")
    )
    points = [
        _bounds(row["at"], granularity)
        | {
            "conversation": row["found"],
            "conversation_category": row["category"].upper(),
            "conversation_direction": "BUSINESS_INITIATED" if row["category"] != "service" else "USER_INITIATED",
            "conversation_type": "REGULAR",
            "phone_number": row["number__digits"],
        }
        for row in counted
    ]
    return {"data": [{"data_points": points}]}
