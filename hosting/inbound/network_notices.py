"""Notices of networks: changes of fields beside `messages`, kept to look at and passed on."""

from datetime import timedelta
from typing import Any

import orjson
from django.utils import timezone

from core import widths
from hosting.cloudapi.json import as_dict, storable
from hosting.models import Account, NetworkNotice, Number
from hosting.webhooks import outbox

NEWEST = 200
KEPT_FOR = timedelta(days=30)
MAX_BYTES = 64 * 1024


def record(
    account: Account, number: Number | None, *, field: str, value: dict[str, Any], is_known: bool
) -> None:
    """Keep a change among the newest of its account, and write calls of the business's webhooks
    about it, under our own ids of account and number.
    """
    own = storable(value)
    if number is not None:
        own |= {
            "metadata": as_dict(own.get("metadata")) | {"phone_number_id": number.phone_number_id}
        }
    body = orjson.dumps(own)
    NetworkNotice.objects.create(
        business_id=account.business_id,
        account=account,
        number=number,
        field=field[: widths.WEBHOOK_FIELD],
        is_known=is_known,
        body=body if len(body) <= MAX_BYTES else orjson.dumps({"_left_out": len(body)}),
    )
    rows = NetworkNotice.objects.filter(account=account)
    newest = rows.order_by("-id").values_list("id", flat=True)[NEWEST : NEWEST + 1]
    if newest:
        rows.filter(id__lte=newest[0]).delete()
    rows.filter(received_at__lt=timezone.now() - KEPT_FOR).delete()
    outbox.write_field_calls(account=account, field=field, value=own, number=number)
