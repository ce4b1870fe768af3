"""Unsharing: files of exports and imports that may hold a customer go when the customer is forgotten."""

from typing import Any

import orjson
from django.core.files.storage import default_storage
from django.db.models import Q
from django.utils import timezone

from hosting.exports.files import forget_parts
from hosting.extensions import Person
from hosting.models import ChatExport, ChatImport

ERASED = "[erased]"


def forget_exports(person: Person) -> int:
    """Remove every exported file that may hold this person, who can be in it only if it is of nobody else."""
    mine = Q(contact=person.contact_id) | Q(conversation__in=person.conversation_ids)
    anybody = Q(contact=None, conversation=None)
    rows = ChatExport.objects.select_for_update(of=("self",)).filter(
        mine | anybody, business_id=person.business_id
    )
    for job in rows.order_by("id"):
        if job.path:
            default_storage.delete(job.path)
        if job.state == ChatExport.State.RUNNING:
            forget_parts(job)
            job.state, job.token, job.finished_at = ChatExport.State.CANCELLED, None, timezone.now()
        elif job.state == ChatExport.State.DONE:
            job.state = ChatExport.State.EXPIRED
        job.path = ""
        if job.contact_id or job.conversation_id:
            job.title = job.filename = ERASED
        job.save()
    return len(rows)


def forget_imports(person: Person) -> int:
    """Remove imported files that hold this person, and what was noted of them; messages of others stay."""
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
        if not of_person and not _holds(job, words):
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
            job.state, job.token, job.finished_at = ChatImport.State.CANCELLED, None, timezone.now()
        job.save()
    return found


def _holds(job: ChatImport, words: list[str]) -> bool:
    """Whether the file, or what was noted of it, may name one of these; a file of many is not read again."""
    if job.path and job.source != ChatImport.Source.WHATSAPP:
        return True
    noted: Any = [job.preview, job.answers, job.filename, job.error]
    text = orjson.dumps(noted, default=str).decode()
    return any(word in text for word in words)
