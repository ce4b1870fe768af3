"""Reversals of charges by ledger rows with the negative amount."""

from typing import Any

import structlog
from django.db import IntegrityError, connection

from core.errors import NotYours, ParleyError
from core.sql import statement
from core.tenancy import system

log = structlog.get_logger(__name__)
MAX_REASON_LENGTH = 200


class ReversalError(ParleyError):
    """A charge cannot be reversed; the message says why."""

    code = "reversal"


def reverse_charge(*, business_id: int, charge_id: int, reason: str) -> int:
    """Reverse a charge in its own month while that is open, else in the earliest open month.

    Returns the id of the new ledger row. Raises ReversalError without a reason, for a reversal, and
    for a charge reversed before; NotYours where the business has no such charge. The position stays
    taken: tiers of other messages do not change.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= MAX_REASON_LENGTH:
        raise ReversalError(f"Say why, in 1 to {MAX_REASON_LENGTH} characters.")
    try:
        with system("operators reverse for any business"), connection.cursor() as cursor:
            parameters: dict[str, Any] = {
                "business_id": business_id,
                "charge_id": charge_id,
                "reason": reason,
            }
            cursor.execute(
                "SELECT reverses_id FROM billing_charge WHERE business_id = %(business_id)s AND "
                "id = %(charge_id)s",
                parameters,
            )
            found = cursor.fetchone()
            if found is None:
                raise NotYours("There is no such charge.")
            (reverses_id,) = found
            if reverses_id is not None:
                raise ReversalError("A reversal cannot be reversed.")
            # Locked first, in its own statement, because the month may be closing concurrently.
            cursor.execute(
                """SELECT FROM billing_period WHERE business_id = %(business_id)s AND state = 'open'
                    ORDER BY month FOR SHARE""",
                parameters,
            )
            cursor.execute(statement("billing", "reverse_charge"), parameters)
            row = cursor.fetchone()
            if row is None:
                raise ReversalError("The business has no open month to bill the reversal in.")
    except IntegrityError as error:
        raise ReversalError("This charge was reversed before.") from error
    (reversal_id,) = row
    log.info(
        "charge_reversed", business_id=business_id, charge_id=charge_id, reversal_id=reversal_id
    )
    return int(reversal_id)
