"""Changed phone numbers, and merging two contacts of one person."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F
from django.db.models.functions import Greatest

from accounts.audit import record
from core.errors import BadInput, NotYours
from hosting.contacts.identity import user_id_for
from hosting.contacts.identity_locks import lock_identities
from hosting.models import (
    Contact,
    Conversation,
    ConversationLabel,
    FormerNumber,
    Mention,
    Message,
)

# Moments of a thread that say what the next message costs.
WINDOWS = ("last_inbound_at", "referred_at", "free_entry_at")


def change_number(*, business_id: int, old: str, new: str, at: datetime) -> None:
    """Record that the customer with digits `old` has digits `new` from `at` on; repeats are
    ignored. Both contacts are merged if there were two. Call under `lock_identities`.
    """
    if old == new:
        return
    kept = _contact_of(business_id, new, at)
    _, is_new = FormerNumber.objects.get_or_create(
        business_id=business_id, wa_id=old, changed_at=at, defaults={"contact": kept}
    )
    if not is_new:
        return
    former = Contact.objects.select_for_update().filter(business_id=business_id, wa_id=old).first()
    if former is not None and former.pk != kept.pk:
        merge_rows(former, into=kept)


def _contact_of(business_id: int, wa_id: str, at: datetime) -> Contact:
    known = id_at(changes_of({(business_id, wa_id)}).get((business_id, wa_id), ()), at) or wa_id
    contact, _ = Contact.objects.get_or_create(
        business_id=business_id, wa_id=known, defaults={"created_at": at}
    )
    return contact


Change = tuple[datetime | None, str]


def changes_of(people: Collection[tuple[int, str]]) -> dict[tuple[int, str], list[Change]]:
    """Return, for each (business id, digits), the later digits of its former owners, oldest first.

    Each change is (time, new digits); the time is None for a number that one contact has beside
    another, which comes last.
    """
    rows = FormerNumber.objects.filter(
        business_id__in={business_id for business_id, _ in people},
        wa_id__in={wa_id for _, wa_id in people},
    ).order_by(F("changed_at").asc(nulls_last=True))
    found: dict[tuple[int, str], list[Change]] = {}
    for business_id, old, at, new in rows.values_list(
        "business_id", "wa_id", "changed_at", "contact__wa_id"
    ):
        found.setdefault((business_id, old), []).append((at, new))
    return found


def id_at(changes: Iterable[Change], at: datetime) -> str | None:
    """Return the present digits of the number's owner at that time; None if they did not change."""
    return next(
        (new for changed_at, new in changes if changed_at is None or at <= changed_at), None
    )


def merge_contacts(former: Contact, *, into: Contact) -> None:
    """Merge two contacts of one person on a member's request; `former` is deleted, audited.

    Messages from both numbers belong to `into` from then on. Raises BadInput when both are the same
    contact, NotYours when one is gone. Call inside the business's scope.
    """
    if former.pk == into.pk or former.business_id != into.business_id:
        raise BadInput("A contact is merged into another one of yours.", field="into")
    lock_identities(changing=[into.business_id])
    # Locked in a fixed order, so that two merges of one pair cannot deadlock.
    pair = Contact.objects.select_for_update().filter(pk__in=[former.pk, into.pk]).order_by("pk")
    if len(pair) != 2:
        raise NotYours
    _redirect(former, into)
    record.record(
        action="contact.merged",
        subject=f"contact {former.pk} into {into.pk}",
        business=into.business_id,
    )
    # A window belongs to the number that wrote: by merging nobody makes messages to another free.
    merge_rows(former, into=into, with_windows=False)


def _redirect(former: Contact, into: Contact) -> None:
    """Make messages from a contact that is about to be merged belong to the other one."""
    FormerNumber.objects.update_or_create(
        business_id=into.business_id,
        wa_id=former.wa_id,
        changed_at=None,
        defaults={"contact": into},
    )


def attach_numbers(senders: Iterable[tuple[int, str, str]]) -> None:
    """Merge contacts known by user id alone into contacts of their numbers.

    `senders` holds (business id, user id, digits) of each sender. Call under `lock_identities`.
    """
    named = {(business_id, user_id): digits for business_id, user_id, digits in senders if user_id}
    known = Contact.objects.filter(
        business_id__in={business_id for business_id, _ in named},
        wa_id__in={user_id for _, user_id in named},
    )
    for former in known.select_for_update().order_by("pk"):
        if digits := named.get((former.business_id, former.wa_id)):
            into, _ = Contact.objects.get_or_create(
                business_id=former.business_id,
                wa_id=digits,
                defaults={"created_at": former.created_at},
            )
            _redirect(former, into)
            merge_rows(former, into=into)


