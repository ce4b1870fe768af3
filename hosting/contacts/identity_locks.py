"""Locks of who is who: nobody writes messages of customers while they are merged."""

from collections.abc import Collection

from django.db import connection

# In the order of businesses, so that two transactions of several cannot wait for each other.
_LOCK = """
    SELECT CASE WHEN u.is_changing THEN pg_advisory_xact_lock(u.key)
                ELSE pg_advisory_xact_lock_shared(u.key) END
      FROM (SELECT hashtextextended('identities of business ' || id, 0) AS key, is_changing
              FROM unnest(%s::bigint[], %s::boolean[]) AS b (id, is_changing) ORDER BY id) u"""


def lock_identities(*, changing: Collection[int], reading: Collection[int] = ()) -> None:
    """Lock who is who in businesses, until the transaction ends.

    `changing` are those whose contacts are merged or get another number: nobody else changes or
    reads them meanwhile. `reading` are those where messages are filed under the contacts there are.
    Taken before any row is locked.
    """
    wanted = dict.fromkeys(reading, False) | dict.fromkeys(changing, True)
    if wanted:
        with connection.cursor() as cursor:
            cursor.execute(_LOCK, [list(wanted), list(wanted.values())])
