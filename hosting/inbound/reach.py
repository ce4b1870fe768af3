"""Reach: for which numbers an event counts, and what it may decide there.

Both follow from the credential that verified it, never from what its body names (`docs/trust.md`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q

from hosting.cloudapi.updates import StatusUpdate, Updates
from hosting.models import EventSource, Number, Transport, Upstream

NUMBERS = Number.objects.only(
    "id", "business_id", "account_id", "phone_number_id", "upstream_id", "transport"
)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A stored webhook body; it counts for `account_id` only, for all where that is None.

    `source` is whose credential verified it (`EventSource`).
    """

    id: int
    account_id: int | None
    source: str
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Reach:
    """The numbers that a set of events can reach.

    `named` has numbers by account id (0: events that may name any) and the name in the body.
    `self_connected` are accounts whose business could sign what their upstream signs.
    """

    named: dict[tuple[int, str], Number]
    self_connected: frozenset[int]

    def number(self, event: StoredEvent, name: str) -> Number | None:
        """Return the number that a body means by `name`; None where it is not the event's own."""
        return self.named.get((event.account_id or 0, name))

    def number_for_message(self, event: StoredEvent, name: str) -> Number | None:
        """Return the number for which the event brings messages; None where it brings none.

        Behind an upstream only the upstream speaks for the network; the upstream of an account
        says nothing about its numbers in the sandbox.
        """
        number = self.number(event, name)
        if number is None:
            return None
        foreign = {
            EventSource.UPSTREAM: Transport.SANDBOX,
            EventSource.BUSINESS: Transport.CLOUDAPI,
        }
        return None if foreign.get(EventSource(event.source)) == number.transport else number

    def number_for_status(self, event: StoredEvent, name: str) -> Number | None:
        """Return the number for which the event reports statuses; None where it reports none.

        A status decides whether a message is billed, so none counts that the business signed.
        """
        if event.source == EventSource.BUSINESS:
            return None
        return self.number_for_message(event, name)

    def proven_status(self, event: StoredEvent, status: StatusUpdate) -> StatusUpdate:
        """Return the status, without a price that the business could have signed itself."""
        return status if self.is_proven(event) else replace(status, price=None)

    def opens_window(self, event: StoredEvent) -> bool:
        """Whether messages of the event open the 24-hour window for free-form messages."""
        return event.source != EventSource.BUSINESS

    def is_proven(self, event: StoredEvent) -> bool:
        """Whether the event is from a source that the business cannot sign: prices go by it."""
        if event.source == EventSource.UPSTREAM:
            return event.account_id not in self.self_connected
        return event.source != EventSource.BUSINESS


def reach_of(parsed: Sequence[tuple[StoredEvent, Updates]]) -> Reach:
    """Look up the numbers that these events name and may name: a query for each kind of address."""
    wanted: dict[int, set[str]] = {}
    for event, updates in parsed:
        names = {one.phone_number_id for one in updates.updates_of_numbers()}
        wanted.setdefault(event.account_id or 0, set()).update(names)
    named: dict[tuple[int, str], Number] = {}
    if anywhere := wanted.pop(0, set()):
        for number in NUMBERS.filter(phone_number_id__in=anywhere):
            named[0, number.phone_number_id] = number
    if wanted:
        names = set().union(*wanted.values())
        own = Q(phone_number_id__in=names) | Q(upstream_id__in=names - {""})
        for number in NUMBERS.filter(own, account__in=wanted):
            # An upstream has names of its own; where one is the same as ours, ours counts.
            if number.upstream_id:
                named.setdefault((number.account_id, number.upstream_id), number)
            named[number.account_id, number.phone_number_id] = number
    by_upstream = {event.account_id for event, _ in parsed if event.source == EventSource.UPSTREAM}
    return Reach(named, _self_connected(by_upstream) if by_upstream else frozenset())


def _self_connected(account_ids: "set[int | None]") -> frozenset[int]:
    found = Upstream.objects.filter(account__in=account_ids, is_self_connected=True)
    return frozenset(found.values_list("account_id", flat=True))
