"""Metering on PostgreSQL notifications: deliveries are priced at once, without a message broker.

A trigger on the queue notifies when a transaction with new deliveries commits. A lost notification
costs a second, because beat and `manage.py work` sweep the queue as well.
"""

import threading
import time

import psycopg
import structlog
from django.db import Error as DatabaseError
from django.db import close_old_connections, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from billing.metering import batches, meter

log = structlog.get_logger(__name__)

CHANNEL = "parley_deliveries"
PAUSE_AFTER_FAULT = 0.5
# Notifications closer together than this are one batch.
BATCH_SECONDS = 0.05


class DeliveryNotifications:
    """A database connection that listens for new deliveries and reconnects by itself."""

    def __init__(self) -> None:
        self._wrapper: BaseDatabaseWrapper | None = None

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds` for a notification; returns whether to check the queue.

        After a reconnect it returns True, because a notification may have been lost.
        """
        try:
            if self._wrapper is None:
                self._connect()
                return True
            assert isinstance(self._wrapper.connection, psycopg.Connection)
            return any(
                True for _ in self._wrapper.connection.notifies(timeout=seconds, stop_after=1)
            )
        except (psycopg.Error, DatabaseError) as error:
            log.warning("listen_connection_lost", error=repr(error))
            self.close()
            time.sleep(PAUSE_AFTER_FAULT)
            return False

    def _connect(self) -> None:
        wrapper = connections.create_connection("default")
        # Kept from the start, so that a connection that cannot listen is closed.
        self._wrapper = wrapper
        wrapper.ensure_connection()
        wrapper.connection.execute(f"LISTEN {CHANNEL}")

    def close(self) -> None:
        """Close the connection."""
        wrapper, self._wrapper = self._wrapper, None
        if wrapper is not None and wrapper.connection is not None:
            wrapper.connection.close()


class Listener(threading.Thread):
    """Daemon thread beside a worker that prices deliveries when they are notified, until
    `stop()`.
    """

    def __init__(self) -> None:
        super().__init__(name="listener", daemon=True)
        self._stopped = threading.Event()
        self._is_any_failed = False

    def run(self) -> None:
        """Wait and price until stopped; database errors are logged and retried."""
        notifications = DeliveryNotifications()
        while not self._stopped.is_set():
            if notifications.wait(1.0):
                time.sleep(BATCH_SECONDS)
                self._price()
            elif self._is_any_failed:
                self._price()
        notifications.close()
        connections.close_all()

    def _price(self) -> None:
        try:
            while meter.meter_due():
                pass
            self._is_any_failed = batches.is_any_failed()
        except Exception:
            log.exception("listener_failed")
        finally:
            close_old_connections()

    def stop(self) -> None:
        """Stop the thread; takes about a second at most."""
        self._stopped.set()
        self.join()
