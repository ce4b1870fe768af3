"""Erasing: a customer is forgotten, in the database, the files and the logs, while money and counts
stay as they were.

The request hides nothing and deletes nothing: it is a row. A worker does it in one transaction.
Keyed hashes of the customer's numbers stay, in the database and as a small file beside the media,
so that a restored backup can be made to forget again (`manage.py reapply_erasures`).
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.contrib.admin.models import LogEntry
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import Count, Exists, Min, OuterRef, Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.audit import record
from accounts.models import Business
from core.errors import ParleyError
from core.sql import statement
from core.tenancy import system
from hosting import extensions
from hosting.extensions import Person
from hosting.media.references import delete_files, media_of_messages
from hosting.models import Contact, Conversation, Erasure, FormerNumber, Message
from hosting.privacy.shared_files import forget_exports, forget_imports

log = structlog.get_logger(__name__)
FOLDER = "erasures"
AT_ONCE = 20
CHUNK = 2000


class OnHold(ParleyError):
    """A legal hold stands against the erasure."""

    code = "on_hold"
    status = 409
    message = "A legal hold forbids to delete anything of this customer. Lift the hold first."


def request(*, contact: Contact) -> Erasure:
    """Ask that a customer be forgotten; within the business's scope. Raises OnHold.

    Asked twice it is one request. The caller rings the bell on commit.
    """
    numbers = Conversation.objects.filter(contact=contact, number__held_at__isnull=False)
    if contact.held_at is not None or numbers.exists():
        raise OnHold
    person = _person(contact)
    erasure, _ = Erasure.objects.get_or_create(
        contact_id=contact.pk,
        defaults={"business_id": contact.business_id, "digests": list(_digests(person))},
    )
    record.record(
        action="contact.erasure_requested",
        subject=f"contact {contact.pk}",
        business=contact.business_id,
    )
    return erasure


def request_all(*, business: Business) -> tuple[int, int]:
    """Ask that every customer be forgotten; within the business's scope.

    Returns how many, and how many a hold keeps.

    Who waits already is not asked for twice. The caller rings the bell on commit.
    """
    everybody = Contact.objects.filter(business=business)
    on_hold = Conversation.objects.filter(contact=OuterRef("pk"), number__held_at__isnull=False)
    held = everybody.filter(Q(held_at__isnull=False) | Exists(on_hold))
    waiting = Erasure.objects.filter(contact_id=OuterRef("pk"))
    free = everybody.exclude(pk__in=held.values("pk")).exclude(Exists(waiting)).order_by("id")
    asked = 0
    while people := list(free.prefetch_related("former_numbers")[:CHUNK]):
        asked += len(people)
        Erasure.objects.bulk_create(
            [
                Erasure(business=business, contact_id=one.pk, digests=list(_digests(_known(one))))
                for one in people
            ],
            ignore_conflicts=True,
        )
    kept = held.count()
    record.record(
        action="business.customers_erasure_requested", subject=business, business=business,
        after={"customers": asked, "on_hold": kept},
    )  # fmt: skip
    return asked, kept


def _known(contact: Contact) -> Person:
    """A customer with all numbers, as they were fetched with it."""
    numbers = tuple({contact.wa_id, *(one.wa_id for one in contact.former_numbers.all())})
    return Person(
        contact.business_id,
        contact.pk,
        (),
        numbers,
        (contact.user_id,) if contact.user_id else (),
        (),
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the forgetting is: who still waits, and how many were forgotten in the last hour."""

    waiting: int
    done: int
    seconds_left: int | None

    @property
    def total(self) -> int:
        """Both together."""
        return self.waiting + self.done


def progress(business: Business) -> Progress | None:
    """None where nobody waits; the time left is an estimate from the last hour's pace."""
    rows = Erasure.objects.filter(business=business)
    hour = timezone.now() - timedelta(hours=1)
    told = rows.aggregate(
        waiting=Count("pk", filter=Q(done_at=None)),
        done=Count("pk", filter=Q(done_at__gte=hour)),
        first=Min("done_at", filter=Q(done_at__gte=hour)),
    )
    if not told["waiting"]:
        return None
    spent = (timezone.now() - told["first"]).total_seconds() if told["done"] > 1 else 0.0
    left = int(spent / told["done"] * told["waiting"]) if spent else None
    return Progress(told["waiting"], told["done"], left)


def erase_due(limit: int = AT_ONCE) -> int:
    """Forget whoever waits to be forgotten, each in a transaction of its own; returns how many."""
    done = 0
    while done < limit and _erase_one():
        done += 1
    return done


def _erase_one() -> bool:
    with system("customers of any business are forgotten"):
        waiting = Erasure.objects.filter(done_at=None, contact_id__isnull=False).order_by("id")
        erasure = waiting.select_for_update(skip_locked=True).first()
        if erasure is None:
            return False
        contact = Contact.objects.select_for_update().filter(pk=erasure.contact_id or 0).first()
        erasure.messages = _forget(contact) if contact else 0
        if contact:
            record.record(
                action="contact.erased", subject=f"contact {contact.pk}", business=erasure.business_id,
                after={"messages": erasure.messages},
            )  # fmt: skip
        erasure.contact_id, erasure.done_at = None, timezone.now()
        erasure.save()
        _note_outside(erasure)
    return True


