"""A customer's number changes: the contact keeps its thread, and two contacts that prove to be one become one."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts import auditing
from accounts.errors import BadInput, NotYours
from hosting.models import Contact, Conversation, ConversationLabel, FormerNumber

LATEST = ("last_message_at", "last_inbound_at", "referred_at", "free_entry_at")


def change_number(*, business_id: int, old: str, new: str, at: datetime, user_id: str = "") -> None:
    """From `at` on, the customer with digits `old` has `new`; told twice, it changes nothing more."""
    if old == new:
        return
    kept = _contact_of(business_id, new, at)
    left, told_first = FormerNumber.objects.get_or_create(
        business_id=business_id, wa_id=old, changed_at=at, defaults={"contact": kept}
    )
    if not told_first:
        return
    former = Contact.objects.select_for_update().filter(business_id=business_id, wa_id=old).first()
    if former is not None and former.pk != kept.pk:
        merge(former, into=kept)
    if user_id:
        Contact.objects.filter(pk=left.contact_id).update(user_id=user_id)


def _contact_of(business_id: int, wa_id: str, at: datetime) -> Contact:
    known = id_at(changes_of({(business_id, wa_id)}).get((business_id, wa_id), ()), at) or wa_id
    contact, _ = Contact.objects.get_or_create(business_id=business_id, wa_id=known, defaults={"created_at": at})
    return contact


def changes_of(people: Collection[tuple[int, str]]) -> dict[tuple[int, str], list[tuple[datetime, str]]]:
    """For each (business id, digits) that somebody has left: when, and the digits they have now; oldest first."""
    rows = FormerNumber.objects.filter(
        business_id__in={business_id for business_id, _ in people}, wa_id__in={wa_id for _, wa_id in people}
    ).order_by("changed_at")
    found: dict[tuple[int, str], list[tuple[datetime, str]]] = {}
    for business_id, old, at, new in rows.values_list("business_id", "wa_id", "changed_at", "contact__wa_id"):
        found.setdefault((business_id, old), []).append((at, new))
    return found


def id_at(changes: Iterable[tuple[datetime, str]], at: datetime) -> str | None:
    """The digits that the owner of that moment has now, or None where the number was not left since."""
    return next((new for changed_at, new in changes if at <= changed_at), None)


def unite(former: Contact, *, into: Contact) -> None:
    """A member says that two contacts are one person: the first becomes the second. Call inside the business's scope.

    Raises BadInput for a contact with itself. What comes from the former number later opens a contact anew.
    """
    if former.pk == into.pk or former.business_id != into.business_id:
        raise BadInput("A contact is merged into another one of yours.", field="into")
    # Always in the same order: two merges of the same pair must not wait for each other.
    pair = Contact.objects.select_for_update().filter(pk__in=[former.pk, into.pk]).order_by("pk")
    if len(pair) != 2:
        raise NotYours
    FormerNumber.objects.create(
        business_id=into.business_id, wa_id=former.wa_id, changed_at=timezone.now(), contact=into
    )
    auditing.record(action="contact.merged", subject=f"contact {former.pk} into {into.pk}", business=into.business_id)
    merge(former, into=into)


def merge(former: Contact, *, into: Contact) -> None:
    """Move all that belongs to one contact to another of the same business, and let the first one go."""
    threads = {thread.number_id: thread for thread in Conversation.objects.select_for_update().filter(contact=into)}
    for thread in Conversation.objects.select_for_update().filter(contact=former).order_by("id"):
        kept = threads.get(thread.number_id)
        if kept is None:
            Conversation.objects.filter(pk=thread.pk).update(contact=into)
        else:
            _merge_threads(thread, into=kept)
    _repoint(former, into)
    name = into.name or former.name
    user_id = into.user_id or former.user_id
    alias, held_at = into.alias or former.alias, into.held_at or former.held_at
    opted_out_at = into.opted_out_at or former.opted_out_at
    former.delete()
    Contact.objects.filter(pk=into.pk).update(
        name=name, user_id=user_id, alias=alias, held_at=held_at, opted_out_at=opted_out_at
    )


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
