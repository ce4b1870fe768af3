"""Reading conversations as people read them: the list a page at a time, a thread from its end upwards."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from accounts.models import Business, User
from hosting import extensions
from hosting.cloudapi.sends import MEDIA_KINDS
from hosting.models import Conversation, Media, Message, Template, TemplateStatus
from hosting.storing import media_of

LIST_PAGE = 30
THREAD_PAGE = 40
# A thread left open for long shows at most this many messages below the one it began with.
TAIL_LIMIT = 400

VIEWS: dict[str, Q] = {
    "open": Q(is_resolved=False),
    "mine": Q(is_resolved=False),
    "unassigned": Q(is_resolved=False, assignee=None),
    "resolved": Q(is_resolved=True),
}

KNOWN_KINDS = frozenset({
    "text", "template", "image", "video", "audio", "document", "sticker", "location", "contacts", "interactive",
    "button", "order", "reaction", "system", "media_placeholder",
})  # fmt: skip


@dataclass(frozen=True)
class ListPage:
    """One page of conversations; `older` is the cursor of the next page, empty on the last."""

    conversations: list[Conversation]
    older: str


@dataclass(frozen=True)
class Entry:
    """One message as a thread shows it: with its day when that changes, its quote, notes and reactions."""

    message: Message
    mine: bool
    day: date | None
    turn: bool
    quoted: Message | None = None
    notes: list[extensions.MessageNote] = field(default_factory=list)
    reactions: list[str] = field(default_factory=list)
    media: Media | None = None

    @property
    def template(self) -> str:
        """The component that draws this kind of message."""
        kind = self.message.kind if self.message.kind in KNOWN_KINDS else "unknown"
        return f"hosting/bubbles/{kind}.html"


@dataclass(frozen=True)
class ThreadPage:
    """A stretch of a thread in reading order; `older` and `newer` are the ids to continue from, 0 at the ends."""

    entries: list[Entry]
    older: int
    first: int
    newer: int = 0


def matching(business: Business, *, view: str, words: str, user: User) -> QuerySet[Conversation]:
    """The conversations of one view whose contact's name or number has all `words`."""
    found = Conversation.objects.filter(VIEWS.get(view, VIEWS["open"]), business=business)
    if view == "mine":
        found = found.filter(assignee=user)
    for word in words.split()[:5]:
        digits = word.lstrip("+")
        by_number = Q(contact__wa_id__startswith=digits) if digits.isdigit() else Q()
        found = found.filter(Q(contact__name__icontains=word) | Q(contact__alias__icontains=word) | by_number)
    return found


def list_page(conversations: QuerySet[Conversation], *, before: str = "") -> ListPage:
    """A page of conversations, newest first, from the cursor `before` (`<ISO time>,<id>`); a bad cursor is ignored."""
    if cursor := _cursor(before):
        at, last_id = cursor
        # Written so that the index on (business, last_message_at, id) is walked, not scanned.
        conversations = conversations.filter(last_message_at__lte=at).exclude(last_message_at=at, id__gte=last_id)
    rows = list(
        conversations.newest_first().select_related("contact", "number", "assignee")[: LIST_PAGE + 1]  # type: ignore[attr-defined]
    )
    last = rows[LIST_PAGE - 1] if len(rows) > LIST_PAGE else None
    return ListPage(rows[:LIST_PAGE], f"{last.last_message_at.isoformat()},{last.pk}" if last else "")


def _cursor(text: str) -> tuple[datetime, int] | None:
    time, _, last_id = text.partition(",")
    try:
        at = datetime.fromisoformat(time)
        return (at, int(last_id)) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def view_counts(business: Business, user: User) -> dict[str, int]:
    """How many conversations each view holds; one query."""
    counts: dict[str, int] = Conversation.objects.filter(business=business).aggregate(
        open=Count("id", filter=VIEWS["open"]),
        mine=Count("id", filter=VIEWS["mine"] & Q(assignee=user)),
        unassigned=Count("id", filter=VIEWS["unassigned"]),
        resolved=Count("id", filter=VIEWS["resolved"]),
    )
    return counts


def latest_page(messages: QuerySet[Message], *, own: str, before: int = 0) -> ThreadPage:
    """The newest messages, or those just above message id `before`; `own` is the direction shown as one's own."""
    if before:
        messages = messages.filter(id__lt=before)
    rows = list(messages.order_by("-id").select_related("author")[: THREAD_PAGE + 1])
    more = len(rows) > THREAD_PAGE
    rows = rows[:THREAD_PAGE]
    first = rows[-1].pk if rows else 0
    return ThreadPage(_entries(rows, own), first if more else 0, first)


