"""Who the database thinks is asking: every tenant row is read inside `scope` or, across tenants, inside `system`.

Row-level security is the second net. The application connects as role `parley_app`, which sees a
tenant row only while `parley.business` names its business in the running transaction. Work that
crosses tenants (claiming rows, metering, the admin) takes the role `parley_system` for one transaction.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple

from django.db import connection, transaction

APP_ROLE = "parley_app"
SYSTEM_ROLE = "parley_system"


class Scope(NamedTuple):
    """The two settings that row-level security reads."""

    role: str
    business: str


CLOSED = Scope(APP_ROLE, "")


@contextmanager
def scope(business_id: int) -> Iterator[None]:
    """Open a transaction in which exactly one business's rows can be seen and written."""
    with _entered(Scope(APP_ROLE, str(business_id))):
        yield


def ensured(business_id: int) -> AbstractContextManager[None]:
    """The scope that is open already, when it is this business's; else a scope of its own."""
    open_now: Scope = getattr(connection, "parley_scope", CLOSED)
    return nullcontext() if open_now == Scope(APP_ROLE, str(business_id)) else scope(business_id)


@contextmanager
def system(reason: str) -> Iterator[None]:
    """Open a transaction that crosses businesses; `reason` says to the reader why it must."""
    assert reason, "say why this crosses businesses"
    with _entered(Scope(SYSTEM_ROLE, "")):
        yield


@contextmanager
def opened() -> Iterator[None]:
    """Open a transaction whose business a database function will set; `remember` it once it is known."""
    with _entered(None):
        yield


def remember(business_id: int) -> None:
    """Note the business that `accounts_open_key` has scoped this transaction to."""
    connection.parley_scope = Scope(APP_ROLE, str(business_id))  # type: ignore[attr-defined]


@contextmanager
def _entered(new: Scope | None) -> Iterator[None]:
    nested = connection.in_atomic_block
    outer: Scope = getattr(connection, "parley_scope", CLOSED)
    with transaction.atomic():
        if new is not None:
            apply(new)
        try:
            yield
        finally:
            connection.parley_scope = outer  # type: ignore[attr-defined]
        # A setting outlives its savepoint; the commit of the outermost transaction ends it anyway.
        if nested and not connection.needs_rollback:
            apply(outer)


def apply(new: Scope) -> None:
    """Set role and business for the rest of this transaction, in one round trip."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('role', %s, true), set_config('parley.business', %s, true)",
            [new.role, new.business],
        )
    connection.parley_scope = new  # type: ignore[attr-defined]
