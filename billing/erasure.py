"""Erasure of a person's data in billing. The ledger names nobody; quarantined deliveries hold
numbers.
"""

from django.db.models import F, Value
from django.db.models.functions import Concat, Left

from billing.models import Quarantine
from hosting.extensions import Person

# Length of the longest calling code that decides a market.
MARKET_DIGITS = 7


def erase_person(person: Person) -> None:
    """Shorten the recipient of the person's quarantined deliveries to the digits that decide the
    market.

    Call across businesses.
    """
    held = Quarantine.objects.filter(business_id=person.business_id, recipient__in=person.numbers)
    held.update(recipient=Concat(Left(F("recipient"), MARKET_DIGITS), Value("0000")))
