"""Reading conversations as people read them: the list a page at a time, a thread from its end upwards."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, Exists, JSONField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import JSONObject

from accounts.models import Business, Membership, User
from hosting.conversations.entries import Entry, entries_of
from hosting.models import (
    Conversation,
    ConversationLabel,
    Label,
    LockedMessage,
    Message,
    Note,
    Number,
    Template,
    TemplateStatus,
)

LIST_PAGE = 30
THREAD_PAGE = 40
# A thread left open for long shows at most this many messages below the one it began with.
TAIL_LIMIT = 400

VIEWS = ("open", "mine", "unassigned", "snoozed", "resolved", "locked")


@dataclass(frozen=True)
class ListPage:
    """One page of conversations; `older` is the cursor of the next page, empty on the last."""

    conversations: list[Conversation]
    older: str


@dataclass(frozen=True)
class ThreadPage:
    """A stretch of a thread in reading order; `older` and `newer` are the ids to continue from, 0 at the ends.

    `ends_at` is when the first message below the stretch was written, None at the end; `remarks` stand above all.
    """

    entries: list[Entry]
    older: int
    first: int
    newer: int = 0
    at_start: bool = False
    ends_at: datetime | None = None
    remarks: list[Note] = field(default_factory=list)


@dataclass(frozen=True)
class Narrowing:
    """What a list of conversations is narrowed to, beside its view; empty is everything."""

    words: str = ""
    label: int = 0
    number: Number | None = None
    assignee: int = 0


@dataclass(frozen=True)
class Choices:
    """What conversations of a business are sorted and given by: its labels, members (as users) and numbers.

    `counts` says how many conversations each view holds for the reader, where that was asked for.
    """

    labels: list[Label]
    members: list[User]
    numbers: list[Number]
    counts: dict[str, int]


def choices_of(business: Business, *, reader: User | None = None) -> Choices:
    """All of it in one query; the rows carry only what pages show of them. With a `reader` views are counted too."""
    labels = Label.objects.filter(business=OuterRef("pk")).order_by("name")
    members = Membership.objects.filter(business=OuterRef("pk")).order_by("id")
    numbers = Number.objects.filter(business=OuterRef("pk")).order_by("id")
    found = Business.objects.filter(pk=business.pk).values_list(
        ArraySubquery(labels.values(row=JSONObject(id="id", name="name"))),
        ArraySubquery(
            members.values(row=JSONObject(id="user_id", name="user__name", email="user__email"))
        ),
        ArraySubquery(
            numbers.values(
                row=JSONObject(
                    id="id",
                    phone_number_id="phone_number_id",
                    digits="digits",
                    verified_name="verified_name",
                )
            )
        ),
        _counted(business, reader) if reader else Value(None, JSONField()),
    )[0]
    return Choices(
        [Label(**row) for row in found[0]],
        [User(**row) for row in found[1]],
        [Number(**row) for row in found[2]],
        found[3] or dict.fromkeys(VIEWS, 0),
    )


def _counted(business: Business, reader: User) -> Subquery:
    counts = {
        name: Count("id", filter=view) for name, view in _views(business.now(), reader).items()
    }
    every = Conversation.objects.filter(business=OuterRef("pk")).order_by().values("business")
    return Subquery(
        every.annotate(row=JSONObject(**counts)).values("row"), output_field=JSONField()
    )


def _views(now: datetime, user: User) -> dict[str, Q | Exists]:
    asleep = Q(is_resolved=False, snoozed_until__gt=now)
    awake = Q(is_resolved=False) & (Q(snoozed_until=None) | Q(snoozed_until__lte=now))
    return {
        "open": awake,
        "mine": awake & Q(assignee=user),
        "unassigned": awake & Q(assignee=None),
        "snoozed": asleep,
        "resolved": Q(is_resolved=True),
        "locked": Exists(LockedMessage.objects.filter(conversation=OuterRef("pk"))),
    }


def matching(
    business: Business, *, view: str, narrowing: Narrowing, user: User
) -> QuerySet[Conversation]:
    """The conversations of one view whose contact's name or number has all the words, and that fit the rest."""
    views = _views(business.now(), user)
    found = Conversation.objects.filter(views.get(view, views["open"]), business=business)
    if narrowing.label:
        found = found.filter(labels=narrowing.label)
    if narrowing.number:
        found = found.filter(number=narrowing.number)
    if narrowing.assignee:
        found = found.filter(assignee=narrowing.assignee)
    return _called(found, narrowing.words)


