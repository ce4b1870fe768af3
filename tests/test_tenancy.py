"""Tenancy: the database shows a business only its own rows, and only within its scope."""

from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from accounts.models import ApiKey, Business, Membership
from core.tenancy import scope, system
from tests.factories import make_business, make_key, make_member

pytestmark = pytest.mark.django_db
# Tables with a business_id that belong to operators alone would be listed here with the reason.
OPEN_TABLES: set[str] = set()


def _tables() -> list[str]:
    """Every table with a business_id, as the database itself lists them, and the businesses."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.table_name FROM information_schema.columns c
                 JOIN information_schema.tables t USING (table_schema, table_name)
                WHERE c.table_schema = 'public' AND c.column_name = 'business_id'
                    AND t.table_type = 'BASE TABLE'"""
        )
        return [*sorted({row[0] for row in cursor.fetchall()} - OPEN_TABLES), "accounts_business"]


def _count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


def test_every_tenant_table_is_closed_to_the_plain_role() -> None:
    tables = _tables()
    assert len(tables) > 15
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.relname, c.relrowsecurity,
                      (SELECT count(*) FROM pg_policies p WHERE p.tablename = c.relname
                          AND p.roles = ARRAY['parley_app']::name[] AND p.qual IS NOT NULL
                              AND p.with_check IS NOT NULL)
                 FROM pg_class c WHERE c.relname = ANY (%s)
                     AND c.relnamespace = 'public'::regnamespace""",
            [tables],
        )
        found = {name: (secured, policies) for name, secured, policies in cursor.fetchall()}
    assert {name: state for name, state in found.items() if state != (True, 1)} == {}
    assert set(found) == set(tables)


def test_the_application_is_neither_superuser_nor_owner_nor_exempt() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        )
        assert cursor.fetchone() == ("parley_app", False, False)
        cursor.execute(
            "SELECT count(*) FROM pg_tables WHERE tableowner IN ('parley_app', 'parley_system')"
        )
        assert cursor.fetchone() == (0,)


def test_a_query_without_tenant_sees_nothing() -> None:
    business = make_business()
    make_key(business)
    make_member(business)
    assert {table: _count(table) for table in _tables()} == dict.fromkeys(_tables(), 0)
    with system("test"):
        assert [
            _count(t) for t in ("accounts_business", "accounts_apikey", "accounts_membership")
        ] == [1, 1, 1]


def test_a_business_sees_its_own_rows_and_no_others() -> None:
    mine, other = make_business("Mine"), make_business("Other")
    make_key(mine)
    make_key(other)
    with scope(mine.pk):
        assert list(Business.objects.values_list("name", flat=True)) == ["Mine"]
        assert set(ApiKey.objects.values_list("business_id", flat=True)) == {mine.pk}
        assert Business.objects.filter(pk=other.pk).update(name="Taken") == 0
        assert ApiKey.objects.filter(business_id=other.pk).delete()[0] == 0
    with system("test"):
        assert ApiKey.objects.count() == 2
        assert Business.objects.filter(name="Other").exists()


@pytest.mark.parametrize("where", ["no tenant", "another tenant"])
def test_a_stray_row_is_refused(where: str) -> None:
    mine, other = make_business("Mine"), make_business("Other")
    user = make_member(other)
    place = transaction.atomic() if where == "no tenant" else scope(other.pk)
    with pytest.raises(ProgrammingError, match="row-level security"), place:
        Membership.objects.create(business=mine, user=user, role="owner")
    with system("test"):
        assert not Membership.objects.filter(business=mine).exists()


def test_a_row_cannot_be_moved_to_another_tenant() -> None:
    mine, other = make_business("Mine"), make_business("Other")
    make_key(mine)
    with pytest.raises(ProgrammingError, match="row-level security"), scope(mine.pk):
        ApiKey.objects.update(business_id=other.pk)
    with scope(mine.pk):
        assert ApiKey.objects.count() == 1


def _now() -> tuple[str, str]:
    """The role, and the subject of the mark where its signature is good."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT current_user, CASE WHEN core_may('all') THEN 'all'
                                         ELSE coalesce(core_business()::text, '') END"""
        )
        user, business = cursor.fetchone()
        return user, business


def test_scopes_nest_and_restore() -> None:
    assert _now() == ("parley_app", "")
    with scope(7):
        assert _now() == ("parley_app", "7")
        with system("test"):
            assert _now() == ("parley_across", "all")
            with scope(8):
                assert _now() == ("parley_app", "8")
            assert _now() == ("parley_across", "all")
        assert _now() == ("parley_app", "7")
    assert _now() == ("parley_app", "")


def test_scopes_restore_after_an_error_of_python_and_of_the_database() -> None:
    with scope(7):
        with pytest.raises(ZeroDivisionError), system("test"):
            _ = 1 / 0
        assert _now() == ("parley_app", "7")
        with pytest.raises(ProgrammingError), scope(8), connection.cursor() as cursor:
            cursor.execute("SELECT nonsense FROM nowhere")
        assert _now() == ("parley_app", "7")
    assert _now() == ("parley_app", "")


def test_a_scope_does_not_outlive_its_transaction(committed_db: Any) -> None:
    with scope(7):
        backend = connection.connection.info.backend_pid
    assert connection.connection.info.backend_pid == backend
    assert _now() == ("parley_app", "")
    with pytest.raises(ZeroDivisionError), system("test"):
        _ = 1 / 0
    assert connection.connection.info.backend_pid == backend
    assert _now() == ("parley_app", "")


def test_the_plain_role_cannot_switch_security_off() -> None:
    for attempt in (
        "ALTER TABLE accounts_business DISABLE ROW LEVEL SECURITY",
        "SET ROLE postgres",
    ):
        with (
            pytest.raises((ProgrammingError, psycopg.errors.Error)),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(attempt)
