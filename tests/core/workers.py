"""Worker processes that hang and are killed, and faults planted in the database that make them."""

import os
import signal
import threading
import time
from collections.abc import Callable

from django.db import connection, connections

from tests.databases import admin

# A worker that found nothing for so long (seconds) has nothing more to do.
QUIET, PAUSE = 0.15, 0.04


def plant_faults(table: str, event: str, *, raising: str, killing: str) -> None:
    """From now on `event` on a row of the table raises where the condition `raising` (SQL) holds.

    Where `killing` holds, it hangs until its worker is killed. Empty: nothing of that sort.
    """
    with admin(str(connection.settings_dict["NAME"])) as database:
        for name, when, body in (
            ("planted_raise", raising, "RAISE EXCEPTION 'planted'"),
            ("planted_kill", killing, "PERFORM pg_sleep(300)"),
        ):
            database.execute(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN {body}; RETURN coalesce(NEW, OLD); END $$"
            )
            if when:
                database.execute(
                    f"CREATE TRIGGER {name} BEFORE {event} ON {table}"
                    f" FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}()"
                )


def mend_faults() -> None:
    """Take the planted faults away."""
    with admin(str(connection.settings_dict["NAME"])) as database:
        database.execute("DROP FUNCTION IF EXISTS planted_raise, planted_kill CASCADE")


def run(once: Callable[[], int]) -> int:
    """Let a process call `once` until it finds nothing for a while; kill it where it hangs.

    Returns how it ended: 0 or -9.
    """
    connections.close_all()
    child = os.fork()
    if child == 0:
        until = time.monotonic() + QUIET
        while time.monotonic() < until:
            if once():
                until = time.monotonic() + QUIET
            time.sleep(PAUSE)
        os._exit(0)
    ended = threading.Event()
    killer = threading.Thread(target=_kill_where_it_hangs, args=(child, ended))
    killer.start()
    _, status = os.waitpid(child, 0)
    ended.set()
    killer.join()
    return os.waitstatus_to_exitcode(status)


def _kill_where_it_hangs(child: int, ended: threading.Event) -> None:
    with admin(str(connection.settings_dict["NAME"])) as database:
        while not ended.wait(PAUSE):
            hanging = database.execute(
                "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                " AND datname = current_database()"
            ).fetchall()
            if hanging:
                os.kill(child, signal.SIGKILL)
                for (pid,) in hanging:
                    database.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
                return