def _forget(contact: Contact) -> int:
    contact_id, person = contact.pk, _person(contact)
    needles = [*person.numbers, *person.user_ids]
    messages = Message.objects.filter(conversation__in=person.conversation_ids)
    media = media_of_messages(business_id=person.business_id, messages=messages)
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "erase_contact"),
            {
                "business_id": person.business_id, "contact_id": contact_id, "numbers": list(person.numbers),
                "conversations": list(person.conversation_ids), "needles": needles,
            },
        )  # fmt: skip
        count = int(cursor.fetchone()[0])
    forget_exports(person)
    forget_imports(person)
    for erase in extensions.erasers:
        erase(person)
    Conversation.objects.filter(pk__in=person.conversation_ids).delete()
    contact.delete()
    record.redact(business_id=person.business_id, anywhere=needles, names=person.names)
    _redact_admin(person, contact_id)
    # Last, but before the commit: a file that were left behind by a crash would be found by nobody.
    delete_files(business_id=person.business_id, media_ids=media)
    return count


def _person(contact: Contact) -> Person:
    former = FormerNumber.objects.filter(contact=contact).values_list("wa_id", flat=True)
    return Person(
        business_id=contact.business_id,
        contact_id=contact.pk,
        conversation_ids=tuple(
            Conversation.objects.filter(contact=contact).values_list("id", flat=True)
        ),
        numbers=tuple({contact.wa_id, *former}),
        user_ids=(contact.user_id,) if contact.user_id else (),
        names=tuple(name for name in {contact.name, contact.username, contact.alias} if name),
    )


def _redact_admin(person: Person, contact_id: int) -> None:
    """What operators did to this contact stays in Django's own log, without saying who it was."""
    about = Q(
        content_type__app_label="hosting", content_type__model="contact", object_id=str(contact_id)
    )
    for text in (*person.numbers, *person.names):
        about |= Q(content_type__app_label="hosting", object_repr__contains=text)
    LogEntry.objects.filter(about).update(object_repr="[erased]", change_message="")


def _digests(person: Person) -> Iterator[str]:
    for value in (*person.numbers, *person.user_ids):
        yield digest_of(person.business_id, value)


def digest_of(business_id: int, value: str) -> str:
    """A keyed hash: numbers are few enough to be guessed from a plain one."""
    return salted_hmac("hosting.erasing", f"{business_id}:{value}", algorithm="sha256").hexdigest()


def _note_outside(erasure: Erasure) -> None:
    """Keep the hashes outside of the database too: a restored one would not know whom it had
    forgotten.
    """
    known = {"business_id": erasure.business_id, "digests": erasure.digests,
             "requested_at": erasure.requested_at.isoformat()}  # fmt: skip
    content = ContentFile(json.dumps(known).encode())
    transaction.on_commit(
        lambda: default_storage.save(f"{FOLDER}/{uuid.uuid4().hex}.json", content)
    )


def reapply() -> int:
    """After a restore: ask again for every customer who had been forgotten; returns how many were
    back.
    """
    wanted = _known_digests()
    found = 0
    with system("a restored database may hold forgotten customers of any business"):
        for contact in (
            Contact.objects.filter(business__in=wanted).order_by("id").iterator(chunk_size=2000)
        ):
            digests = wanted[contact.business_id]
            before = next((digests[d] for d in _digests(_named(contact)) if d in digests), None)
            # Somebody who wrote again after being forgotten is a new customer.
            if before is not None and contact.created_at.isoformat() <= before:
                Erasure.objects.get_or_create(
                    contact_id=contact.pk,
                    defaults={
                        "business_id": contact.business_id,
                        "digests": list(_digests(_person(contact))),
                    },
                )
                found += 1
    return found


def _named(contact: Contact) -> Person:
    user_ids = (contact.user_id,) if contact.user_id else ()
    return Person(contact.business_id, contact.pk, (), (contact.wa_id,), user_ids, ())


def _known_digests() -> dict[int, dict[str, str]]:
    """business id -> hash -> when (ISO, UTC), from the database and from the files beside the
    media.
    """
    known: dict[int, dict[str, str]] = {}
    with system("erasures of every business"):
        rows = Erasure.objects.exclude(done_at=None).values_list(
            "business_id", "digests", "requested_at"
        )
        for business_id, digests, at in rows:
            known.setdefault(business_id, {}).update(dict.fromkeys(digests, at.isoformat()))
    for row in _files():
        known.setdefault(row["business_id"], {}).update(
            dict.fromkeys(row["digests"], row["requested_at"])
        )
    return known


def _files() -> Iterator[dict[str, Any]]:
    try:
        names = default_storage.listdir(FOLDER)[1]
    except FileNotFoundError:
        return
    for name in names:
        with default_storage.open(f"{FOLDER}/{name}") as file:
            yield json.loads(file.read())
