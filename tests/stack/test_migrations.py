"""No migration after the first ones rewrites a table, or locks it while it is read from end to
end.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor

APPS = ("accounts", "hosting", "billing", "shops")
# They make the tables, and nothing is in them yet.
FIRST = ("0001_initial", "0002_schema")
# Migrations that may, each with the reason: such as a table that has a few hundred rows everywhere.
ALLOWED: dict[tuple[str, str], str] = {}

# Of squawk's rules those about locks and rewriting; what it says of style is ours to decide. A
# column may be dropped: by then no code reads it. It may not be renamed: the code that still runs
# meanwhile would not
# find it.
RULES = frozenset(
    {
        "adding-field-with-default",
        "adding-foreign-key-constraint",
        "adding-not-nullable-field",
        "adding-required-field",
        "adding-serial-primary-key-field",
        "changing-column-type",
        "constraint-missing-not-valid",
        "disallowed-unique-constraint",
        "renaming-column",
        "renaming-table",
        "require-concurrent-index-creation",
        "require-concurrent-index-deletion",
        "syntax-error",
    }
)
WHOLE_TABLE = re.compile(
    r"^\s*(UPDATE|CLUSTER|REINDEX|VACUUM\s+FULL)\b", re.IGNORECASE | re.MULTILINE
)


def problems(sql: str, *, atomic: bool = True) -> set[str]:
    """The rules that these statements break."""
    command = [
        str(Path(sys.executable).with_name("squawk")),
        "--reporter",
        "json",
        "--pg-version",
        "17.0",
    ]
    if atomic:
        command.append("--assume-in-transaction")
    result = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)
    found = {violation["rule_name"] for violation in json.loads(result.stdout or "[]")}
    return found & RULES | {f"whole table: {verb}" for verb in WHOLE_TABLE.findall(sql)}


def later_migrations() -> list[tuple[Migration, str]]:
    """Our migrations after the first ones, each with its SQL."""
    loader = MigrationExecutor(connections["default"]).loader
    return [
        (migration, "\n".join(loader.collect_sql([(migration, False)])))
        for (app, name), migration in sorted(loader.graph.nodes.items())
        if app in APPS and name not in FIRST
    ]


def test_later_migrations_leave_tables_in_use(db: None) -> None:
    found = {
        f"{migration.app_label}.{migration.name}": problems(sql, atomic=migration.atomic)
        for migration, sql in later_migrations()
        if (migration.app_label, migration.name) not in ALLOWED
    }
    assert {name: broken for name, broken in found.items() if broken} == {}


TABLE = 'ALTER TABLE "hosting_message"'


@pytest.mark.parametrize(
    ("sql", "broken"),
    [
        (f"{TABLE} ADD COLUMN x integer NULL;", set()),
        (f"{TABLE} ADD COLUMN x integer DEFAULT 0 NOT NULL;", set()),
        (f"{TABLE} ADD CONSTRAINT c CHECK (x > 0) NOT VALID;", set()),
        (f"{TABLE} DROP COLUMN x;", set()),
        (
            "CREATE TABLE t (id bigint PRIMARY KEY, n bigint NOT NULL); CREATE INDEX i ON t (n);",
            set(),
        ),
        (
            f"{TABLE} ADD COLUMN x uuid DEFAULT gen_random_uuid() NOT NULL;",
            {"adding-field-with-default"},
        ),
        (
            f"{TABLE} ADD COLUMN x bigint GENERATED ALWAYS AS (id) STORED;",
            {"adding-field-with-default"},
        ),
        (f"{TABLE} ADD COLUMN x integer NOT NULL;", {"adding-required-field"}),
        (f"{TABLE} ALTER COLUMN kind TYPE bigint USING kind::bigint;", {"changing-column-type"}),
        (f"{TABLE} ALTER COLUMN x SET NOT NULL;", {"adding-not-nullable-field"}),
        (f"{TABLE} ADD CONSTRAINT c CHECK (x > 0);", {"constraint-missing-not-valid"}),
        (f"{TABLE} RENAME COLUMN x TO y;", {"renaming-column"}),
        ("CREATE INDEX i ON hosting_message (kind);", {"require-concurrent-index-creation"}),
        ("UPDATE hosting_message SET kind = '';", {"whole table: UPDATE"}),
        ("VACUUM FULL hosting_message;", {"whole table: VACUUM FULL"}),
        ("ALTER TABLE oh no;", {"syntax-error"}),
    ],
)
def test_what_locks_or_rewrites_a_table_is_found(sql: str, broken: set[str]) -> None:
    assert problems(sql) == broken


def test_outside_of_a_transaction_an_index_may_be_built_beside_the_writers() -> None:
    assert problems("CREATE INDEX CONCURRENTLY i ON hosting_message (kind);", atomic=False) == set()
