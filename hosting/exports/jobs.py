"""Export jobs: request, background writing, download by a link that expires."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.core.files.storage import default_storage
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from accounts.audit import record
from accounts.models import Business, User
from core import links, widths
from core.errors import BadInput, NotYours
from core.queue.work import work
from core.tenancy import scope
from hosting import jobs, quota
from hosting.cloudapi.number_forms import named_person
from hosting.exports.files import assemble, delete_parts
from hosting.exports.parts import extract
from hosting.imports.jobs import NotNow
from hosting.models import ChatExport, Contact, Conversation, Number

SALT = "hosting.exports"
LINK_SECONDS = 3600
State = ChatExport.State


@dataclass(frozen=True)
class ExportRequest:
    """What to export: at most one of conversation (public id), contact (wa_id), number
    (phone_number_id).
    """

    format: str
    has_media: bool = False
    conversation: str = ""
    contact: str = ""
    number: str = ""
    since: datetime | None = None
    until: datetime | None = None


def request_export(*, business: Business, author: User | None, wanted: ExportRequest) -> ChatExport:
    """Create an export job.

    Raises BadInput for invalid values, NotYours for unknown objects, NotNow beyond the plan's
    exports of the month.
    """
    if wanted.format not in ChatExport.Format.values:
        raise BadInput(
            _("One of %(formats)s.") % {"formats": ", ".join(ChatExport.Format.values)},
            field="format",
        )
    if wanted.since and wanted.until and wanted.since >= wanted.until:
        raise BadInput(_("The end must be after the beginning."), field="until")
    named = [name for name in ("conversation", "contact", "number") if getattr(wanted, name)]
    if len(named) > 1:
        raise BadInput(
            _("Name a conversation, a contact or a number, not several."), field=named[1]
        )
    what: dict[str, Any] = {}
    if named:
        what[named[0]] = _found(business, named[0], getattr(wanted, named[0]))
    with quota.within_plan(lambda: _too_many(business)):
        job = ChatExport.objects.create(
            business=business,
            author=author,
            format=wanted.format,
            has_media=wanted.has_media,
            since=wanted.since,
            until=wanted.until,
            title=_title(business, what),
            **what,
        )
    record.record(
        action="export.requested",
        subject=f"export {job.public_id}",
        business=business,
        after={"format": job.format, "media": job.has_media, "since": job.since}
        | {"until": job.until, **{name: row.pk for name, row in what.items()}},
    )
    return job


def _too_many(business: Business) -> NotNow:
    words = {"plan": business.plan.name, "limit": business.plan.max_exports}
    return NotNow(_("The %(plan)s plan has %(limit)s exports a month, and all are used.") % words)


def _found(business: Business, name: str, value: str) -> Any:
    if name == "conversation":
        try:
            found: Any = Conversation.objects.filter(public_id=uuid.UUID(value))
        except ValueError:
            raise BadInput(_("A conversation's id is a UUID."), field="conversation") from None
    elif name == "contact":
        found = Contact.objects.filter(wa_id=named_person(value))
    else:
        found = Number.objects.filter(phone_number_id=value[: widths.OBJECT_ID])
    row = found.filter(business=business).first()
    if row is None:
        raise NotYours(_("There is no such %(what)s.") % {"what": name})
    return row


def _title(business: Business, what: dict[str, Any]) -> str:
    if thread := what.get("conversation"):
        return f"{thread.contact} – {thread.number}"[:200]
    found = what.get("contact") or what.get("number")
    return str(found or business.name)[:200]


def cancel(*, job: ChatExport) -> None:
    """Cancel an export and delete what was written."""
    mine = ChatExport.objects.filter(pk=job.pk, state=State.RUNNING)
    if not mine.update(state=State.CANCELLED, leased_until=None, finished_at=timezone.now()):
        raise NotNow(_("This export is in another state now."))
    job.refresh_from_db()
    delete_parts(job)


def get_export(business: Business, public_id: uuid.UUID) -> ChatExport:
    """Return the business's export of this id; raise NotYours."""
    job = (
        ChatExport.objects.filter(business=business, public_id=public_id)
        .select_related("business")
        .first()
    )
    if job is None:
        raise NotYours
    return job


def download_path(job: ChatExport) -> str:
    """Return a signed path to the file that is valid for an hour; "" until it is ready."""
    if job.state != State.DONE:
        return ""
    return "/history/file/" + signing.dumps([job.business_id, str(job.public_id)], salt=SALT)


def download_url(job: ChatExport) -> str:
    """Return the signed path with this installation's address; "" until the file is ready."""
    path = download_path(job)
    return links.absolute(path) if path else ""


def ids_of_token(token: str) -> tuple[int, uuid.UUID] | None:
    """Return (business id, export id) of a signed path's token, or None when invalid or expired."""
    try:
        business_id, public_id = signing.loads(token, salt=SALT, max_age=LINK_SECONDS)
        return int(business_id), uuid.UUID(public_id)
    except (signing.BadSignature, ValueError, TypeError, AttributeError):
        return None


def work_due() -> int:
    """Do one slice of an export that is due; returns 1, or 0 when none is."""
    return work(QUEUE)


def _step(job: ChatExport) -> None:
    try:
        if extract(job):
            assemble(job)
    except jobs.Stopped:
        with scope(job.business_id):
            job.refresh_from_db(fields=["state"])
        if job.state == State.CANCELLED:
            delete_parts(job)
        raise


QUEUE = jobs.job_queue(
    ChatExport,
    _step,
    name="exports",
    about="Files of conversations that are being written.",
    dead_title=_lazy("Exports given up"),
)


def expire(limit: int = 100) -> int:
    """Delete files past their time; call inside `tenancy.system`."""
    due = list(ChatExport.objects.filter(state=State.DONE, expires_at__lt=timezone.now())[:limit])
    for job in due:
        default_storage.delete(job.path)
    return ChatExport.objects.filter(pk__in=[job.pk for job in due]).update(
        state=State.EXPIRED, path=""
    )
