"""Listening: PostgreSQL itself tells that deliveries wait, so they are priced at once, with a
broker or without.

A trigger on the queue notifies when a transaction that put something there commits. A lost
notification costs a second: beat and pump sweep all the same.
"""

import threading
import time

import psycopg
import structlog
from django.db import Error as DatabaseError
from django.db import close_old_connections, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from billing.metering import meter

log = structlog.get_logger(__name__)

CHANNEL = "parley_deliveries"
PAUSE_AFTER_FAULT = 0.5
# Notifications closer together than this are one batch.
GATHER = 0.05


class Ear:
    """A connection of its own that hears when deliveries wait; connects, and connects again, by
    itself.
    """

    def __init__(self) -> None:
        self._held: BaseDatabaseWrapper | None = None

    def wait(self, seconds: float) -> bool:
        """Wait for word at most so long; tells whether to look. After a lost connection it is
        always worth a look.
        """
        try:
            if self._held is None:
                self._connect()
                return True
            assert isinstance(self._held.connection, psycopg.Connection)
            return any(True for _ in self._held.connection.notifies(timeout=seconds, stop_after=1))
        except (psycopg.Error, DatabaseError) as error:
            log.warning("ear_lost", error=repr(error))
            self.close()
            time.sleep(PAUSE_AFTER_FAULT)
            return False

    def _connect(self) -> None:
        held = connections.create_connection("default")
        # Kept from the start, so that a connection that cannot listen is closed.
        self._held = held
        held.ensure_connection()
        held.connection.execute(f"LISTEN {CHANNEL}")

    def close(self) -> None:
        """Let go of the connection."""
        held, self._held = self._held, None
        if held is not None and held.connection is not None:
            held.connection.close()


class Listener(threading.Thread):
    """Prices deliveries as soon as they are told, beside a worker and without its broker; daemon,
    until `end()`.
    """

    def __init__(self) -> None:
        super().__init__(name="listener", daemon=True)
        self._ended = threading.Event()

    def run(self) -> None:
        """Listen, price, and go on after whatever happens to the database."""
        ear = Ear()
        while not self._ended.is_set():
            if ear.wait(1.0):
                time.sleep(GATHER)
                self._price()
        ear.close()
        connections.close_all()

    def _price(self) -> None:
        try:
            while meter.meter_due():
                pass
        except Exception:
            log.exception("listener_failed")
        finally:
            close_old_connections()

    def end(self) -> None:
        """Stop within a second or so."""
        self._ended.set()
        self.join()
