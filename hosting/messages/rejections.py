"""Rejected sends: requests that the API refused, kept for 30 days and shown beside the log."""

from datetime import timedelta

import orjson
from django.db import connection
from django.utils import timezone

from accounts.models import Business
from core import widths
from core.sql import statement
from core.tenancy import scope
from hosting.cloudapi.json import dumped
from hosting.cloudapi.number_forms import one_form
from hosting.cloudapi.sends import SendRequest
from hosting.errors import CloudApiError
from hosting.models import Number, RejectedSend

KEPT_FOR = timedelta(days=30)
# Limits how much a client that repeats its mistake can write.
MAX_PER_HOUR = 1000
MAX_BYTES = 16 * 1024
# Rate limits are not faults of a message, and would fill the table.
NOT_RECORDED = frozenset((130429, 131056, 4))


def record_rejection(
    *, business: Business, number: Number, wanted: SendRequest, error: CloudApiError
) -> None:
    """Store a rejected send in its own transaction, since the request's is rolled back.

    Rate-limit errors are not stored.
    """
    if error.number in NOT_RECORDED:
        return
    content = dumped(wanted.content) or "{}"
    with scope(business.pk), connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "record_rejection"),
            {
                "business_id": business.pk,
                "number_id": number.pk,
                "wa_id": (one_form(wanted.to) or wanted.user_id)[: widths.PERSON_ID],
                "kind": wanted.kind,
                "content": _text(content),
                "code": error.number,
                "reason": error.details[:1000],
                "at": business.now(),
                "most": MAX_PER_HOUR,
            },
        )


def _text(text: str) -> str:
    return text if len(text) <= MAX_BYTES else orjson.dumps({"_left_out": len(text)}).decode()


def delete_expired() -> int:
    """Delete rejections older than `KEPT_FOR`; return how many. Call inside `tenancy.system`."""
    return RejectedSend.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()[0]
