"""Erasure of customers from the database, files and logs; charges and counts stay.

A request is a row and deletes nothing; a worker erases each customer in one transaction. Keyed
hashes of the customer's numbers stay in the database and in a small file beside the media, so that
`manage.py reapply_erasures` can repeat the erasures after a backup was restored.
"""

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts.audit import record
from accounts.models import Business
from core.errors import ParleyError
from core.queue import Claimed, OneByOne, Queue
from core.queue.work import work
from core.sql import statement
from core.tenancy import system
from hosting import extensions
from hosting.cloudapi.number_forms import all_forms
from hosting.exports.files import delete_parts
from hosting.extensions import Person
from hosting.media.references import delete_files, media_of_messages
from hosting.models import (
    ChatExport,
    ChatImport,
    Contact,
    Conversation,
    Erasure,
    FormerNumber,
    Message,
    SimulatedPhone,
)
from hosting.privacy import forgotten, operator_log
from hosting.privacy.bodies import erase_bodies

log = structlog.get_logger(__name__)
# Stands in place of file names and titles that may have named the customer.
ERASED = "[erased]"
DIGEST_FOLDER = "erasures"
AT_ONCE = 20
CHUNK = 2000


class OnHold(ParleyError):
    """A legal hold forbids the erasure."""

    code = "on_hold"
    status = 409
    message = "A legal hold forbids to delete anything of this customer. Lift the hold first."


