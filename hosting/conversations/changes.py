"""Changes that members make to conversations: assign, resolve, snooze, label; each is recorded."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from core import widths
from core.errors import BadInput, NotYours
from hosting.conversations import teamwork
from hosting.models import Activity, Conversation, Label

Kind = Activity.Kind
LONGEST_SNOOZE = timedelta(days=366)


def record(conversation: Conversation, author: User | None, kind: str, **more: Any) -> None:
    """Write a line of the thread: who did what; `more` are columns of `Activity`."""
    Activity.objects.create(
        business_id=conversation.business_id,
        conversation=conversation,
        author=author,
        kind=kind,
        created_at=conversation.business.now(),
        **more,
    )


def assign(*, conversation: Conversation, author: User, user_id: int) -> None:
    """Assign a conversation to a member, or to nobody with 0; NotYours for who is no member."""
    member = conversation.business.memberships.filter(user_id=user_id).select_related("user")
    found = member.first() if user_id else None
    if user_id and found is None:
        raise NotYours
    with transaction.atomic():
        others = Conversation.objects.filter(pk=conversation.pk).exclude(
            assignee_id=user_id or None
        )
        if others.update(assignee_id=user_id or None):
            name = str(found.user)[: widths.PERSON_NAME] if found else ""
            kind = Kind.ASSIGNED if found else Kind.UNASSIGNED
            record(conversation, author, kind, subject=name)


def resolve(*, conversation: Conversation, author: User | None, resolved: bool) -> None:
    """Resolve a conversation, which ends its snooze, or reopen it."""
    with transaction.atomic():
        own = Conversation.objects.filter(pk=conversation.pk, is_resolved=not resolved)
        if own.update(is_resolved=resolved, **({"snoozed_until": None} if resolved else {})):
            record(conversation, author, Kind.RESOLVED if resolved else Kind.REOPENED)


def snooze(*, conversation: Conversation, author: User, until: datetime | None) -> None:
    """Snooze a conversation until that time, which reopens it, or end the snooze with None.

    Raises BadInput unless the time is within the next 366 days.
    """
    now = conversation.business.now()
    if until is not None and not now < until <= now + LONGEST_SNOOZE:
        raise BadInput(_("Choose a time from now to a year ahead."), field="until")
    with transaction.atomic():
        own = Conversation.objects.filter(pk=conversation.pk)
        if until is not None:
            own.update(snoozed_until=until, is_resolved=False)
            record(conversation, author, Kind.SNOOZED, until=until)
        elif own.filter(snoozed_until__isnull=False).update(snoozed_until=None):
            record(conversation, author, Kind.WOKEN)


def add_label(*, conversation: Conversation, author: User, name: str) -> Label:
    """Add a label; what `teamwork.add_label` raises."""
    with transaction.atomic():
        label, is_new = teamwork.add_label(conversation=conversation, name=name)
        if is_new:
            record(conversation, author, Kind.LABELLED, subject=label.name)
    return label


def remove_label(*, conversation: Conversation, author: User, label_id: int) -> str:
    """Remove a label and return its name; "" for a label that is not on the conversation."""
    with transaction.atomic():
        name = teamwork.remove_label(conversation=conversation, label_id=label_id)
        if name:
            record(conversation, author, Kind.UNLABELLED, subject=name)
    return name
