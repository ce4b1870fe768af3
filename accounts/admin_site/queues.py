"""Queues in the admin: what waits, what was given up and why, and running it again."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Case, Model, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from accounts.admin_site.base import EXACT_UP_TO, NAMED, Item, ReadOnlyAdmin
from accounts.audit import record
from core.queue import Queue, queues, settle
from core.queue.figures import figures
from core.wake import notify

LABELS = {"dead": "danger", "waiting": "info", "done": "success"}
# A due row that waits longer than this (seconds) is shown in red.
LONG_SECONDS = 60


def queues_of(model: type[Model]) -> list[Queue]:
    """The queues whose rows are rows of this model."""
    return [queue for queue in queues if queue.model is model]


def _any(conditions: Iterable[Q]) -> Q:
    found = Q(pk=None)
    for condition in conditions:
        found |= condition
    return found


def dead_letters(model: type[Model]) -> Q:
    """The condition for rows that were given up."""
    return _any(queue.is_dead for queue in queues_of(model))


def waiting_rows(model: type[Model]) -> Q:
    """The condition for rows that are neither done nor given up."""
    return _any(Q(dead_at=None) & queue.is_open for queue in queues_of(model))


class QueueStateFilter(admin.SimpleListFilter):
    """Dead letters, or rows that wait."""

    title = _("queue")
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """What there is to choose from."""
        return [("dead", _("Failed")), ("waiting", _("Waiting"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the state chosen; all of them otherwise."""
        if self.value() == "dead":
            return queryset.filter(dead_letters(queryset.model))
        if self.value() == "waiting":
            return queryset.filter(waiting_rows(queryset.model))
        return queryset


class QueueAdmin(ReadOnlyAdmin):
    """Rows of a queue; whoever may change them may let dead letters run again."""

    actions: Any = ("rerun",)
    list_filter: Any = (QueueStateFilter,)
    ordering: Any = ("-pk",)
    # Of no use to a reader; `leased_by` names a session of the database.
    hidden: ClassVar[tuple[str, ...]] = ("leased_by",)
    # The Celery task that works on the queue.
    task: ClassVar[Any] = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """All rows, each with its state in the queue."""
        model = self.model
        state = Case(
            When(dead_letters(model), then=Value("dead")),
            When(waiting_rows(model), then=Value("waiting")),
            default=Value("done"),
        )
        found: QuerySet[Any] = super().get_queryset(request).annotate(queue_state=state)
        return found

    @display(description=_("queue"), label=LABELS)
    def queue_state(self, row: Any) -> str:
        """Dead, waiting or done."""
        return str(row.queue_state)

    def has_rerun_permission(self, request: HttpRequest) -> bool:
        """Whoever may change rows of this queue."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    @action(description=_("Run again (dead letters only)"), permissions=["rerun"])
    def rerun(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Open dead letters again, with all their attempts."""
        count = self.act(request, queryset, do=self._rerun)
        if self.task is not None:
            notify(self.task)
        messages.success(
            request,
            ngettext(
                "%(count)s row runs again.",
                "%(count)s rows run again.",
                count,
            )
            % {"count": count},
        )

    def _rerun(self, keys: Sequence[Any]) -> int:
        return sum(settle.rerun(queue, keys) for queue in queues_of(self.model))

    def act(
        self,
        request: HttpRequest,
        rows: QuerySet[Any],
        *,
        do: Callable[[Sequence[Any]], int],
        name: str = "rerun",
    ) -> int:
        """Do something to the rows chosen, and record who did; returns to how many it was done."""
        keys = list(rows.values_list("pk", flat=True))
        count = do(keys)
        subject = f"{count} of {len(keys)} {self.opts.verbose_name_plural}"
        ids = {"ids": keys[:NAMED]}
        record.record(action=f"{self.opts.model_name}.{name}", subject=subject, after=ids)
        return count


def items() -> list[Item]:
    """Of each queue: its dead letters, and how long its oldest due row waits where that is long."""
    found = []
    for name, figure in figures().items():
        queue = queues[name]
        count = f"{EXACT_UP_TO:,}+" if figure.dead > EXACT_UP_TO else f"{figure.dead:,}"
        url = _list_of(queue)
        is_urgent = bool(figure.dead) and queue.is_urgent
        found.append(Item(queue.dead_title, count, f"{url}?queue=dead", "", is_urgent))
        if figure.oldest_seconds > LONG_SECONDS:
            age = f"{figure.oldest_seconds:.0f} s"
            title = _("Waits for long: %(what)s") % {"what": queue.about}
            found.append(Item(title, age, f"{url}?queue=waiting", "", True))
    return found


def _list_of(queue: Queue) -> str:
    meta = queue.model._meta
    try:
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    except NoReverseMatch:
        return ""