def request_erasure(*, contact: Contact) -> Erasure:
    """Request a customer's erasure; a repeated request changes nothing.

    Raises OnHold. Call inside the business's scope; the caller notifies the erasure queue on
    commit.
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


def request_all_erasures(*, business: Business) -> tuple[int, int]:
    """Request the erasure of all customers; return how many, and how many are on hold.

    Pending requests are not repeated. Call inside the business's scope; the caller notifies the
    erasure queue on commit.
    """
    asked, kept = _request_all(business, Contact.objects.filter(business=business))
    record.record(
        action="business.customers_erasure_requested",
        subject=business,
        business=business,
        after={"customers": asked, "on_hold": kept},
    )
    return asked, kept


def contacts_of_test_phones(business: Business) -> QuerySet[Contact]:
    """Customers that are simulated phones and never had to do with a live number."""
    phones = SimulatedPhone.objects.filter(business=business)
    live = Conversation.objects.filter(contact=OuterRef("pk"), number__is_test=False)
    waiting = Erasure.objects.filter(contact_id=OuterRef("pk"))
    found = Contact.objects.filter(business=business, wa_id__in=phones.values("wa_id"))
    return found.exclude(Exists(live)).exclude(Exists(waiting))


def request_test_erasures(*, business: Business) -> int:
    """Request the erasure of `contacts_of_test_phones`; return how many."""
    asked, kept = _request_all(business, contacts_of_test_phones(business))
    record.record(
        action="business.test_data_erasure_requested",
        subject=business,
        business=business,
        after={"customers": asked, "on_hold": kept},
    )
    return asked


def _request_all(business: Business, everybody: QuerySet[Contact]) -> tuple[int, int]:
    """Request erasures; return how many, and how many of these customers are on hold."""
    on_hold = Conversation.objects.filter(contact=OuterRef("pk"), number__held_at__isnull=False)
    held = everybody.filter(Q(held_at__isnull=False) | Exists(on_hold))
    waiting = Erasure.objects.filter(contact_id=OuterRef("pk"))
    kept = held.count()
    free = everybody.exclude(pk__in=held.values("pk")).exclude(Exists(waiting)).order_by("id")
    asked = 0
    while people := list(free.prefetch_related("former_numbers")[:CHUNK]):
        asked += len(people)
        Erasure.objects.bulk_create(
            [
                Erasure(
                    business=business,
                    contact_id=one.pk,
                    digests=list(_digests(_prefetched_person(one))),
                )
                for one in people
            ],
            ignore_conflicts=True,
        )
    return asked, kept


def _prefetched_person(contact: Contact) -> Person:
    """Return the person of a contact whose former numbers were prefetched."""
    numbers = _numbers({contact.wa_id, *(one.wa_id for one in contact.former_numbers.all())})
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
    """Progress of pending erasures: waiting, done in the last hour, estimated seconds left."""

    waiting: int
    done: int
    seconds_left: int | None

    @property
    def total(self) -> int:
        """Waiting and done together."""
        return self.waiting + self.done


def progress(business: Business) -> Progress | None:
    """Return the progress, or None when no erasure is pending."""
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


def erase_due(limit: int | None = None) -> int:
    """Erase customers who wait for it, each in its own transaction; returns how many were
    claimed.
    """
    return work(QUEUE, limit)


def _erase_customer(row: Claimed) -> None:
    erasure = Erasure.objects.get(pk=row.key)
    contact = Contact.objects.select_for_update().filter(pk=erasure.contact_id or 0).first()
    erasure.messages = _erase(contact) if contact else 0
    if contact:
        record.record(
            action="contact.erased",
            subject=f"contact {contact.pk}",
            business=erasure.business_id,
            after={"messages": erasure.messages},
        )
    erasure.contact_id = None
    erasure.save(update_fields=["contact_id", "messages"])
    _store_digests(erasure)


QUEUE = Queue(
    name="erasures",
    about="Customers who are to be forgotten.",
    model=Erasure,
    work=OneByOne(_erase_customer),
    is_open=Q(done_at=None, contact_id__isnull=False),
    # Events and operators' logs belong to no business.
    scoped=False,
    batch=AT_ONCE,
    lease_seconds=600,
    done={"done_at": "statement_timestamp()"},
    dead_title=_("Customers not forgotten"),
)


def _erase(contact: Contact) -> int:
    contact_id, person = contact.pk, _person(contact)
    needles = [*person.numbers, *person.user_ids]
    messages = Message.objects.filter(conversation__in=person.conversation_ids)
    media = media_of_messages(business_id=person.business_id, messages=messages)
    forgotten.remember(business_id=person.business_id, conversation_ids=person.conversation_ids)
    logged = operator_log.rows_of(person)
    erase_bodies(person)
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "erase_contact"),
            {
                "business_id": person.business_id,
                "contact_id": contact_id,
                "numbers": list(person.numbers),
                "conversations": list(person.conversation_ids),
                "needles": needles,
            },
        )
        count = int(cursor.fetchone()[0])
    delete_exports(person)
    delete_imports(person)
    for erase in extensions.erasers:
        erase(person)
    Conversation.objects.filter(pk__in=person.conversation_ids).delete()
    contact.delete()
    operator_log.redact(logged)
    # Last, but before the commit: after a crash no row would name files that were left behind.
    delete_files(business_id=person.business_id, media_ids=media)
    return count


def delete_exports(person: Person) -> int:
    """Delete exported files that may hold this person: their own, and those of all customers."""
    mine = Q(contact=person.contact_id) | Q(conversation__in=person.conversation_ids)
    anybody = Q(contact=None, conversation=None)
    rows = ChatExport.objects.select_for_update(of=("self",)).filter(
        mine | anybody, business_id=person.business_id
    )
    for job in rows.order_by("id"):
        if job.path:
            default_storage.delete(job.path)
        if job.state == ChatExport.State.RUNNING:
            delete_parts(job)
            job.state, job.leased_until, job.finished_at = (
                ChatExport.State.CANCELLED,
                None,
                timezone.now(),
            )
        elif job.state == ChatExport.State.DONE:
            job.state = ChatExport.State.EXPIRED
        job.path = ""
        if job.contact_id or job.conversation_id:
            job.title = job.filename = ERASED
        job.save()
    return len(rows)


def delete_imports(person: Person) -> int:
    """Delete imported files that may name this person, and their previews; return how many jobs.

    Imported messages of other customers stay.
    """
    words = [*person.numbers, *person.user_ids, *person.names]
    found = 0
    for job in (
        ChatImport.objects.select_for_update(of=("self",))
        .filter(business_id=person.business_id)
        .order_by("id")
    ):
        of_person = (
            job.contact_id == person.contact_id or job.conversation_id in person.conversation_ids
        )
        if not of_person and not _may_name(job, words):
            continue
        found += 1
        if job.path:
            default_storage.delete(job.path)
        job.path, job.preview, job.answers, job.error = "", {}, {}, ""
        job.filename = ERASED
        if job.state in (
            ChatImport.State.READING,
            ChatImport.State.READY,
            ChatImport.State.RUNNING,
        ):
            job.state, job.leased_until, job.finished_at = (
                ChatImport.State.CANCELLED,
                None,
                timezone.now(),
            )
        job.save()
    return found


def _may_name(job: ChatImport, words: list[str]) -> bool:
    """Return whether the file or its preview may be about a person with these names and numbers.

    Files of many customers count without being read again. Of one chat, whatever is noted counts
    that is one of the words, or has it as a word of its own.
    """
    if job.path and job.source != ChatImport.Source.WHATSAPP:
        return True
    noted: Any = [job.preview, job.answers, job.filename, job.error]
    text = orjson.dumps(noted, default=str).decode()
    return any(re.search(rf"(?<!\w){re.escape(_as_noted(word))}(?!\w)", text) for word in words)


def _as_noted(word: str) -> str:
    return orjson.dumps(word).decode()[1:-1]


def _person(contact: Contact) -> Person:
    former = FormerNumber.objects.filter(contact=contact).values_list("wa_id", flat=True)
    return Person(
        business_id=contact.business_id,
        contact_id=contact.pk,
        conversation_ids=tuple(
            Conversation.objects.filter(contact=contact).values_list("id", flat=True)
        ),
        numbers=_numbers({contact.wa_id, *former}),
        user_ids=(contact.user_id,) if contact.user_id else (),
        names=tuple(name for name in {contact.name, contact.username, contact.alias} if name),
    )


def _numbers(known: Iterable[str]) -> tuple[str, ...]:
    """Return a person's numbers in all forms in which stored bodies may name them."""
    return tuple(set().union(*map(all_forms, known)))