def contacts_known_by_user_id(people: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Return those of these (business id, user id) that are contacts without a number."""
    if not people:
        return set()
    rows = Contact.objects.filter(
        business_id__in={business_id for business_id, _ in people},
        wa_id__in={user_id for _, user_id in people},
    )
    return set(rows.values_list("business_id", "wa_id")) & set(people)


def digits_of(people: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Return the digits of the contacts with these (business id, user id), where known."""
    rows = Contact.objects.filter(
        business_id__in={business_id for business_id, _ in people},
        user_id__in={user_id for _, user_id in people if user_id},
    ).order_by("-pk")
    return {
        (business_id, user_id): wa_id
        for business_id, user_id, wa_id in rows.values_list("business_id", "user_id", "wa_id")
        if wa_id.isdecimal()
    }


def merge_rows(former: Contact, *, into: Contact, with_windows: bool = True) -> None:
    """Move all rows of one contact to another of the same business, and delete the first.

    The 24-hour and free-entry windows of its threads come along `with_windows`.
    """
    threads = {
        thread.number_id: thread
        for thread in Conversation.objects.select_for_update().filter(contact=into)
    }
    for thread in Conversation.objects.select_for_update().filter(contact=former).order_by("id"):
        kept = threads.get(thread.number_id)
        if kept is None:
            closed = {} if with_windows else dict.fromkeys(WINDOWS)
            Conversation.objects.filter(pk=thread.pk).update(contact=into, **closed)
        else:
            _merge_threads(thread, into=kept, with_windows=with_windows)
    _repoint_foreign_keys(former, into)
    shown = into if into.name else former
    fields: dict[str, Any] = {
        "name": shown.name,
        "username": shown.username,
        "user_id": _network_user_id(into) or _network_user_id(former) or user_id_for(into.wa_id),
        "alias": into.alias or former.alias,
        "network_wa_id": into.network_wa_id,
        "held_at": into.held_at or former.held_at,
        "opted_out_at": into.opted_out_at or former.opted_out_at,
    }
    _delete_row(former)
    Contact.objects.filter(pk=into.pk).update(**fields)


def _network_user_id(contact: Contact) -> str:
    """Return the user id that the network gave this contact; empty when ours stands in."""
    return "" if contact.user_id == user_id_for(contact.wa_id) else contact.user_id


def _merge_threads(thread: Conversation, *, into: Conversation, with_windows: bool) -> None:
    ConversationLabel.objects.filter(conversation=thread, label__in=into.labels.all()).delete()
    both = into.mentions.values("user")
    Mention.objects.filter(conversation=thread, user__in=both).delete()
    # Both at once: the contact of a message is that of its conversation.
    Message.objects.filter(conversation=thread).update(
        conversation=into, contact_id=into.contact_id
    )
    _repoint_foreign_keys(thread, into)
    newest = max(thread, into, key=lambda one: one.last_message_at)
    latest = ("last_message_at", *WINDOWS) if with_windows else ("last_message_at",)
    asked = [one for one in (into, thread) if one.last_inbound_at]
    opener = max(asked, key=lambda one: one.last_inbound_at or one.created_at, default=into)
    if not with_windows:
        opener = into
    Conversation.objects.filter(pk=into.pk).update(
        unread_count=F("unread_count") + thread.unread_count,
        last_message_text=newest.last_message_text,
        is_resolved=thread.is_resolved and into.is_resolved,
        is_window_proven=opener.is_window_proven,
        **{name: Greatest(F(name), models.Value(getattr(thread, name))) for name in latest},
    )
    _delete_row(thread)


def _delete_row(row: Contact | Conversation) -> None:
    """Delete a row to which nothing points any more.

    Django's own deletion would look for such rows, among all messages too.
    """
    rows: Any = type(row)._base_manager.filter(pk=row.pk)
    rows._raw_delete(rows.db)


def _repoint_foreign_keys(old: models.Model, new: models.Model) -> None:
    """Point the foreign keys of every app from one row to another; messages follow their
    conversation.
    """
    for relation in old._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel) and relation.related_model not in (
            Conversation,
            Message,
        ):
            rows: Any = relation.related_model._base_manager
            rows.filter(**{relation.field.name: old}).update(**{relation.field.name: new})
