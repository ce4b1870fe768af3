"""Refusing: what the API would not send is kept for a month, beside the messages that were."""

from datetime import timedelta

import orjson
from django.db import connection
from django.utils import timezone

from accounts.models import Business
from core.sql import statement
from core.tenancy import scope
from hosting.cloudapi.json import dumped
from hosting.cloudapi.sends import SendRequest
from hosting.errors import CloudApiError
from hosting.models import Number, RefusedSend

KEPT_FOR = timedelta(days=30)
# A client that repeats its mistake without end is not written down without end.
MOST_AN_HOUR = 1000
MOST_BYTES = 16 * 1024
# Too fast is no mistake of the message: it comes again, and by the thousand.
UNNOTED = frozenset((130429, 131056, 4))


def note(*, business: Business, number: Number, wanted: SendRequest, error: CloudApiError) -> None:
    """Keep a refused send, in a transaction of its own: the one that refused it is rolled back."""
    if error.number in UNNOTED:
        return
    content = dumped(wanted.content) or "{}"
    with scope(business.pk), connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "note_refusal"),
            {
                "business_id": business.pk,
                "number_id": number.pk,
                "wa_id": (wanted.to or wanted.user_id)[:80],
                "kind": wanted.kind,
                "content": _text(content),
                "code": error.number,
                "reason": error.details[:1000],
                "at": business.now(),
                "most": MOST_AN_HOUR,
            },
        )


def _text(text: str) -> str:
    return text if len(text) <= MOST_BYTES else orjson.dumps({"_left_out": len(text)}).decode()


def forget() -> int:
    """Remove what is older than a month; call across businesses (`tenancy.system`)."""
    return RefusedSend.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()[0]
