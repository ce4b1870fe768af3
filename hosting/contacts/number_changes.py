"""A customer's number changes: the contact keeps its thread, and two contacts that prove to be one become one."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F
from django.db.models.functions import Greatest

from accounts.audit import record
from core.errors import BadInput, NotYours
from hosting.contacts.identity import user_id_for
from hosting.models import Contact, Conversation, ConversationLabel, FormerNumber

LATEST = ("last_message_at", "last_inbound_at", "referred_at", "free_entry_at")


def change_number(*, business_id: int, old: str, new: str, at: datetime) -> None:
    """From `at` on, the customer with digits `old` has `new`; told twice, it changes nothing more."""
    if old == new:
        return
    kept = _contact_of(business_id, new, at)
    _, told_first = FormerNumber.objects.get_or_create(
        business_id=business_id, wa_id=old, changed_at=at, defaults={"contact": kept}
    )
    if not told_first:
        return
    former = Contact.objects.select_for_update().filter(business_id=business_id, wa_id=old).first()
    if former is not None and former.pk != kept.pk:
        merge(former, into=kept)


def _contact_of(business_id: int, wa_id: str, at: datetime) -> Contact:
    known = id_at(changes_of({(business_id, wa_id)}).get((business_id, wa_id), ()), at) or wa_id
    contact, _ = Contact.objects.get_or_create(
        business_id=business_id, wa_id=known, defaults={"created_at": at}
    )
    return contact


Change = tuple[datetime | None, str]


def changes_of(people: Collection[tuple[int, str]]) -> dict[tuple[int, str], list[Change]]:
    """For each (business id, digits) that somebody has left: when, and the digits they have now; oldest first.

    Last comes, without a moment, whoever has the number beside another one.
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
    """The digits that the owner of that moment has now, or None where the number was not left since."""
    return next(
        (new for changed_at, new in changes if changed_at is None or at <= changed_at), None
    )


def unite(former: Contact, *, into: Contact) -> None:
    """A member says that two contacts are one person: the first becomes the second. Call inside the business's scope.

    Both numbers lead to the one contact from then on. Raises BadInput for a contact with itself.
    """
    if former.pk == into.pk or former.business_id != into.business_id:
        raise BadInput("A contact is merged into another one of yours.", field="into")
    # Always in the same order: two merges of the same pair must not wait for each other.
    pair = Contact.objects.select_for_update().filter(pk__in=[former.pk, into.pk]).order_by("pk")
    if len(pair) != 2:
        raise NotYours
    _lead(former, into)
    record.record(
        action="contact.merged",
        subject=f"contact {former.pk} into {into.pk}",
        business=into.business_id,
    )
    merge(former, into=into)


def _lead(former: Contact, into: Contact) -> None:
    """Let all that comes from a contact about to be merged, now and later, be the other one's."""
    FormerNumber.objects.update_or_create(
        business_id=into.business_id,
        wa_id=former.wa_id,
        changed_at=None,
        defaults={"contact": into},
    )


def learn_numbers(told: Iterable[tuple[int, str, str]]) -> None:
    """People known by user id alone, who now write with a number, become contacts with that number.

    `told`: business id, user id and digits of each sender.
    """
    named = {
        (business_id, user_id[:32]): digits for business_id, user_id, digits in told if user_id
    }
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
            _lead(former, into)
            merge(former, into=into)


def digits_of(people: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """For each (business id, user id) that a contact with a number has: its digits."""
    rows = Contact.objects.filter(
        business_id__in={business_id for business_id, _ in people},
        user_id__in={user_id for _, user_id in people},
    ).order_by("-pk")
    return {(business_id, user_id): wa_id for business_id, user_id, wa_id in
            rows.values_list("business_id", "user_id", "wa_id") if wa_id.isdecimal()}  # fmt: skip


def merge(former: Contact, *, into: Contact) -> None:
    """Move all that belongs to one contact to another of the same business, and let the first one go."""
    threads = {
        thread.number_id: thread
        for thread in Conversation.objects.select_for_update().filter(contact=into)
    }
    for thread in Conversation.objects.select_for_update().filter(contact=former).order_by("id"):
        kept = threads.get(thread.number_id)
        if kept is None:
            Conversation.objects.filter(pk=thread.pk).update(contact=into)
        else:
            _merge_threads(thread, into=kept)
    _repoint(former, into)
    shown = into if into.name else former
    fields: dict[str, Any] = {
        "name": shown.name,
        "username": shown.username,
        "user_id": _told(into) or _told(former) or user_id_for(into.wa_id),
        "alias": into.alias or former.alias,
        "held_at": into.held_at or former.held_at,
        "opted_out_at": into.opted_out_at or former.opted_out_at,
    }
    former.delete()
    Contact.objects.filter(pk=into.pk).update(**fields)


def _told(contact: Contact) -> str:
    """The user id that the network gave this contact; empty where ours stands in for it."""
    return "" if contact.user_id == user_id_for(contact.wa_id) else contact.user_id


def _merge_threads(thread: Conversation, *, into: Conversation) -> None:
    ConversationLabel.objects.filter(conversation=thread, label__in=into.labels.all()).delete()
    _repoint(thread, into)
    newest = max(thread, into, key=lambda one: one.last_message_at)
    Conversation.objects.filter(pk=into.pk).update(
        unread_count=F("unread_count") + thread.unread_count,
        last_message_text=newest.last_message_text,
        is_resolved=thread.is_resolved and into.is_resolved,
        **{name: Greatest(F(name), models.Value(getattr(thread, name))) for name in LATEST},
    )
    thread.delete()


def _repoint(old: models.Model, new: models.Model) -> None:
    """Let every row of any app that names the one name the other."""
    for relation in old._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel) and relation.related_model is not Conversation:
            rows: Any = relation.related_model._base_manager  # type: ignore[union-attr]
            rows.filter(**{relation.field.name: old}).update(**{relation.field.name: new})