def _called(found: QuerySet[Conversation], words: str) -> QuerySet[Conversation]:
    for word in words.split()[:5]:
        digits = word.lstrip("+")
        by_number = Q(contact__wa_id__startswith=digits) if digits.isdigit() else Q()
        found = found.filter(
            Q(contact__name__icontains=word) | Q(contact__alias__icontains=word) | by_number
        )
    return found


def label_ids() -> ArraySubquery:
    """The ids of a conversation's labels, as a column of its query."""
    return ArraySubquery(
        ConversationLabel.objects.filter(conversation=OuterRef("pk")).values("label_id")
    )


def list_page(conversations: QuerySet[Conversation], *, before: str = "") -> ListPage:
    """A page of conversations, newest first, from the cursor `before` (`<ISO time>,<id>`); a bad cursor is ignored."""
    if cursor := _cursor(before):
        at, last_id = cursor
        # Written so that the index on (business, last_message_at, id) is walked, not scanned.
        conversations = conversations.filter(last_message_at__lte=at).exclude(
            last_message_at=at, id__gte=last_id
        )
    rows = list(
        conversations.newest_first()  # type: ignore[attr-defined]
        .select_related("contact", "number", "assignee")
        .annotate(label_ids=label_ids())[: LIST_PAGE + 1]
    )
    last = rows[LIST_PAGE - 1] if len(rows) > LIST_PAGE else None
    return ListPage(
        rows[:LIST_PAGE], f"{last.last_message_at.isoformat()},{last.pk}" if last else ""
    )


def _cursor(text: str) -> tuple[datetime, int] | None:
    time, _, last_id = text.partition(",")
    try:
        at = datetime.fromisoformat(time)
        return (at, int(last_id)) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def latest_page(messages: QuerySet[Message], *, own: str, before: int = 0) -> ThreadPage:
    """The newest messages, or those just above message id `before`; `own` is the direction shown as one's own."""
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
    """A message with those before and after it, as it is shown when somebody jumps to it."""
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
    """The messages just below message id `after`."""
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
    """Everything from message id `since` on: what a page that is open shows again when something changed."""
    rows = list(
        messages.filter(id__gte=since)
        .order_by("-id")
        .select_related("author", "template")[:TAIL_LIMIT]
    )
    return ThreadPage(entries_of(rows, own=own), 0, since, at_start=not since)


def with_remarks(page: ThreadPage, conversation: Conversation) -> ThreadPage:
    """The stretch with what colleagues noted in its time, each remark below the message that it follows."""
    notes = (
        Note.objects.filter(conversation=conversation)
        .select_related("author")
        .order_by("created_at", "id")
    )
    if page.entries and not page.at_start:
        notes = notes.filter(created_at__gte=page.entries[0].message.created_at)
    if page.ends_at:
        notes = notes.filter(created_at__lt=page.ends_at)
    above: list[Note] = []
    for note in notes:
        before = [entry for entry in page.entries if entry.message.created_at <= note.created_at]
        (before[-1].remarks if before else above).append(note)
    return replace(page, remarks=above)


def at_day(messages: QuerySet[Message], since: datetime) -> int:
    """The id of the first message from `since` on, else the last before it; 0 in an empty thread."""
    later = messages.filter(created_at__gte=since).order_by("created_at", "id")
    found = (
        later.values_list("id", flat=True).first()
        or messages.order_by("-id").values_list("id", flat=True).first()
    )
    return found or 0


def templates_for(conversation: Conversation) -> list[Template]:
    """The approved templates that may be sent in a conversation, by name."""
    return list(
        Template.objects.filter(
            business_id=conversation.business_id,
            account_id=conversation.number.account_id,
            status=TemplateStatus.APPROVED,
        ).order_by("name", "language")
    )


def template_content(template: Template, values: dict[str, str]) -> dict[str, Any]:
    """The Cloud API's template object with body parameters from `values` by placeholder name."""
    content: dict[str, Any] = {"name": template.name, "language": {"code": template.language}}
    if values:
        content["components"] = [{"type": "body", "parameters": _parameters(values.items())}]
    return content


def _parameters(values: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [
        {"type": "text", "text": value} | ({} if name.isdigit() else {"parameter_name": name})
        for name, value in values
    ]