def _digests(person: Person) -> Iterator[str]:
    for value in (*person.numbers, *person.user_ids):
        yield digest_of(person.business_id, value)


def digest_of(business_id: int, value: str) -> str:
    """Return a keyed hash; a plain one of a number could be guessed."""
    return salted_hmac("hosting.erasing", f"{business_id}:{value}", algorithm="sha256").hexdigest()


def _store_digests(erasure: Erasure) -> None:
    """Store the hashes in a file too, since a restored database lacks the latest erasures."""
    known = {
        "business_id": erasure.business_id,
        "digests": erasure.digests,
        "requested_at": erasure.requested_at.isoformat(),
    }
    content = ContentFile(json.dumps(known).encode())
    transaction.on_commit(
        lambda: default_storage.save(f"{DIGEST_FOLDER}/{uuid.uuid4().hex}.json", content)
    )


def reapply() -> int:
    """Request erasures again after a restore; return how many erased customers were back."""
    wanted = _known_digests()
    found = 0
    with system("a restored database may hold forgotten customers of any business"):
        for contact in (
            Contact.objects.filter(business__in=wanted).order_by("id").iterator(chunk_size=2000)
        ):
            digests = wanted[contact.business_id]
            before = next(
                (digests[d] for d in _digests(_person_of_row(contact)) if d in digests), None
            )
            # A contact created after the erasure is a new customer.
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


def _person_of_row(contact: Contact) -> Person:
    user_ids = (contact.user_id,) if contact.user_id else ()
    return Person(contact.business_id, contact.pk, (), _numbers([contact.wa_id]), user_ids, ())


def _known_digests() -> dict[int, dict[str, str]]:
    """Return business id -> hash -> time of the request (ISO, UTC), from the database and the
    files.
    """
    known: dict[int, dict[str, str]] = {}
    with system("erasures of every business"):
        rows = Erasure.objects.exclude(done_at=None).values_list(
            "business_id", "digests", "requested_at"
        )
        for business_id, digests, at in rows:
            known.setdefault(business_id, {}).update(dict.fromkeys(digests, at.isoformat()))
    for row in _digest_files():
        known.setdefault(row["business_id"], {}).update(
            dict.fromkeys(row["digests"], row["requested_at"])
        )
    return known


def _digest_files() -> Iterator[dict[str, Any]]:
    try:
        names = default_storage.listdir(DIGEST_FOLDER)[1]
    except FileNotFoundError:
        return
    for name in names:
        with default_storage.open(f"{DIGEST_FOLDER}/{name}") as file:
            yield json.loads(file.read())
