"""Keys of tenant tables, from the catalog: rows name their business, references stay in it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg
import pytest
from django.db.models import Count
from psycopg import sql
from psycopg.rows import namedtuple_row

from accounts.models import Plan
from core.tenancy import scope, system
from hosting.models import Account
from tests import databases
from tests.factories import make_business, make_number

pytestmark = pytest.mark.usefixtures("django_db_setup")

# Tables with business_id, and the businesses, whose primary key is not (business_id, key), and why.
OTHER_KEYS = {
    "accounts_business": "it is the business",
    "hosting_storage": "one row for each business: business_id is the whole key",
    "hosting_optoutwords": "one row for each business: business_id is the whole key",
    "accounts_auditentry": "business_id is NULL where the platform itself acted",
    "core_email": "business_id is NULL where a mail is about a login",
    "billing_export": "business_id is NULL where an operator exports for all businesses",
}
# Tables of our own that are no tenant's, and why; those of other packages hold logins and sessions.
SHARED = {
    "core_scopekey": "the key of marks, which no role of the application can read",
    "accounts_plan": "the same for all businesses",
    "accounts_user": "may be a member of several businesses",
    "accounts_user_groups": "of users",
    "accounts_user_user_permissions": "of users",
    "billing_callingcode": "the same for all businesses",
    "billing_cardversion": "the same for all businesses",
    "billing_defaultcard": "the same for all businesses",
    "billing_exchangerate": "the same for all businesses",
    "billing_gatewayevent": "says by itself which invoice it is about, once it is applied",
    "billing_ledgeraccount": "the same for all businesses",
    "billing_market": "the same for all businesses",
    "billing_meterbatch": "names deliveries of several businesses",
    "billing_numberseries": "of the seller",
    "billing_rate": "the same for all businesses",
    "billing_ratecard": "the same for all businesses",
    "billing_recount": "of the platform",
    "billing_seller": "the platform itself",
    "billing_taxcountry": "the same for all businesses",
    "billing_taxrate": "the same for all businesses",
    "billing_taxregion": "the same for all businesses",
    "billing_taxregistration": "of the seller",
    "billing_taxterritory": "the same for all businesses",
    "billing_tier": "the same for all businesses",
    "core_heartbeat": "of processes",
    "hosting_event": "one request may name numbers of several businesses",
}
KEYS = """
    SELECT c.relname AS name, c.relreplident AS replica_identity, b.attnotnull AS is_always,
           (SELECT array_agg(a.attname::text ORDER BY k.n)
              FROM unnest(p.conkey) WITH ORDINALITY AS k (attnum, n)
              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum) AS key
      FROM pg_class c
      JOIN pg_attribute b ON b.attrelid = c.oid AND NOT b.attisdropped
           AND b.attname = CASE c.relname WHEN 'accounts_business' THEN 'id' ELSE 'business_id' END
      JOIN pg_constraint p ON p.conrelid = c.oid AND p.contype = 'p'
     WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1"""
REFERENCES = """
    SELECT f.conname AS name, f.conrelid::regclass::text AS child,
        f.confrelid::regclass::text AS parent,
           names.columns, names.targets
      FROM pg_constraint f
     CROSS JOIN LATERAL (
           SELECT array_agg(a.attname::text ORDER BY k.n) AS columns,
                  array_agg(t.attname::text ORDER BY k.n) AS targets
             FROM unnest(f.conkey, f.confkey) WITH ORDINALITY AS k (attnum, target, n)
             JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum
             JOIN pg_attribute t ON t.attrelid = f.confrelid AND t.attnum = k.target) names
     WHERE f.contype = 'f' AND f.connamespace = 'public'::regnamespace ORDER BY 2, 1"""
Database = psycopg.Connection[Any]


class Reference(NamedTuple):
    """A foreign key within one business."""

    name: str
    child: str
    parent: str
    column: str
    target: str


@pytest.fixture
def database(database_snapshot: databases.Snapshot) -> Iterator[Database]:
    """As superuser, in a transaction that is rolled back."""
    with databases.admin(database_snapshot.name) as connection:
        connection.row_factory = namedtuple_row
        with connection.transaction(force_rollback=True):
            yield connection


def _keys(database: Database) -> dict[str, Any]:
    return {row.name: row for row in database.execute(KEYS)}


def test_the_primary_key_of_a_tenant_table_begins_with_the_business(database: Database) -> None:
    keys = _keys(database)
    assert len(keys) > 80
    other = {name for name, row in keys.items() if len(row.key) != 2 or row.key[0] != "business_id"}
    assert other == set(OTHER_KEYS)


def test_other_tables_are_on_a_list(database: Database) -> None:
    ours = database.execute(
        """SELECT relname FROM pg_class WHERE relkind = 'r'
            AND relnamespace = 'public'::regnamespace
              AND relname ~ '^(accounts|hosting|billing|shops|core|demo)_'"""
    )
    assert {row.relname for row in ours} - set(_keys(database)) == set(SHARED)


def test_rows_can_be_replicated_by_business(database: Database) -> None:
    """A publication with a row filter needs business_id in the replica identity."""
    keys = _keys(database)
    assert {n for n, row in keys.items() if row.replica_identity == "f"} == {
        n for n, row in keys.items() if not row.is_always
    }
    assert {row.replica_identity for row in keys.values()} == {"d", "f"}
    tables = sql.SQL(", ").join(
        sql.SQL("{} WHERE ({} = 7)").format(
            sql.Identifier(name),
            sql.Identifier("id" if name == "accounts_business" else "business_id"),
        )
        for name in keys
    )
    database.execute(sql.SQL("CREATE PUBLICATION one_business FOR TABLE {}").format(tables))
    database.execute("SET LOCAL session_replication_role = replica")
    for name in keys:
        column = sql.Identifier("id" if name == "accounts_business" else "business_id")
        database.execute(
            sql.SQL("UPDATE {} SET {} = {}").format(sql.Identifier(name), column, column)
        )


def test_references_between_tenant_tables_name_the_business(database: Database) -> None:
    keys = _keys(database)
    tenants, found = set(keys) - {"accounts_business"}, 0
    for row in database.execute(REFERENCES):
        if row.parent in keys:
            assert row.child in keys, f"{row.name}: shared rows cannot point at a tenant's"
        if row.child in tenants and row.parent in tenants:
            assert (row.columns[0], row.targets[0]) == ("business_id", "business_id"), row.name
            found += 1
        elif row.parent == "accounts_business":
            # A second key may hold a column of the business beside its id, such as the currency.
            assert (row.columns[0], row.targets[0]) == ("business_id", "id"), row.name
    assert found > 60


def test_a_row_that_points_at_another_business_is_refused(database: Database) -> None:
    """Every such foreign key, tried with rows that hold nothing but their keys."""
    keys = _keys(database)
    references = [
        Reference(row.name, row.child, row.parent, row.columns[1], row.targets[1])
        for row in database.execute(REFERENCES)
        if len(row.columns) == 2 and row.columns[0] == row.targets[0] == "business_id"
    ]
    assert len(references) > 60
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for reference in references:
        with database.transaction(force_rollback=True):
            _keep_only(database, reference)
            _plant(database, reference.parent, {"business_id": 1, reference.target: 7})
            ours = {keys[reference.child].key[1]: 8, reference.column: 7}
            with (
                pytest.raises(psycopg.errors.ForeignKeyViolation) as refused,
                database.transaction(),
            ):
                _plant(database, reference.child, {**ours, "business_id": 2})
            assert refused.value.diag.constraint_name == reference.name
            # The same row of the same business is fine.
            _plant(database, reference.child, {**ours, "business_id": 1})


def _keep_only(database: Database, reference: Reference) -> None:
    """Drop what else would refuse a row without values: other constraints, our own triggers."""
    for table in {reference.child, reference.parent}:
        name = sql.Identifier(table)
        database.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name))
        for constraint in database.execute(
            """SELECT conname FROM pg_constraint
                WHERE conrelid = %s::regclass AND contype IN ('c', 'f') AND conname <> %s""",
            [table, reference.name],
        ).fetchall():
            database.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                    name, sql.Identifier(constraint.conname)
                )
            )
        for column in database.execute(
            """SELECT a.attname FROM pg_attribute a
                 JOIN pg_constraint p ON p.conrelid = a.attrelid AND p.contype = 'p'
                WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND a.attnotnull
                  AND NOT a.attnum = ANY (p.conkey)""",
            [table],
        ).fetchall():
            database.execute(
                sql.SQL("ALTER TABLE {} ALTER {} DROP NOT NULL").format(
                    name, sql.Identifier(column.attname)
                )
            )


def _plant(database: Database, table: str, values: dict[str, int]) -> None:
    database.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(map(sql.Literal, values.values())),
        )
    )


@pytest.mark.django_db
def test_queries_of_tenant_tables_do_not_group_by_id_alone() -> None:
    """PostgreSQL would refuse the other columns: `id` is not the whole primary key."""
    number = make_number(make_business(name="Ours"))
    with scope(number.business_id):
        (account,) = Account.objects.annotate(many=Count("numbers"))
        assert (account.pk, account.many) == (number.account_id, 1)
    with system("test"):
        plans = Plan.objects.annotate(many=Count("businesses"))
        assert sum(plan.many for plan in plans) == 1
    assert str(plans.query).endswith('GROUP BY "accounts_plan"."code"')
