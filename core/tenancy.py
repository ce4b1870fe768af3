"""Tenancy: the business on whose behalf a transaction reads and writes.

Tenant rows are read inside `scope` or, across businesses, inside `system`. Row-level security
enforces it beside the filters of queries: a transaction's role is `parley_app`, which sees a tenant
row only while `parley.business` is the mark of its business. A mark is signed with a key that
statements cannot read (`core/sql/schema/marks.sql`): whoever manages to change a statement still
sees one business. Work across businesses (claiming rows, metering, the admin) takes another role
for one transaction: workers `parley_system`; the web, whose login cannot take that, `parley_across`
with the mark of all.
"""

import hmac
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any, NamedTuple

import psycopg
from django.conf import settings
from django.db import connection, connections, transaction

from core.sql import statement

APP_ROLE = "parley_app"
ACROSS_ROLE = "parley_across"
SYSTEM_ROLE = "parley_system"
ALL, LOGINS = "all", "login"
# Keys that are accepted: the newest and those before it, while a SECRET_KEY is replaced.
KEYS_KEPT = 2


class Scope(NamedTuple):
    """The settings that row-level security reads: role, and the mark; see `mark_of`."""

    role: str
    mark: str


CLOSED = Scope(APP_ROLE, "")


def mark_of(subject: int | str) -> str:
    """The signed mark of a business (by id), of all of them, or of logins."""
    return f"{subject}:{signature(str(subject))}"


@contextmanager
def scope(business_id: int) -> Iterator[None]:
    """Open a transaction that can read and write the rows of one business only."""
    with _transaction_in(Scope(APP_ROLE, mark_of(business_id))):
        yield


def ensure_scope(business_id: int) -> AbstractContextManager[None]:
    """A context in the scope of this business; opens one unless it is open already."""
    open_now: Scope = getattr(connection, "parley_scope", CLOSED)
    is_open = open_now == Scope(APP_ROLE, mark_of(business_id))
    return nullcontext() if is_open else scope(business_id)


@contextmanager
def system(reason: str) -> Iterator[None]:
    """Open a transaction across businesses; `reason` documents why at the place of the call."""
    assert reason, "say why this crosses businesses"
    with _transaction_in(
        Scope(SYSTEM_ROLE, "") if settings.TAKES_SYSTEM_ROLE else Scope(ACROSS_ROLE, mark_of(ALL))
    ):
        yield


@contextmanager
def logins(reason: str) -> Iterator[None]:
    """Open a transaction that can read and write users, their second factors and sessions.

    No row of any business. `reason` documents why at the place of the call.
    """
    assert reason, "say what is done with logins"
    with _transaction_in(Scope(ACROSS_ROLE, mark_of(LOGINS))):
        yield


@contextmanager
def deferred_scope() -> Iterator[None]:
    """Open a transaction whose business is set later, by a database function.

    Call `record_scope` once the business is known.
    """
    with _transaction_in(None):
        yield


def one_statement() -> AbstractContextManager[None]:
    """A context for one statement that scopes itself by a key, as its own transaction.

    Inside an open transaction the scope of that one is restored afterwards.
    """
    return deferred_scope() if connection.in_atomic_block else nullcontext()


def record_scope(business_id: int) -> None:
    """Record the business to which `accounts_open_key` has scoped this transaction."""
    _record(Scope(APP_ROLE, mark_of(business_id)))


@contextmanager
def _transaction_in(new: Scope | None) -> Iterator[None]:
    nested = connection.in_atomic_block
    outer: Scope = getattr(connection, "parley_scope", CLOSED)
    with transaction.atomic():
        if new is not None:
            apply(new)
        try:
            yield
        finally:
            _record(outer)
        # A setting outlives its savepoint; the end of the outermost transaction resets it.
        if nested and not connection.needs_rollback:
            apply(outer)


def apply(new: Scope) -> None:
    """Set role and mark for the rest of this transaction; one query.

    The mark is a parameter of the server: the text of a statement can be read in pg_stat_activity.
    """
    connection.ensure_connection()
    held: Any = connection.connection
    with connection._prepare_cursor(psycopg.Cursor(held)) as cursor:  # type: ignore[attr-defined]
        mark, values = ("%s", [new.mark]) if new.mark else ("''", [])
        cursor.execute(
            f"SELECT set_config('role', '{new.role}', true),"
            f" set_config('parley.business', {mark}, true)",
            values,
        )
    _record(new)


def _record(now: Scope) -> None:
    connection.parley_scope = now  # type: ignore[attr-defined]


@cache
def signature(subject: str) -> str:
    """The signature of a subject, as the database verifies it: hexadecimal HMAC-SHA256."""
    return hmac.new(_key(settings.SECRET_KEY), subject.encode(), "sha256").hexdigest()


def _key(secret: str) -> bytes:
    return hmac.new(secret.encode(), b"parley tenancy", "sha256").digest()


def install(alias: str) -> None:
    """Store the key of marks, and close all tables that name no business; runs after `migrate`.

    `alias` is a connection of the owner of the tables. Keys but the newest two are forgotten.
    """
    key = _key(settings.SECRET_KEY).ljust(64, b"\0")
    pads = [bytes(byte ^ pad for byte in key) for pad in (0x36, 0x5C)]
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(
            """INSERT INTO core_scopekey (inner_pad, outer_pad) VALUES (%s, %s)
                   ON CONFLICT (outer_pad) DO UPDATE SET made_at = statement_timestamp()""",
            pads,
        )
        cursor.execute(
            """DELETE FROM core_scopekey WHERE outer_pad NOT IN
                   (SELECT outer_pad FROM core_scopekey ORDER BY made_at DESC LIMIT %s)""",
            [KEYS_KEPT],
        )
        cursor.execute(statement("core", "close_tables"))
