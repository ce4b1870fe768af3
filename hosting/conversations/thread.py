"""A conversation's thread: pages of messages with private notes, and templates to send in it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import DateTimeField, F, Q, QuerySet, Value

from accounts.models import User
from hosting.conversations.entries import Entry, entries_of
from hosting.models import Activity, Conversation, Message, Note, Template, TemplateStatus

THREAD_PAGE = 40
# The most messages that a page left open reloads at once.
TAIL_LIMIT = 400


@dataclass(frozen=True)
class ThreadPage:
    """Part of a thread in reading order.

    `older` and `newer` are the message ids to continue from, 0 at the ends; `first` is the first
    id. `ends_at` is when the first message after the page was written, None at the end.
    `private_notes` are those above the first message.
    """

    entries: list[Entry]
    older: int
    first: int
    newer: int = 0
    at_start: bool = False
    ends_at: datetime | None = None
    private_notes: list[Note | Activity] = field(default_factory=list)


def latest_page(messages: QuerySet[Message], *, own: str, before: int = 0) -> ThreadPage:
    """Return the newest messages, or those just above message id `before`."""
    ends_at = None
    if before:
        ends_at = messages.filter(pk=before).values_list("created_at", flat=True).first()
        messages = messages.filter(id__lt=before)
    rows = list(messages.order_by("-id").select_related("author", "template")[: THREAD_PAGE + 1])
    more = len(rows) > THREAD_PAGE
    rows = rows[:THREAD_PAGE]
    first = rows[-1].pk if rows else 0
    return ThreadPage(
        entries_of(rows, own=own), first if more else 0, first, at_start=not more, ends_at=ends_at
    )


def page_around(messages: QuerySet[Message], *, own: str, at: int) -> ThreadPage:
    """Return the message with id `at` among those before and after it."""
    above = list(
        messages.filter(id__lte=at)
        .order_by("-id")
        .select_related("author", "template")[: THREAD_PAGE // 2 + 1]
    )
    below = list(
        messages.filter(id__gt=at)
        .order_by("id")
        .select_related("author", "template")[: THREAD_PAGE // 2 + 1]
    )
    rows = above[: THREAD_PAGE // 2] + below[: THREAD_PAGE // 2]
    first = min((row.pk for row in rows), default=0)
    last = max((row.pk for row in rows), default=0)
    more_above, more_below = len(above) > THREAD_PAGE // 2, len(below) > THREAD_PAGE // 2
    return ThreadPage(
        entries_of(rows, own=own),
        first if more_above else 0,
        first,
        last if more_below else 0,
        at_start=not more_above,
        ends_at=below[-1].created_at if more_below else None,
    )


def page_after(messages: QuerySet[Message], *, own: str, after: int) -> ThreadPage:
    """Return the messages just below message id `after`."""
    rows = list(
        messages.filter(id__gt=after)
        .order_by("id")
        .select_related("author", "template")[: THREAD_PAGE + 1]
    )
    following, rows = rows[THREAD_PAGE:], rows[:THREAD_PAGE]
    return ThreadPage(
        entries_of(rows, own=own),
        0,
        rows[0].pk if rows else 0,
        rows[-1].pk if following else 0,
        ends_at=following[0].created_at if following else None,
    )


def page_since(messages: QuerySet[Message], *, own: str, since: int) -> ThreadPage:
    """Return all messages from id `since` on: what an open page reloads after a change."""
    rows = list(
        messages.filter(id__gte=since)
        .order_by("-id")
        .select_related("author", "template")[:TAIL_LIMIT]
    )
    return ThreadPage(entries_of(rows, own=own), 0, since, at_start=not since)


def with_private_notes(page: ThreadPage, conversation: Conversation) -> ThreadPage:
    """Return the page with the private notes and activities of its time span, each below the
    preceding message.
    """
    above: list[Note | Activity] = []
    for note in _beside(conversation, page):
        before = [entry for entry in page.entries if entry.message.created_at <= note.created_at]
        (before[-1].private_notes if before else above).append(note)
    return replace(page, private_notes=above)


COLUMNS = (
    "pk",
    "created_at",
    "author_id",
    "author__name",
    "author__email",
    "text",
    "kind",
    "until",
)


def _beside(conversation: Conversation, page: ThreadPage) -> list[Note | Activity]:
    """Private notes and activities of the page's time span in order, with authors; one query."""
    notes = Note.objects.annotate(kind=Value(""), until=Value(None, DateTimeField()))
    activities = Activity.objects.annotate(text=F("subject"))
    wanted = Q(conversation=conversation)
    if page.entries and not page.at_start:
        wanted &= Q(created_at__gte=page.entries[0].message.created_at)
    if page.ends_at:
        wanted &= Q(created_at__lt=page.ends_at)
    rows = notes.filter(wanted).values_list(*COLUMNS)
    rows = rows.union(activities.filter(wanted).values_list(*COLUMNS), all=True)
    return sorted(map(_beside_row, rows), key=lambda one: (one.created_at, one.pk))


def _beside_row(row: Any) -> Note | Activity:
    pk, at, author_id, name, email, text, kind, until = row
    author = User(pk=author_id, name=name, email=email) if author_id else None
    if kind:
        return Activity(pk=pk, created_at=at, author=author, subject=text, kind=kind, until=until)
    return Note(pk=pk, created_at=at, author=author, text=text)


def first_id_since(messages: QuerySet[Message], since: datetime) -> int:
    """Return the id of the first message at or after `since`, else the last one; 0 when empty."""
    later = messages.filter(created_at__gte=since).order_by("created_at", "id")
    found = (
        later.values_list("id", flat=True).first()
        or messages.order_by("-id").values_list("id", flat=True).first()
    )
    return found or 0


def templates_for(conversation: Conversation) -> list[Template]:
    """Return the approved templates that a conversation's number may send, by name: to a group
    none.
    """
    if conversation.contact.is_group:
        return []
    return list(
        Template.objects.filter(
            business_id=conversation.business_id,
            account_id=conversation.number.account_id,
            status=TemplateStatus.APPROVED,
        ).order_by("name", "language")
    )


def template_content(template: Template, values: dict[str, str]) -> dict[str, Any]:
    """Build the Cloud API's template object with body parameters by placeholder name."""
    content: dict[str, Any] = {"name": template.name, "language": {"code": template.language}}
    if values:
        content["components"] = [{"type": "body", "parameters": _parameters(values.items())}]
    return content


def _parameters(values: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [
        {"type": "text", "text": value} | ({} if name.isdigit() else {"parameter_name": name})
        for name, value in values
    ]
