"""Counting what a connection asks the server: each message that waits for an answer."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection


@contextmanager
def round_trips() -> Iterator[list[int]]:
    """Count the round trips of this thread's connection; the yielded list holds the number.

    libpq writes down the protocol: `Query` asks in one message, `Sync` ends those of a statement
    with parameters. The connection must be there before.
    """
    connection.ensure_connection()
    held = connection.connection.pgconn
    counted: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "protocol"
        with path.open("w") as file:
            held.trace(file.fileno())
            try:
                yield counted
            finally:
                held.untrace()
        # A parameter with line breaks continues on lines of its own.
        sent = [line.split("\t")[1:4:2] for line in path.read_text().splitlines()]
    counted.append(sum(one in (["F", "Query"], ["F", "Sync"]) for one in sent))
