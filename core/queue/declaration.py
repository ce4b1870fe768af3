"""What a queue declares.

Its rows, their order, who is served next, what is done with them, and when it is given up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from django.db.models import Q

from core.queue.rows import QueueRow
from core.registry import Registry

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# The owner of rows that belong to no business (SQL).
NOBODY = "0::bigint"
Work = TypeVar("Work")
Result = TypeVar("Result")


@dataclass(slots=True)
class Claimed:
    """A row that this worker alone may work on until its lease ends.

    `attempts` and `leased_until` are the fencing token. `settle.renew` changes both; the ones
    before are `renewed`, as a transaction that is rolled back brings them back. `owner` is whose
    row it is: the business's id, unless the queue shares out by something else.
    """

    key: int
    owner: int
    attempts: int
    leased_until: datetime
    renewed: list[tuple[int, datetime]] = field(default_factory=list)

    @property
    def tokens(self) -> list[tuple[int, datetime]]:
        """What the row may hold while it is this worker's."""
        return [*self.renewed, (self.attempts, self.leased_until)]


@dataclass(frozen=True, slots=True)
class Again:
    """The row got somewhere and waits for its next turn, `seconds` from now.

    Its attempts are counted from 0 again, unless it is not `fresh`.
    """

    seconds: float = 0.0
    reason: str = ""
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed: the row is tried again after the queue's backoff, or is a dead letter
    after the last one.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """Trying again would not help: the row is a dead letter at once."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Whether the work was done is not known, and it must not be done twice.

    The row waits for an operator.
    """

    reason: str


# None: the row is done.
Outcome: TypeAlias = Again | Failed | GaveUp | Unknown | None
Outcomes: TypeAlias = Mapping[int, Outcome]  # by key; a row that is not named is done


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Seconds between attempts.

    `first`, then times `factor` each time, at most `longest`; `jitter` is a share of it.
    """

    first: float = 2.0
    factor: float = 2.0
    longest: float = 300.0
    jitter: float = 0.2

    def after(self, attempts: int, *, chance: float) -> float:
        """Seconds to wait after that many attempts.

        `chance` (0 to 1) places it between less and more by `jitter`.
        """
        plain = min(self.first * self.factor ** min(max(attempts, 1) - 1, 60), self.longest)
        return plain * (1 + self.jitter * (2 * chance - 1))


@dataclass(frozen=True, slots=True)
class OneByOne:
    """Each row in a transaction of its own, within its business's scope."""

    do: Callable[[Claimed], Outcome]


@dataclass(frozen=True, slots=True)
class AsSet:
    """Many rows by one call in one transaction.

    When it raises, the set is halved until the row at fault is alone.

    In a queue that is scoped a set has rows of one business; else of any.
    """

    do: Callable[[Sequence[Claimed]], Outcomes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class InThreads(Generic[Work, Result]):
    """Work that waits for others (HTTP requests), done by threads outside of every transaction.

    `prepare` reads in a transaction what each row needs, by key; a row that it leaves out is done.
    `perform` runs in a thread and touches no database. `finish` writes results down in a
    transaction, for rows that are still this worker's. `late` gets the results of rows whose lease
    was lost meanwhile.
    """

    size: int
    prepare: Callable[[Sequence[Claimed]], Mapping[int, Work]]
    perform: Callable[[Work], Result]
    finish: Callable[[Mapping[int, Result]], Outcomes | None]
    late: Callable[[Sequence[Result]], None] | None = None
    per_owner: int | None = None  # rows of one owner under way at once; None: half of the threads

    @property
    def most_of_one(self) -> int:
        """How many rows of one owner are under way at once in one process."""
        return self.per_owner or max(1, self.size // 2)


@dataclass(frozen=True, slots=True)
class InSlices:
    """Long work, some seconds at a time and in as many transactions as it likes.

    Then others have their turn.

    The worker renews its lease with every step of progress (`settle.renew`), and attempts are
    counted from 0 again. `do` ends the row itself: where it returns None, nothing is left to do.
    """

    do: Callable[[Claimed], Outcome]


@dataclass(frozen=True, slots=True)
class Selection:
    """A queue's own way of choosing rows, where each receiver has limits of its own.

    `sql` is a SELECT of columns key, owner, attempts, was_lost, place: due rows, at most
    `%(limit)s`; `parameters` are its values beside `limit`, given what is under way in this
    process. It runs under the advisory lock `lock`.
    """

    sql: str
    lock: int
    parameters: Callable[[Sequence[Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AtMostOnce:
    """For work that must never be done twice.

    A row whose worker vanished is not claimed again but waits for a person.

    `claimed` is the condition for rows under way. SQL values of columns: `on_claim` are set by a
    claim, `on_release` when the row waits again, `on_loss` when its result is unknown: with
    `reason` where the lease ended without a word.
    """

    claimed: Q
    on_claim: Mapping[str, str]
    on_release: Mapping[str, str]
    on_loss: Mapping[str, str]
    reason: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Queue:
    """One queue.

    `is_open` is the condition for rows that are neither done nor dead, which its index repeats:
    (owner, not_before, key) where open; `is_dead` the one for dead letters. `owner` is an SQL
    expression, a whole number: claims take a share for each (`NOBODY`: the rows are no business's).
    `scoped` says that it is the business's id, and that rows are worked on within that business's
    scope. `ready` (SQL) holds back rows that are not due for another reason than time. Where
    `urgent` (SQL) holds, rows go before all others, whoever's they are. `weight` (SQL) says how
    much work a row is; of one claim's `most_weight` each owner has a share, and at least one row.
    Of rows with equal `order_by` columns the earlier goes first. SQL values of columns: `done` are
    set when a row is done (None: the row is deleted), `on_death` when a row becomes a dead letter,
    `on_rerun` when it is opened again.
    `when_dead` is called in that transaction, with the reason. `counts` (SQL) leaves rows out of
    the age that health reports. `due_since` (SQL) is the moment from
    which it runs. `dead_title` is what operators
    read of its dead letters, `is_urgent` whether these are theirs to mend.
    """

    name: str
    about: str
    model: type[QueueRow]
    work: OneByOne | AsSet | InThreads[Any, Any] | InSlices
    is_open: Q
    is_dead: Q = field(default_factory=lambda: Q(dead_at__isnull=False))
    owner: str = "business_id"
    scoped: bool = True
    ready: str = "true"
    urgent: str = ""
    weight: str = ""
    most_weight: int = 0
    order_by: tuple[str, ...] = ()
    selection: Selection | None = None
    batch: int = 50
    lease_seconds: float = 60.0
    max_attempts: int | None = 5
    backoff: Backoff = Backoff()
    done: Mapping[str, str] | None = None
    at_most_once: AtMostOnce | None = None
    on_death: Mapping[str, str] = field(default_factory=dict)
    on_rerun: Mapping[str, str] = field(default_factory=dict)
    when_dead: Callable[[Claimed, str], None] | None = None
    counts: str = "true"
    due_since: str = "not_before"
    dead_title: "StrOrPromise" = ""
    is_urgent: bool = True

    @property
    def table(self) -> str:
        """The table's name."""
        return self.model._meta.db_table

    @property
    def key(self) -> str:
        """The column that names a row."""
        column = self.model._meta.pk.column
        assert column is not None
        return column

    def __str__(self) -> str:
        return self.name


queues: Registry[Queue] = Registry(
    "core.queue.queues",
    "Every queue there is; workers, health, metrics, the admin and tests go through them.",
    key=lambda queue: queue.name,
)
