"""A server with one login for everything: migrations create roles, the application sets its own."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core.installation import kept_secrets
from core.programs import postgres_bin
from core.schema import schema_file
from stack.location import locate
from stack.postgres import Postgres


@pytest.fixture
def elsewhere(var: Path) -> Iterator[Postgres]:
    """A server without Parley's roles."""
    var.mkdir()
    var.chmod(0o755)
    server = Postgres(
        locate(var, postgres_bin()),
        var / "log",
        kept_secrets(var),
        None,
        durable=False,
        max_connections=20,
    )
    server.start()
    try:
        server.await_ready()
        yield server
    finally:
        server.process.stop()
        server.process.await_end()


def test_the_login_that_migrates_can_take_the_plain_role(elsewhere: Postgres) -> None:
    with psycopg.connect(elsewhere.url("postgres", "postgres"), autocommit=True) as server:
        server.execute("CREATE ROLE shop LOGIN CREATEROLE PASSWORD 'pw'")
        server.execute("CREATE DATABASE shop OWNER shop")
    url = f"postgresql://shop:pw@127.0.0.1:{elsewhere.port}/shop"
    for _ in range(2):  # it may run again
        with psycopg.connect(url) as owner:
            owner.execute(schema_file("core", "roles"))
            owner.execute("CREATE TABLE IF NOT EXISTS made_later (n int)")
    with psycopg.connect(url, options="-c role=parley_app") as app:
        assert app.execute("SELECT session_user, current_user").fetchone() == ("shop", "parley_app")
        assert app.execute(
            "SELECT pg_has_role('parley_system', 'USAGE'),"
            " pg_has_role(session_user, 'parley_system', 'SET')"
        ).fetchone() == (
            False,
            True,
        )
        app.execute("INSERT INTO made_later VALUES (1)")
        app.execute("SET LOCAL ROLE parley_across")
        app.execute("SET LOCAL ROLE parley_system")
        assert app.execute("SELECT n FROM made_later").fetchone() == (1,)
