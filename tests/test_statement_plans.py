"""Statements on busy tables find rows by an index, also where row-level security adds nothing.

Each file of `<app>/sql/` is planned as `parley_system`, with placeholders instead of values. The
planner is told to read or hash whole tables only where there is no other way, and sees tables of
some size, all of whose rows went into its statistics: so it answers the same every time. The
uniqueness of `id` alone is taken away before: whoever looks a row up by id names its business too.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from billing.metering import meter
from billing.models import Charge
from core.tenancy import mark_of
from hosting.imports.formats import rows
from hosting.models import Contact, Conversation, Message, WebhookCall
from tests import databases

pytestmark = pytest.mark.usefixtures("django_db_setup")

ROOT = Path(__file__).resolve().parent.parent
ROWS = 2_000
BUSY = (
    "billing_charge",
    "billing_commitment",
    "hosting_broadcastrecipient",
    "hosting_contact",
    "hosting_conversation",
    "hosting_delivery",
    "hosting_lockedmessage",
    "hosting_media",
    "hosting_message",
    "hosting_outgoing",
    "hosting_webhookcall",
)
EVERYTHING = "a recount of everything"
# What is read from end to end, and why it may be.
READS_ALL: dict[str, str | dict[str, str]] = {
    "billing/release_commitments": {"billing_commitment": "a small table, looked through whole"},
    "hosting/unlock_messages": {"hosting_lockedmessage": "of all businesses, if none is named"},
    "billing/reconcile_invoices": EVERYTHING,
    "billing/reconcile_lines": EVERYTHING,
    "billing/reconcile_markets": EVERYTHING,
    "billing/reconcile_messages": EVERYTHING,
    "billing/reconcile_positions": EVERYTHING,
    "billing/reconcile_prices": EVERYTHING,
    "billing/reconcile_references": EVERYTHING,
    "billing/reconcile_rollup": EVERYTHING,
    "billing/reconcile_rules": EVERYTHING,
    "billing/reconcile_terms": EVERYTHING,
}
NOT_PLANNED = {
    "billing/copy_messages": "COPY",
    "core/close_tables": "runs after a migrate, about tables and not about rows",
}
# The oldest deliveries of all businesses are claimed first: their index on id is for that.
ID_ALONE = {"hosting_delivery"}
KEYS = """
    SELECT conname FROM pg_constraint
     WHERE conrelid = %s::regclass AND (contype = 'c' OR (contype = 'u'
         AND conname ~ '_(id|message_id)_key$'
       AND conrelid::regclass::text <> ALL (%s)))"""
COLUMNS = """
    SELECT quote_ident(attname), CASE WHEN attname = 'business_id' THEN '1 + n %% 40' ELSE
           CASE format_type(atttypid, NULL)
           WHEN 'bigint' THEN 'n' WHEN 'integer' THEN 'n' WHEN 'smallint' THEN 'n'
               WHEN 'numeric' THEN 'n'
           WHEN 'boolean' THEN 'false' WHEN 'uuid' THEN 'gen_random_uuid()'
               WHEN 'jsonb' THEN '''{}'''
           WHEN 'bytea' THEN 'convert_to(n::text, ''UTF8'')'
           WHEN 'timestamp with time zone' THEN 'now() - n * interval ''1 minute'''
           WHEN 'date' THEN '''2026-11-01'''
           ELSE 'right(n::text, ' || greatest(atttypmod - 4, 1) || ')' END END
      FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND attnotnull
          AND NOT attisdropped
       AND attgenerated = '' AND attidentity = ''"""
LEADING = """
    SELECT i.indexrelid::regclass::text, i.indrelid::regclass::text, a.attname FROM pg_index i
      LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
     WHERE i.indrelid = ANY (%s::regclass[]) AND i.indpred IS NULL"""


@pytest.fixture
def planner(database_snapshot: databases.Snapshot) -> Iterator["psycopg.Connection[Any]"]:
    """A connection in the role that sees all businesses, with the tables that statements share."""
    with (
        databases.admin(database_snapshot.name) as database,
        database.transaction(force_rollback=True),
    ):
        database.execute("SET LOCAL session_replication_role = replica")
        for table in BUSY:
            _fill(database, table)
        for setting in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
            database.execute(f"SET LOCAL {setting} = off")
        database.execute("SET LOCAL ROLE parley_system")
        database.execute(meter._BATCH_TABLE)
        database.execute(f"CREATE TEMPORARY TABLE history_set ({rows.COLUMNS})")
        yield database


def _fill(database: "psycopg.Connection[Any]", table: str) -> None:
    """Rows of any content, and statistics of them; without what would refuse them."""
    for (name,) in database.execute(KEYS, [table, list(ID_ALONE)]).fetchall():
        database.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    columns = database.execute(COLUMNS, [table]).fetchall()
    names = ", ".join(name for name, _ in columns)
    values = ", ".join(value for _, value in columns)
    database.execute(
        f"INSERT INTO {table} ({names}) SELECT {values} FROM generate_series(1, {ROWS}) n"
    )
    database.execute(f"ANALYZE {table}")


def _statements() -> dict[str, str]:
    files = sorted(ROOT.glob("*/sql/*.sql"))
    return {
        f"{path.parts[-3]}/{path.stem}": path.read_text().rstrip().rstrip(";") for path in files
    }


def _with_numbers(text: str) -> str:
    """Placeholders as PostgreSQL has them."""
    names: dict[str, int] = {}

    def numbered(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        name = found[1] or f"#{len(names)}"
        return f"${names.setdefault(name, len(names) + 1)}"

    return re.sub(r"%%|%\((\w+)\)s|%s", numbered, text)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _read_whole(database: "psycopg.Connection[Any]", text: str) -> set[str]:
    """Busy tables that a statement reads from end to end, or one of whose indexes it does."""
    indexes = {
        index: (table, column)
        for index, table, column in database.execute(LEADING, [list(BUSY)]).fetchall()
    }
    explained = database.execute(
        f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {_with_numbers(text)}"
    ).fetchone()
    assert explained
    found = set()
    for node in _nodes(explained[0][0]["Plan"]):
        table, column = indexes.get(node.get("Index Name", ""), ("", ""))
        # Without a condition on its first column, an index is read from one end to the other.
        if column not in node.get("Index Cond", ""):
            found.add(table)
        elif node["Node Type"] == "Seq Scan" and node["Relation Name"] in BUSY:
            found.add(node["Relation Name"])
    return found


def test_statements_find_rows_of_busy_tables_by_index(planner: "psycopg.Connection[Any]") -> None:
    wrong = {}
    for name, text in _statements().items():
        allowed = READS_ALL.get(name, {})
        if name in NOT_PLANNED or allowed == EVERYTHING:
            continue
        if found := _read_whole(planner, text) - set(allowed):
            wrong[name] = found
    assert wrong == {}


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("kind = $1", {"hosting_message"}),
        ("id = $1", {"hosting_message"}),
        ("id = $1 AND business_id = $2", set()),
    ],
)
def test_a_lookup_without_index_is_noticed(
    planner: "psycopg.Connection[Any]", condition: str, found: set[str]
) -> None:
    assert _read_whole(planner, f"SELECT text FROM hosting_message WHERE {condition}") == found


def test_pages_and_the_api_find_rows_of_busy_tables_by_index(
    planner: "psycopg.Connection[Any]",
) -> None:
    """What row-level security adds to the ORM's queries is a condition that indexes can use."""
    lookups = [
        Message.objects.filter(pk=1),
        Message.objects.filter(number_id=1, wamid="wamid.x"),
        Message.objects.filter(conversation_id=1).order_by("-id")[:50],
        Message.objects.order_by("-id")[:50],
        Conversation.objects.filter(pk=1),
        Conversation.objects.order_by("-last_message_at", "-id")[:50],
        Contact.objects.filter(wa_id="14155550100"),
        WebhookCall.objects.order_by("-id")[:50],
        Charge.objects.filter(business_id=7, message_id=1),
    ]
    planner.execute("RESET ROLE")
    planner.execute("SELECT set_config('role', 'parley_app', true)")
    planner.execute("SELECT set_config('parley.business', %s, true)", [mark_of(7)])
    for lookup in lookups:
        text, values = lookup.query.sql_with_params()
        lines = planner.execute(f"EXPLAIN {text}", values)
        plan = "\n".join(line for (line,) in lines)
        assert "Index Cond" in plan, plan
        assert "Seq Scan" not in plan, plan


def test_the_exceptions_are_files() -> None:
    assert {*READS_ALL, *NOT_PLANNED} <= set(_statements())
