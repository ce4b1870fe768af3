"""The inbox: the conversation list, its views and filters, a page at a time."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, Exists, JSONField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import JSONObject

from accounts.models import Business, Membership, User
from hosting.cloudapi.number_forms import one_form
from hosting.models import (
    Conversation,
    ConversationLabel,
    Label,
    LockedMessage,
    Mention,
    Number,
)
from hosting.models.conversations import ConversationQuerySet

LIST_PAGE = 30
VIEWS = ("open", "mine", "unassigned", "snoozed", "resolved", "mentioned", "locked")

# Views that are offered only while they have conversations.
SHOWN_WITH_SOME = ("mentioned", "locked")


@dataclass(frozen=True)
class ListPage:
    """One page of conversations; `older` is the cursor of the next page, empty on the last."""

    conversations: list[Conversation]
    older: str


@dataclass(frozen=True)
class ConversationFilters:
    """Filters of the conversation list beside its view; empty values filter nothing."""

    words: str = ""
    label: int = 0
    number: Number | None = None
    assignee: int = 0


@dataclass(frozen=True)
class FilterChoices:
    """What conversations can be filtered by and assigned to: labels, members (as users), numbers.

    `counts` holds the number of conversations in each view, when asked for.
    """

    labels: list[Label]
    members: list[User]
    numbers: list[Number]
    counts: dict[str, int]


def filter_choices(business: Business, *, reader: User | None = None) -> FilterChoices:
    """Return a business's choices with one query; rows carry only the columns that pages show.

    With a `reader`, the conversations of each view are counted too.
    """
    labels = Label.objects.filter(business=OuterRef("pk")).order_by("name")
    members = Membership.objects.filter(business=OuterRef("pk")).order_by("id")
    numbers = Number.objects.filter(business=OuterRef("pk")).order_by("id")
    found = Business.objects.filter(pk=business.pk).values_list(
        ArraySubquery(labels.values(row=JSONObject(id="id", name="name", colour="colour"))),
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
        _view_counts(business, reader) if reader else Value(None, JSONField()),
    )[0]
    return FilterChoices(
        [Label(**row) for row in found[0]],
        [User(**row) for row in found[1]],
        [Number(**row) for row in found[2]],
        found[3] or dict.fromkeys(VIEWS, 0),
    )


def _view_counts(business: Business, reader: User) -> Subquery:
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
        "mentioned": Exists(Mention.objects.filter(conversation=OuterRef("pk"), user=user)),
        "locked": Exists(LockedMessage.objects.filter(conversation=OuterRef("pk"))),
    }


def matching(
    business: Business, *, view: str, filters: ConversationFilters, user: User
) -> QuerySet[Conversation]:
    """Return the conversations of one view that match the filters.

    Each word of `filters.words` must be in the contact's name or begin its number.
    """
    views = _views(business.now(), user)
    found = Conversation.objects.filter(views.get(view, views["open"]), business=business)
    if filters.label:
        found = found.filter(labels=filters.label)
    if filters.number:
        found = found.filter(number=filters.number)
    if filters.assignee:
        found = found.filter(assignee=filters.assignee)
    return _with_words(found, filters.words)


def _with_words(found: QuerySet[Conversation], words: str) -> QuerySet[Conversation]:
    for word in words.split()[:5]:
        digits = word.lstrip("+")
        by_number = Q()
        if digits.isdigit():
            by_number = Q(contact__wa_id__startswith=digits) | Q(contact__wa_id=one_form(digits))
        found = found.filter(
            Q(contact__name__icontains=word) | Q(contact__alias__icontains=word) | by_number
        )
    return found


def label_ids() -> ArraySubquery:
    """Return a query column with the ids of a conversation's labels."""
    return ArraySubquery(
        ConversationLabel.objects.filter(conversation=OuterRef("pk")).values("label_id")
    )


def is_mentioned(user: User) -> Exists:
    """Return a query column that says whether the user is named in a note they have not seen."""
    return Exists(Mention.objects.filter(conversation=OuterRef("pk"), user=user))


def list_page(conversations: QuerySet[Conversation], *, before: str = "") -> ListPage:
    """Return a page of conversations, newest first, below the cursor `before`.

    The cursor is `<ISO time>,<id>`; an invalid one is ignored.
    """
    if cursor := _cursor(before):
        at, last_id = cursor
        # In this form PostgreSQL reads the index on (business, last_message_at, id) in order.
        conversations = conversations.filter(last_message_at__lte=at).exclude(
            last_message_at=at, id__gte=last_id
        )
    rows = list(
        cast(ConversationQuerySet, conversations)
        .newest_first()
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
