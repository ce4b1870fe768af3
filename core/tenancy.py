"""Tenancy: the business on whose behalf a transaction reads and writes.

Tenant rows are read inside `scope` or, across businesses, inside `system`. Row-level security
enforces it beside the filters of queries: the application connects as role `parley_app`, which
sees a tenant row only while `parley.business` names its business in the running transaction. Work
that crosses businesses (claiming rows, metering, the admin) takes the role `parley_system` for one
transaction.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple

from django.db import connection, transaction

APP_ROLE = "parley_app"
SYSTEM_ROLE = "parley_system"


class Scope(NamedTuple):
    """The settings that row-level security reads: role, and id of the business as text."""

    role: str
    business: str


CLOSED = Scope(APP_ROLE, "")


@contextmanager
def scope(business_id: int) -> Iterator[None]:
    """Open a transaction that can read and write the rows of one business only."""
    with _transaction_in(Scope(APP_ROLE, str(business_id))):
        yield


def ensure_scope(business_id: int) -> AbstractContextManager[None]:
    """A context in the scope of this business; opens one unless it is open already."""
    open_now: Scope = getattr(connection, "parley_scope", CLOSED)
    return nullcontext() if open_now == Scope(APP_ROLE, str(business_id)) else scope(business_id)


@contextmanager
def system(reason: str) -> Iterator[None]:
    """Open a transaction across businesses; `reason` documents why at the place of the call."""
    assert reason, "say why this crosses businesses"
    with _transaction_in(Scope(SYSTEM_ROLE, "")):
        yield


@contextmanager
def deferred_scope() -> Iterator[None]:
    """Open a transaction whose business is set later, by a database function.

    Call `record_scope` once the business is known.
    """
    with _transaction_in(None):
        yield


def record_scope(business_id: int) -> None:
    """Record the business to which `accounts_open_key` has scoped this transaction."""
    _record(Scope(APP_ROLE, str(business_id)))


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
    """Set role and business for the rest of this transaction; one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('role', %s, true), set_config('parley.business', %s, true)",
            [new.role, new.business],
        )
    _record(new)


def _record(now: Scope) -> None:
    connection.parley_scope = now  # type: ignore[attr-defined]