def page_around(messages: QuerySet[Message], *, own: str, at: int) -> ThreadPage:
    """A message with those before and after it, as it is shown when somebody jumps to it."""
    above = list(messages.filter(id__lte=at).order_by("-id").select_related("author")[: THREAD_PAGE // 2 + 1])
    below = list(messages.filter(id__gt=at).order_by("id").select_related("author")[: THREAD_PAGE // 2 + 1])
    rows = above[: THREAD_PAGE // 2] + below[: THREAD_PAGE // 2]
    first = min((row.pk for row in rows), default=0)
    last = max((row.pk for row in rows), default=0)
    return ThreadPage(
        _entries(rows, own),
        first if len(above) > THREAD_PAGE // 2 else 0,
        first,
        last if len(below) > THREAD_PAGE // 2 else 0,
    )


def page_after(messages: QuerySet[Message], *, own: str, after: int) -> ThreadPage:
    """The messages just below message id `after`."""
    rows = list(messages.filter(id__gt=after).order_by("id").select_related("author")[: THREAD_PAGE + 1])
    more, rows = len(rows) > THREAD_PAGE, rows[:THREAD_PAGE]
    return ThreadPage(_entries(rows, own), 0, rows[0].pk if rows else 0, rows[-1].pk if more else 0)


def page_since(messages: QuerySet[Message], *, own: str, since: int) -> ThreadPage:
    """Everything from message id `since` on: what a page that is open shows again when something changed."""
    rows = list(messages.filter(id__gte=since).order_by("-id").select_related("author")[:TAIL_LIMIT])
    return ThreadPage(_entries(rows, own), 0, since)


def _entries(rows: Sequence[Message], own: str) -> list[Entry]:
    # Pages are cut by id, which is the order of arrival; inside a page the clock decides.
    rows = sorted(rows, key=lambda row: (row.created_at, row.pk))
    notes = extensions.notes_for(rows[0].business_id, [row.pk for row in rows]) if rows else {}
    quoted = _quoted(rows)
    reactions, placed = _reactions(rows)
    media = _media(rows)
    entries: list[Entry] = []
    day, speaker = None, ""
    for row in rows:
        if row.pk in placed:
            continue
        today = timezone.localtime(row.created_at).date()
        entries.append(
            Entry(
                message=row,
                mine=row.direction == own,
                day=today if today != day else None,
                turn=row.direction != speaker,
                quoted=quoted.get(referred(row)),
                notes=notes.get(row.pk, []),
                reactions=reactions.get(row.wamid, []),
                media=media.get(str(row.content.get("id", ""))),
            )
        )
        day, speaker = today, row.direction
    return entries


def _media(rows: Sequence[Message]) -> dict[str, Media]:
    """The files of these messages that Parley holds, by media id; no query where there are none."""
    ids = [str(row.content.get("id", "")) for row in rows if row.kind in MEDIA_KINDS]
    found = media_of(business_id=rows[0].business_id, media_ids=filter(None, ids)) if ids else {}
    return {media_id: media for media_id, media in found.items() if media.is_ready}


def referred(message: Message) -> str:
    """The wamid of the message that this one answers or reacts to."""
    return str(message.content.get("message_id", "")) if message.kind == "reaction" else message.context_wamid


def _quoted(rows: Sequence[Message]) -> dict[str, Message]:
    wanted = {referred(row) for row in rows} - {""}
    here = {row.wamid: row for row in rows if row.wamid in wanted}
    if missing := wanted - here.keys():
        for row in Message.objects.filter(number_id=rows[0].number_id, wamid__in=missing):
            # A wamid that strayed in from another thread must not show its text here.
            if row.conversation_id == rows[0].conversation_id:
                here[row.wamid] = row
    return here


def _reactions(rows: Sequence[Message]) -> tuple[dict[str, list[str]], set[int]]:
    """The reactions shown on messages of this stretch, and the ids of the rows they came from."""
    here = {row.wamid for row in rows}
    latest: dict[tuple[str, str], str] = {}
    placed: set[int] = set()
    for row in rows:
        if row.kind == "reaction" and referred(row) in here:
            # A person has one reaction a message; an empty one takes it back.
            latest[referred(row), row.direction] = str(row.content.get("emoji") or "")
            placed.add(row.pk)
    shown: dict[str, list[str]] = {}
    for (wamid, _), emoji in latest.items():
        if emoji:
            shown.setdefault(wamid, []).append(emoji)
    return shown, placed


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
        {"type": "text", "text": value} | ({} if name.isdigit() else {"parameter_name": name}) for name, value in values
    ]
