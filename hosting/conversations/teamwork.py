"""Teamwork on conversations: labels, private notes, snoozing, canned replies."""

import re
from datetime import datetime, time, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import AGENTS, User
from core import links, outbox
from core.errors import BadInput, NotYours, ParleyError
from hosting.models import CannedReply, Conversation, ConversationLabel, Label, Mention, Note

MAX_LABELS, MAX_LABELS_PER_CONVERSATION, MAX_REPLIES = 200, 10, 500
MAX_NAME = 40
MORNING = time(9)


class TooMany(ParleyError):
    """A limit on the number of labels or replies is reached."""

    code = "too_many"
    status = 409


def add_label(*, conversation: Conversation, name: str) -> tuple[Label, bool]:
    """Add a label to a conversation, creating it if the business has none of that name.

    Returns the label and whether it was not on the conversation before. Raises BadInput for an
    empty or long name, TooMany beyond 10 labels a conversation or 200 a business.
    """
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME:
        raise BadInput(_("A label has 1 to %(max)s characters.") % {"max": MAX_NAME}, field="label")
    if (
        ConversationLabel.objects.filter(conversation=conversation).count()
        >= MAX_LABELS_PER_CONVERSATION
    ):
        raise TooMany(
            _("A conversation has %(max)s labels at most.") % {"max": MAX_LABELS_PER_CONVERSATION}
        )
    label = _label(conversation.business_id, name)
    _row, is_new = ConversationLabel.objects.get_or_create(
        business_id=conversation.business_id, conversation=conversation, label=label
    )
    return label, is_new


def _label(business_id: int, name: str) -> Label:
    found = Label.objects.filter(business_id=business_id, name__iexact=name).first()
    if found is None:
        if Label.objects.filter(business_id=business_id).count() >= MAX_LABELS:
            raise TooMany(_("A business has %(max)s labels at most.") % {"max": MAX_LABELS})
        # Two members may create the same label at once: the unique index decides.
        Label.objects.bulk_create(
            [Label(business_id=business_id, name=name)], ignore_conflicts=True
        )
        found = Label.objects.get(business_id=business_id, name__iexact=name)
    return found


def remove_label(*, conversation: Conversation, label_id: int) -> str:
    """Remove a label from a conversation and return its name; "" where it is not on it."""
    own = ConversationLabel.objects.filter(conversation=conversation, label_id=label_id)
    name = own.values_list("label__name", flat=True).first() or ""
    own.delete()
    return name


def change_label(*, label: Label, name: str, colour: int | None) -> None:
    """Rename and colour a label; BadInput for a name that is empty, long, or another label's."""
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME:
        raise BadInput(_("A label has 1 to %(max)s characters.") % {"max": MAX_NAME}, field="label")
    label.name, label.colour = name, colour if colour in range(8) else None
    try:
        with transaction.atomic():
            label.save(update_fields=["name", "colour"])
    except IntegrityError:
        raise BadInput(_("There is a label of that name already."), field="label") from None


def write_note(*, conversation: Conversation, author: User, text: str) -> Note:
    """Add a private note to the conversation; who is named in it as @Name is notified by mail."""
    note = Note.objects.create(
        business_id=conversation.business_id,
        conversation=conversation,
        author=author,
        text=text,
        created_at=conversation.business.now(),
    )
    _mention(note, conversation)
    return note


def _mention(note: Note, conversation: Conversation) -> None:
    members = conversation.business.memberships.filter(role__in=AGENTS).select_related("user")
    wanted = [one.user for one in members if _is_named(one.user, note.text)]
    named = [user for user in wanted if user.pk != note.author_id]
    rows = [
        Mention(business_id=note.business_id, conversation=conversation, user=user)
        for user in named
    ]
    Mention.objects.bulk_create(rows, ignore_conflicts=True)
    link = links.absolute(conversation.get_absolute_url())
    outbox.write(
        outbox.render("mention", {"note": note, "conversation": conversation, "link": link}),
        key=f"mention-{note.pk}",
        recipients=[user.email for user in named],
        business_id=note.business_id,
        is_private=True,
    )


def _is_named(user: User, text: str) -> bool:
    return re.search(rf"@{re.escape(str(user))}(?!\w)", text, re.IGNORECASE) is not None


def seen(*, conversation: Conversation, user: User) -> None:
    """The user has opened the conversation: their mentions in it are seen."""
    Mention.objects.filter(conversation=conversation, user=user).delete()


def snooze_times(now: datetime) -> list[tuple[str, datetime]]:
    """Return the offered (label, time) choices in the current time zone."""
    today = timezone.localtime(now)
    return [
        (_("In 3 hours"), today + timedelta(hours=3)),
        (_("Tomorrow morning"), _morning(today, 1)),
        (_("Monday morning"), _morning(today, 7 - today.weekday())),
    ]


def _morning(today: datetime, days: int) -> datetime:
    return timezone.make_aware(datetime.combine(today.date() + timedelta(days=days), MORNING))


def canned_replies(conversation: Conversation, typed: str) -> list[tuple[str, str]]:
    """Return up to 8 (shortcut, text) whose shortcut begins with, or text contains, what is typed.

    `{name}` in a text is replaced with the contact's name.
    """
    name = conversation.contact.alias or conversation.contact.name
    rows = CannedReply.objects.filter(business_id=conversation.business_id)
    begin = list(rows.filter(shortcut__istartswith=typed)[:8])
    if typed and len(begin) < 8:
        begin += rows.filter(text__icontains=typed).exclude(pk__in=[row.pk for row in begin])[
            : 8 - len(begin)
        ]
    return [(row.shortcut, row.text.replace("{name}", name).strip()) for row in begin]


def save_canned_reply(*, business_id: int, shortcut: str, text: str) -> None:
    """Save a canned reply, replacing one of the same shortcut; raises TooMany beyond 500."""
    if CannedReply.objects.filter(business_id=business_id).count() >= MAX_REPLIES:
        raise TooMany(_("A business has %(max)s canned replies at most.") % {"max": MAX_REPLIES})
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO hosting_cannedreply (business_id, shortcut, text) VALUES (%s, %s, %s)
               ON CONFLICT (business_id, lower(shortcut)) DO UPDATE SET text = EXCLUDED.text""",
            [business_id, shortcut, text],
        )


def labels_with_counts(business_id: int) -> QuerySet[Label]:
    """Return a business's labels by name, each with `used`: its number of conversations."""
    return Label.objects.filter(business_id=business_id).annotate(used=Count("conversations"))


def remove_note(*, conversation: Conversation, note_id: int, author: User) -> None:
    """Delete the author's own note; raises NotYours for another's or an unknown one."""
    if not Note.objects.filter(conversation=conversation, pk=note_id, author=author).delete()[0]:
        raise NotYours
