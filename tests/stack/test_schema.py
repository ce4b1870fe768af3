"""The schema: first migrations equal the models; every SQL file of the schema is used."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections
from django.db.migrations import RunSQL
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from core.schema import InitialMigration, schema_file

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("accounts", "hosting", "billing", "shops")


def _migrations() -> dict[tuple[str, str], Any]:
    return MigrationLoader(None).disk_migrations


def test_an_app_has_an_initial_migration_and_one_that_loads_its_sql() -> None:
    for app in APPS:
        names = sorted(name for label, name in _migrations() if label == app)
        assert names[:2] == ["0001_initial", "0002_schema"]
        assert isinstance(_migrations()[app, "0001_initial"], InitialMigration)


def test_every_schema_file_is_loaded_and_every_other_sql_file_is_run() -> None:
    loaded = "".join(
        sql
        for key, migration in _migrations().items()
        if key[0] in APPS
        for operation in migration.operations
        if isinstance(operation, RunSQL)
        for sql in map(str, operation.sql)
    )
    unused = [
        path
        for path in ROOT.glob("*/sql/schema/*.sql")
        if schema_file(path.parts[-4], path.stem) not in loaded
    ]
    assert unused == []
    code = "".join(
        path.read_text() for app in (*APPS, "core") for path in (ROOT / app).rglob("*.py")
    )
    named = set(re.findall(r'"([a-z_]+)"', code))
    assert [path for path in ROOT.glob("*/sql/*.sql") if path.stem not in named] == []


@pytest.mark.django_db
def test_models_and_migrations_say_the_same() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.django_db
def test_an_initial_migration_makes_what_its_operations_say_one_by_one() -> None:
    """The tables have all columns, constraints and indexes of the models."""
    made = 0
    with connections["default"].cursor() as cursor:
        for model in (model for app in APPS for model in apps.get_app_config(app).get_models()):
            cursor.execute(
                """SELECT conname FROM pg_constraint WHERE conrelid = %(table)s::regclass
                    UNION SELECT indexrelid::regclass::text FROM pg_index
                        WHERE indrelid = %(table)s::regclass""",
                {"table": model._meta.db_table},
            )
            found = {name for (name,) in cursor.fetchall()}
            named = {each.name for each in (*model._meta.constraints, *model._meta.indexes)}
            assert named - found == set(), model
            made += len(named)
    assert made > 150


def test_an_initial_migration_refuses_what_does_more_than_make_tables() -> None:
    migration = InitialMigration("0001_initial", "accounts")
    vars(migration)["operations"] = [RunSQL("SELECT 1")]
    with pytest.raises(ValueError, match="belongs in a later migration"):
        migration.apply(ProjectState(), None)  # type: ignore[arg-type]


def test_makemigrations_gives_a_first_migration_its_base(
    tmp_path: Path, settings: Any, monkeypatch: Any
) -> None:
    (tmp_path / "fresh_migrations").mkdir()
    (tmp_path / "fresh_migrations" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    others = {app: None for app in APPS if app != "accounts"}
    settings.MIGRATION_MODULES = {"accounts": "fresh_migrations", **others}
    call_command("makemigrations", "accounts", verbosity=0)
    written = (tmp_path / "fresh_migrations" / "0001_initial.py").read_text()
    assert "from core.schema import InitialMigration\n" in written
    assert "class Migration(InitialMigration):\n" in written
