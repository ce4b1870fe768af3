"""Erasure of a customer from stored bodies: raw events, webhook calls, repeated replies.

Bodies of the customer's business only, and of those the ones that name the customer in a member
that names people. A substring finds which to parse, and decides nothing.
"""

from collections.abc import Iterator, Sequence

from django.db import connection

from hosting.extensions import Person
from hosting.models import Account, Event, IdempotentReply, NetworkNotice, Number, WebhookCall
from hosting.privacy.identity import body_names, without

CHUNK = 200


def erase_bodies(person: Person) -> None:
    """Remove the customer from all stored bodies. Call across businesses."""
    ids = frozenset(person.numbers + person.user_ids)
    _erase_events(person, ids)
    calls = [
        row[0]
        for row in _candidates("hosting_webhookcall", person, ids)
        if body_names(bytes(row[1]), ids)
    ]
    WebhookCall.objects.filter(
        business_id=person.business_id, pk__in=calls, conversation_id=None
    ).delete()
    notices = [
        row[0]
        for row in _candidates("hosting_networknotice", person, ids)
        if body_names(bytes(row[1]), ids)
    ]
    NetworkNotice.objects.filter(business_id=person.business_id, pk__in=notices).delete()
    replies = [
        row[0]
        for row in _candidates("hosting_idempotentreply", person, ids)
        if body_names(bytes(row[1]), ids)
    ]
    IdempotentReply.objects.filter(business_id=person.business_id, pk__in=replies).delete()


def _candidates(
    table: str, person: Person, ids: Sequence[str] | frozenset[str]
) -> Iterator[tuple[int, bytes]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT t.id, t.body FROM {table} t
                 WHERE t.business_id = %s
                   AND EXISTS (SELECT FROM unnest(%s::text[]) n
                                WHERE position(convert_to(n, 'UTF8') IN t.body) > 0)""",
            [person.business_id, list(ids)],
        )
        while rows := cursor.fetchmany(CHUNK):
            yield from rows


def _erase_events(person: Person, ids: frozenset[str]) -> None:
    """Take the customer out of raw events: of the business's accounts, and of what the platform's
    own address took in for its numbers. Digests stay, so that a repetition is still known.
    """
    accounts = list(
        Account.objects.filter(business=person.business_id).values_list("pk", flat=True)
    )
    own = frozenset(
        name
        for row in Number.objects.filter(business=person.business_id).values_list(
            "phone_number_id", "upstream_id"
        )
        for name in row
        if name
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT e.id, e.account_id, e.body FROM hosting_event e
                WHERE (e.account_id = ANY (%s) OR e.account_id IS NULL)
                  AND (e.applied_at IS NOT NULL OR e.dead_at IS NOT NULL)
                  AND EXISTS (SELECT FROM unnest(%s::text[]) n
                               WHERE position(convert_to(n, 'UTF8') IN e.body) > 0)""",
            [accounts, list(ids)],
        )
        found = cursor.fetchall()
    for pk, account_id, body in found:
        left = without(bytes(body), ids, None if account_id else own)
        if left is not None:
            Event.objects.filter(pk=pk).update(body=left, last_error="")
