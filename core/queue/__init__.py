"""The queue: rows of a table that wait to be worked on, claimed in PostgreSQL.

There is one mechanism for all of them.

A queue is declared by a `Queue` and registered in `queues`. Its model is a `QueueRow`. Work goes in
two steps:
1. `claim` counts the attempt and takes a lease on rows, in a transaction of its own that is
committed first;
2. the rows are worked on; their effects and their end are one transaction that begins by locking
the rows and checking that attempt number and lease are still the ones of the claim (the fencing
token).

A row that was tried before is claimed alone, so that it cannot take others with it. A row that
fails waits longer each time and becomes a dead letter after `max_attempts`. A claim takes a share
for each business, so that no backlog delays another business.
"""

from core.queue.declaration import (
    NOBODY,
    Again,
    AsSet,
    AtMostOnce,
    Backoff,
    Claimed,
    Failed,
    GaveUp,
    InSlices,
    InThreads,
    OneByOne,
    Outcome,
    Queue,
    Selection,
    Unknown,
    queues,
)
from core.queue.rows import QueueRow

__all__ = [
    "NOBODY",
    "Again",
    "AsSet",
    "AtMostOnce",
    "Backoff",
    "Claimed",
    "Failed",
    "GaveUp",
    "InSlices",
    "InThreads",
    "OneByOne",
    "Outcome",
    "Queue",
    "QueueRow",
    "Selection",
    "Unknown",
    "queues",
]
