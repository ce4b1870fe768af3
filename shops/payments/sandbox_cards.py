"""Test cards of the sandbox: numbers no bank has issued, each with its result. They are not
stored.
"""

import re
from datetime import date
from enum import StrEnum

from django.utils.translation import gettext as _

from core.errors import BadInput


class CardOutcome(StrEnum):
    """Result of a payment by a test card."""

    PAID = "pays"
    DECLINED = "declines"
    NEEDS_CONFIRMATION = "asks"  # the bank wants a confirmation first (3-D Secure)


CARDS = {
    "4242424242424242": CardOutcome.PAID,
    "4000000000000002": CardOutcome.DECLINED,
    "4000002760003184": CardOutcome.NEEDS_CONFIRMATION,
}
EXPIRY = re.compile(r"(0[1-9]|1[0-2])\s*/?\s*(?:20)?(\d\d)")


def card_outcome(*, number: str, expiry: str, code: str, today: date) -> CardOutcome:
    """Result of a test card; raises BadInput naming `number`, `expiry` or `code`."""
    result = CARDS.get(re.sub(r"[\s-]", "", number))
    if result is None:
        raise BadInput(_("Only test cards pay here: 4242 4242 4242 4242."), field="number")
    match = EXPIRY.fullmatch(expiry.strip())
    if match is None:
        raise BadInput(_("Write the expiry as MM/YY."), field="expiry")
    if (2000 + int(match[2]), int(match[1])) < (today.year, today.month):
        raise BadInput(_("This card has expired."), field="expiry")
    if not re.fullmatch(r"\d{3,4}", code.strip()):
        raise BadInput(_("The security code has three or four digits."), field="code")
    return result
