"""The embedded servers: real, private, kept, and never left behind."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from core.installation import process_start, running
from stack.location import PUBLIC
from stack.lock import AlreadyRunning, StackError
from stack.servers import Servers, Settings
from tests.stack.conftest import await_gone, await_true

ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused by PostgreSQL")
KEEP = """
import os, sys, time
from pathlib import Path
from stack.servers import Servers, Settings
import psycopg
servers = Servers(Settings(Path(sys.argv[1]))).start()
with psycopg.connect(servers.url("parley_owner", "parley")) as database:
    database.execute("CREATE TABLE kept (n int)")
    database.execute("INSERT INTO kept SELECT generate_series(1, 500)")
print(*servers.pids.values(), flush=True)
time.sleep(60)
"""


def test_data_and_ports_are_kept_over_a_restart(var: Path) -> None:
    with Servers(Settings(var)) as first:
        with psycopg.connect(first.url("parley_owner", "parley")) as database:
            database.execute("CREATE TABLE kept AS SELECT 7 AS n")
        redis.Redis.from_url(first.environment["REDIS_URL"]).set("kept", "8")
        urls = first.environment
    assert running(var) == {}
    with Servers(Settings(var)) as second:
        assert second.environment == urls == running(var)
        with psycopg.connect(second.url("parley_owner", "parley")) as database:
            assert database.execute("SELECT n FROM kept").fetchone() == (7,)
        assert redis.Redis.from_url(second.environment["REDIS_URL"]).get("kept") == b"8"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start cleans up")
def test_both_end_with_a_killed_parent_and_keep_what_was_committed(
    var: Path, bare: dict[str, str]
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", KEEP, str(var)], stdout=subprocess.PIPE, cwd=ROOT, env=bare
    )
    assert parent.stdout
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2
    parent.kill()
    parent.wait()
    await_gone(*pids)
    with (
        Servers(Settings(var)) as again,
        psycopg.connect(again.url("parley_owner", "parley")) as database,
    ):
        assert database.execute("SELECT count(*), sum(n) FROM kept").fetchone() == (500, 125_250)


def test_every_login_needs_its_password(servers: Servers) -> None:
    assert servers.postgres
    assert servers.valkey
    for role in ("postgres", "parley_owner", "parley_app", "parley_worker"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(
                host="127.0.0.1",
                port=servers.postgres.port,
                user=role,
                password="",
                dbname="parley",
            )
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=servers.valkey.port).get("anything")


def test_roles_are_as_narrow_as_promised(servers: Servers) -> None:
    with psycopg.connect(servers.environment["DATABASE_URL"], autocommit=True) as app:
        asked = (
            "SELECT current_user, rolsuper, rolinherit, rolcreaterole"
            " FROM pg_roles WHERE rolname = current_user"
        )
        assert app.execute(asked).fetchone() == ("parley_app", False, False, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("CREATE TABLE mine (n int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("SET ROLE parley_system")
        app.execute("SET ROLE parley_across")
    with psycopg.connect(servers.environment["DATABASE_WORKER_URL"]) as worker:
        worker.execute("SET LOCAL ROLE parley_system")
    with psycopg.connect(servers.environment["DATABASE_OWNER_URL"]) as owner:
        asked = (
            "SELECT rolname FROM pg_database"
            " JOIN pg_roles ON pg_roles.oid = datdba WHERE datname = 'parley'"
        )
        assert owner.execute(asked).fetchone() == ("parley_owner",)
    for role in ("parley_system", "parley_across"):
        with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
            psycopg.connect(servers.url(role, "parley"))


def test_files_with_secrets_are_private(servers: Servers) -> None:
    for name in ("secrets.json", "stack.json", "valkey/valkey.conf"):
        assert stat.S_IMODE((servers.root / name).stat().st_mode) == 0o600, name
    passwords = {
        str(psycopg.conninfo.conninfo_to_dict(url)["password"])
        for url in servers.environment.values()
        if "post" in url
    }
    for pid in servers.pids.values():
        arguments = subprocess.run(
            ["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True
        ).stdout
        assert arguments
        assert not [word for word in passwords if word in arguments]


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_killed_server_is_started_again_on_its_port(servers: Servers, name: str) -> None:
    said: list[str] = []
    before = servers.pids[name]
    os.kill(before, signal.SIGKILL)
    await_true(lambda: servers.restart_ended(said.append) or servers.processes[name].pid != before)
    assert [
        line
        for line in said
        if line.startswith(f"{name} ended (killed by SIGKILL); it starts again in 0.5 s.")
    ]
    server = servers.postgres if name == "postgres" else servers.valkey
    assert server
    server.await_ready()
    assert running(servers.root) == servers.environment


def test_a_second_start_is_refused_and_leaves_the_first_alone(servers: Servers) -> None:
    with pytest.raises(AlreadyRunning, match=f"runs already on {servers.root}"):
        Servers(Settings(servers.root)).start()
    assert all(process_start(pid) for pid in servers.pids.values())


def test_make_clean_is_refused_while_parley_runs(servers: Servers) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "stack.location", str(servers.root)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert (
        ended.stderr == f"parley: Parley runs already on {servers.root} (process {os.getpid()})."
        " Stop it first.\n"
    )
    assert servers.root.exists()


def test_what_a_killed_supervisor_left_is_ended_and_others_are_spared(var: Path) -> None:
    # As on a system without a parent-death signal: they live on, and stack.json names them.
    left, other = (subprocess.Popen(["sleep", "60"], start_new_session=True) for _ in range(2))
    try:
        var.mkdir()
        mark = '{"pid": %d, "started": "%s", "signal": 15, "patience": 5}'
        left_mark, other_mark = mark % (left.pid, process_start(left.pid)), mark % (other.pid, "1")
        (var / "stack.json").write_text(
            f'{{"processes": {{"web": {left_mark}, "worker": {other_mark}}}}}'
        )
        with Servers(Settings(var), postgres=False):
            assert left.wait(5) == -signal.SIGTERM
            assert other.poll() is None
    finally:
        left.kill()
        other.kill()


def test_lost_secrets_are_named_and_nothing_is_made_anew(var: Path) -> None:
    with Servers(Settings(var, durable=False), valkey=False):
        pass
    (var / "secrets.json").unlink()
    with pytest.raises(StackError, match=r"secrets\.json is missing, but .* is a database"):
        Servers(Settings(var, durable=False), valkey=False).start()
    assert not (var / "secrets.json").exists()


def test_a_killed_first_start_leaves_no_half_made_database(var: Path) -> None:
    (var / "pg.new").mkdir(parents=True)
    (var / "pg.new" / "PG_VERSION").write_text("18")
    with Servers(Settings(var, durable=False), valkey=False) as servers:
        psycopg.connect(servers.environment["DATABASE_URL"]).close()
    assert not (var / "pg.new").exists()


def test_a_missing_or_old_postgresql_is_named(var: Path, tmp_path: Path) -> None:
    settings = Settings(var, postgres_bin=str(tmp_path))
    with pytest.raises(
        StackError,
        match=r"PostgreSQL is missing: .* has no program `postgres`\. Run `make clean run`",
    ):
        Servers(settings).start()
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 15.4'\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(StackError, match="is version 15; 17 is needed"):
        Servers(settings).start()


def test_a_server_that_does_not_start_says_why(var: Path) -> None:
    with Servers(Settings(var, durable=False), valkey=False) as servers:
        data = servers.postgres.location.data if servers.postgres else None
    assert data
    (data / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(StackError, match=r"PostgreSQL did not start: .*FATAL.*incompatible"):
        Servers(Settings(var, durable=False), valkey=False).start()


@as_root
def test_root_in_a_private_folder_keeps_the_database_where_nobody_can_reach_it(
    tmp_path: Path,
) -> None:
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    servers = Servers(Settings(private / "var", durable=False), valkey=False)
    try:
        with servers, psycopg.connect(servers.environment["DATABASE_URL"]) as database:
            assert database.execute("SELECT 1").fetchone() == (1,)
            assert servers.note.startswith(
                f"Root's private folder: the database's files are in {PUBLIC}/parley-"
            )
            assert stat.S_IMODE(private.stat().st_mode) == 0o700
            outside = Path(servers.note.rsplit(" ", 1)[1].rstrip("."))
            assert sorted(path.name[:9] for path in outside.iterdir()) == ["pg", "programs-"]
    finally:
        servers.remove()
    assert not outside.exists()


@as_root
def test_a_strangers_folder_in_the_public_place_is_not_trusted(tmp_path: Path) -> None:
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    servers = Servers(Settings(private / "var", durable=False), valkey=False)
    from stack import location

    trap = location._outside(private / "var")
    trap.mkdir()
    os.chown(trap, 65534, 65534)
    try:
        with pytest.raises(StackError, match="is not root's own folder"):
            servers.start()
        assert list(trap.iterdir()) == []
    finally:
        trap.rmdir()
