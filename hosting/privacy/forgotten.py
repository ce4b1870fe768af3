"""Messages of erased customers, known by keyed hashes alone, so that nothing brings them back.

A network repeats what it sent for days, and not always in the same body.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from django.db import connection
from django.utils.crypto import salted_hmac

from hosting.models import ForgottenMessage, Message, Number

BATCH = 5000


class Named(Protocol):
    """An update that names a message."""

    @property
    def wamid(self) -> str:
        """The message's id."""


Update = TypeVar("Update", bound=Named)
Origin = TypeVar("Origin")


def remember(*, business_id: int, conversation_ids: Sequence[int]) -> None:
    """Keep hashes of the messages of these conversations, before they are deleted."""
    found = Message.objects.filter(business_id=business_id, conversation__in=conversation_ids)
    ids = found.values_list("wamid", "upstream_wamid").iterator(chunk_size=BATCH)
    for some in _in_batches(_digests(business_id, ids)):
        ForgottenMessage.objects.bulk_create(
            [ForgottenMessage(business_id=business_id, digest=digest) for digest in some],
            ignore_conflicts=True,
        )


def _digests(business_id: int, ids: Iterable[tuple[str, str | None]]) -> Iterator[bytes]:
    for wamids in ids:
        yield from (digest_of(business_id, wamid) for wamid in wamids if wamid)


def _in_batches(digests: Iterator[bytes]) -> Iterator[list[bytes]]:
    some: list[bytes] = []
    for digest in digests:
        some.append(digest)
        if len(some) == BATCH:
            yield some
            some = []
    if some:
        yield some


def digest_of(business_id: int, wamid: str) -> bytes:
    """Return the keyed hash of a message's id within its business: 16 bytes."""
    value = f"{business_id}:{wamid}"
    return salted_hmac("hosting.forgotten", value, algorithm="sha256").digest()[:16]


def without_forgotten(
    rows: "list[tuple[Number, Update, Origin]]",
) -> "list[tuple[Number, Update, Origin]]":
    """Return the updates whose messages were not erased; one query where nobody was."""
    concerned = _with_erasures({number.business_id for number, _, _ in rows})
    digests = {
        (number.business_id, update.wamid): digest_of(number.business_id, update.wamid)
        for number, update, _ in rows
        if number.business_id in concerned
    }
    if not digests:
        return rows
    found = ForgottenMessage.objects.filter(
        business__in=concerned, digest__in=set(digests.values())
    )
    gone = {(row[0], bytes(row[1])) for row in found.values_list("business_id", "digest")}
    return [
        row
        for row in rows
        if (row[0].business_id, digests.get((row[0].business_id, row[1].wamid), b"")) not in gone
    ]


def _with_erasures(business_ids: set[int]) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT b.id FROM unnest(%s::bigint[]) AS b (id)
                WHERE EXISTS (SELECT FROM hosting_forgottenmessage f WHERE f.business_id = b.id)""",
            [sorted(business_ids)],
        )
        return {row[0] for row in cursor.fetchall()}
