"""Keys of busy tables: rows written per second with each choice of key and references."""

import os
import statistics
import time
from typing import Any, NamedTuple

import psycopg

from benchmarks.report import Figure, show
from benchmarks.servers import benchmark_servers

BUSINESSES, PEOPLE, BATCH, ROUNDS = 20, 5_000, 1_000, 60
Database = psycopg.Connection[Any]


class Table(NamedTuple):
    """A busy table: its key beside business_id, the statement that writes, its foreign keys."""

    name: str
    key: str
    insert: str
    references: str = ""


TABLES = (
    Table(
        "hosting_message",
        "id",
        """INSERT INTO {table} (business_id, conversation_id, number_id, contact_id, wamid,
            direction, kind,
               text, content, context_wamid, tracker, category, window_open, status, created_at)
           SELECT business_id, id, number_id, contact_id, 'wamid.' || gen_random_uuid(), 'out',
               'text',
                  'Your order ' || id || ' is on its way', '{{"body": "It is on its way"}}', '', '',
                  'utility', false, 'accepted', now()
             FROM people WHERE place >= %(place)s LIMIT %(rows)s""",
        "FOREIGN KEY (business_id, conversation_id)"
        " REFERENCES hosting_conversation (business_id, id)",
    ),
    Table(
        "hosting_outgoing",
        "message_id",
        """INSERT INTO {table} (message_id, business_id, number_id, transport, state, attempts,
               not_before, last_error, queued_at)
           SELECT id, business_id, number_id, 'sandbox', 'open', 0, now(), '', now()
             FROM written WHERE place > %(round)s::bigint * %(rows)s
                 ORDER BY place LIMIT %(rows)s""",
        "FOREIGN KEY (business_id, message_id) REFERENCES hosting_message (business_id, id)"
        " DEFERRABLE INITIALLY DEFERRED",
    ),
    Table(
        "hosting_delivery",
        "id",
        """INSERT INTO {table} (message_id, business_id, number_id, recipient, category,
            window_open,
               free_entry, kind, accepted_at, delivered_at, failed, created_at)
           SELECT place + 1000000 * %(round)s, business_id, number_id, '14155550100', 'utility',
               false,
                  false, 'text', now(), now(), false, now()
             FROM people WHERE place >= %(place)s LIMIT %(rows)s""",
    ),
    Table(
        "billing_charge",
        "id",
        """INSERT INTO {table} (message_id, business_id, month, billed_month, market, category,
            rule,
               position, version_id, price_micros, delivered_at, charged_at)
           SELECT place + 1000000 * %(round)s, business_id, '2026-11-01', '2026-11-01', 'Germany',
               'utility',
                  'tier', place + 1000000 * %(round)s, 1, 50000, now(), now()
             FROM people WHERE place >= %(place)s LIMIT %(rows)s""",
    ),
)
# The first is what others are measured by.
CHOICES = (
    ("(business_id, {key})", "ADD PRIMARY KEY (business_id, {key})", True),
    (
        "(business_id, {key}), {key} unique beside it",
        "ADD PRIMARY KEY (business_id, {key}), ADD UNIQUE ({key})",
        True,
    ),
    (
        "{key}, unique (business_id, {key}) beside it",
        "ADD PRIMARY KEY ({key}), ADD UNIQUE (business_id, {key})",
        True,
    ),
    ("(business_id, {key}), no foreign key", "ADD PRIMARY KEY (business_id, {key})", False),
)


def main() -> None:
    """Measure, and print."""
    with (
        benchmark_servers(),
        psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as database,
    ):
        _prepare(database)
        figures = [figure for table in TABLES for figure in _measured(database, table)]
    show(
        f"Keys: {ROUNDS} batches of {BATCH:,} rows over {BUSINESSES} businesses, in turns, median",
        figures,
    )


def _prepare(database: Database) -> None:
    """Create conversations for messages, and messages to queue; without plan or triggers."""
    database.execute("SET session_replication_role = replica")
    database.execute(
        """INSERT INTO hosting_conversation (business_id, number_id, contact_id, public_id,
            created_at,
               last_message_at, last_message_text, unread_count, is_resolved)
           SELECT 1 + n %% %(businesses)s, 1 + n %% %(businesses)s, n, gen_random_uuid(), now(),
               now(), '',
                  0, false
             FROM generate_series(1, %(people)s) n""",
        {"businesses": BUSINESSES, "people": PEOPLE},
    )
    database.execute(
        """CREATE TABLE people AS SELECT row_number() OVER () AS place, id, business_id, number_id,
            contact_id
             FROM hosting_conversation"""
    )
    database.execute("CREATE INDEX ON people (place)")
    insert = TABLES[0].insert.format(table="hosting_message")
    for round_number in range(ROUNDS):
        database.execute(insert, _batch(round_number))
    database.execute(
        """CREATE TABLE written AS SELECT row_number() OVER (ORDER BY id) AS place, id,
            business_id, number_id
             FROM hosting_message"""
    )
    database.execute("CREATE INDEX ON written (place)")
    database.execute("SET session_replication_role = origin")
    database.execute("ANALYZE people, written, hosting_conversation, hosting_message")


def _batch(round_number: int) -> dict[str, int]:
    place = 1 + round_number * BATCH % (PEOPLE - BATCH + 1)
    return {"place": place, "rows": BATCH, "round": round_number}


def _measured(database: Database, table: Table) -> list[Figure]:
    """Rows per second of each choice, beside the first; all take turns, so noise is shared."""
    copies = {
        name.format(key=table.key): f"keys_{n}"
        for n, (name, _, with_references) in enumerate(CHOICES)
        if with_references or table.references
    }
    for copy, (_, keys, with_references) in zip(copies.values(), CHOICES, strict=False):
        _make_copy(database, table, copy, keys.format(key=table.key), with_references)
    seconds: dict[str, list[float]] = {name: [] for name in copies}
    for round_number in range(ROUNDS):
        for name, copy in copies.items():
            statement = table.insert.format(table=copy)
            begun = time.perf_counter()
            database.execute(statement, _batch(round_number))
            seconds[name].append(time.perf_counter() - begun)
    for copy in copies.values():
        database.execute(f"DROP TABLE {copy}")
    speed = {name: BATCH / statistics.median(each) for name, each in seconds.items()}
    first = next(iter(speed.values()))
    return [
        Figure("keys", f"{table.name}: {name}", rows, first, "rows/s")
        for name, rows in speed.items()
    ]


def _make_copy(
    database: Database, table: Table, copy: str, keys: str, with_references: bool
) -> None:
    """The table with its other indexes and without its keys; then the keys of this choice."""
    database.execute(f"CREATE TABLE {copy} (LIKE {table.name} INCLUDING ALL)")
    old = database.execute(
        """SELECT conname FROM pg_constraint p JOIN pg_attribute a ON a.attrelid = conrelid
              AND a.attname = %s AND (conkey[1] = a.attnum OR contype = 'p')
            WHERE conrelid = %s::regclass AND contype IN ('p', 'u') AND (contype = 'p'
                OR cardinality(conkey) = 1)""",
        [table.key, copy],
    ).fetchall()
    for (name,) in old:
        database.execute(f"ALTER TABLE {copy} DROP CONSTRAINT {name}")
    database.execute(f"ALTER TABLE {copy} {keys}")
    if with_references and table.references:
        database.execute(f"ALTER TABLE {copy} ADD {table.references}")
