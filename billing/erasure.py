"""Forgetting: what billing does when a customer is forgotten. Money names nobody; what waits to be
mended does.
"""

from django.db.models import F, Value
from django.db.models.functions import Concat, Left

from billing.models import Quarantine
from hosting.extensions import Person

# No calling code that decides a market is longer.
MARKET_DIGITS = 7


def forget(person: Person) -> None:
    """Leave of a quarantined delivery's recipient the digits that decide its market; call across
    businesses.
    """
    held = Quarantine.objects.filter(business_id=person.business_id, recipient__in=person.numbers)
    held.update(recipient=Concat(Left(F("recipient"), MARKET_DIGITS), Value("0000")))
