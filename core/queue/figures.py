"""Figures of all queues, for health, metrics and the admin.

Age of the oldest due row, open rows, dead letters.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection

from core.queue import statements
from core.queue.claim import REASON
from core.queue.declaration import queues
from core.tenancy import system

# Rows are counted up to here.
MOST = 10_001


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one queue: since how many seconds its oldest due row waits, open rows and dead letters
    (up to `MOST`).
    """

    name: str
    oldest_seconds: float
    open: int
    dead: int


def figures() -> dict[str, Figures]:
    """Figures of every registered queue, by name; one statement."""
    if not len(queues):
        return {}
    values: dict[str, Any] = {"most": MOST}
    selects = []
    for number, queue in enumerate(queues):
        values[f"name_{number}"] = queue.name
        selects.append(statements.figures(queue, number))
    with system(REASON), connection.cursor() as cursor:
        cursor.execute("\nUNION ALL\n".join(selects), values)
        return {name: Figures(name, *rest) for name, *rest in cursor.fetchall()}
