"""Import jobs: upload, analysis, questions, writing, undo."""

import uuid
from typing import IO, Any

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from accounts.models import Business, User
from accounts.models.businesses import known_timezone
from accounts.plans import limits
from core import widths
from core.errors import BadInput, NotYours, ParleyError
from core.queue.rows import opened_again
from core.queue.work import work
from core.tenancy import scope
from hosting import jobs
from hosting.cloudapi.sends import digits_of
from hosting.imports.formats import text
from hosting.imports.formats.errors import BadChatFile
from hosting.imports.formats.sources import source_of
from hosting.imports.preview import READERS, analyse
from hosting.imports.undo import undo_batches
from hosting.imports.write import write_batches
from hosting.media.store import safe_name
from hosting.models import ChatImport, Number
from hosting.models.transfers import KEPT_FOR

State = ChatImport.State
# Function that does one slice of work in each state.
STEPS = {State.READING: analyse, State.RUNNING: write_batches, State.UNDOING: undo_batches}


class NotNow(ParleyError):
    """The job is in another state."""

    code = "not_now"
    status = 409


def create_import(
    *, business: Business, author: User | None, file: IO[bytes], filename: str
) -> ChatImport:
    """Store an uploaded file and queue its analysis; raise BadChatFile before it is stored.

    Raises TooManyRequests beyond the plan's rate. Call inside the business's scope.
    """
    limits.check_imports(business)
    name = safe_name(filename) or "chat.txt"
    with source_of(file, name) as found:
        # Only the first lines are checked now; the rest is read by a worker.
        if found.kind == "whatsapp":
            text.layout_of(found.stream)
        else:
            next(READERS[found.kind](found.stream), None)
        kind = found.kind
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)
    public_id = uuid.uuid4()
    path = default_storage.save(f"history/{business.pk}/imports/{public_id}", File(file))
    return ChatImport.objects.create(
        business=business,
        author=author,
        public_id=public_id,
        filename=name,
        source=kind,
        path=path,
        size=size,
    )


def questions(job: ChatImport) -> list[str]:
    """Return the names of the answers needed before the import can start."""
    if job.source == ChatImport.Source.WHATSAPP:
        return ["number", "business_senders", "contact", "day_order", "time_zone"]
    return ["number"] if job.preview.get("guess", {}).get("unknown_numbers") else []


def start_import(*, job: ChatImport, answers: dict[str, Any]) -> None:
    """Check the answers and start writing; raise BadInput naming a missing or wrong answer."""
    if job.state != State.READY:
        raise NotNow(_("This import does not wait for answers."))
    checked: dict[str, Any] = {}
    number = None
    asked = questions(job)
    if "number" in asked:
        number = _number(job, answers.get("number") or job.preview["guess"]["number"])
    if "contact" in asked:
        checked = _chat_answers(job, answers)
    mine = ChatImport.objects.filter(pk=job.pk, state=State.READY)
    changes = {
        "answers": checked,
        "number": number,
        "started_at": timezone.now(),
        "finished_at": None,
    }
    if not mine.update(state=State.RUNNING, processed=0, not_before=Now(), **changes):
        raise NotNow(_("This import does not wait for answers."))
    job.refresh_from_db()


def _number(job: ChatImport, phone_number_id: Any) -> Number:
    found = Number.objects.filter(
        business_id=job.business_id, phone_number_id=str(phone_number_id)[: widths.OBJECT_ID]
    ).first()
    if found is None:
        raise BadInput(_("Choose one of your numbers."), field="number")
    return found


def _chat_answers(job: ChatImport, answers: dict[str, Any]) -> dict[str, Any]:
    preview = job.preview
    names = [sender["name"] for sender in preview["senders"]]
    business = answers.get("business_senders", preview["guess"]["business_senders"])
    if not isinstance(business, list) or any(name not in names for name in business):
        raise BadInput(_("Choose among the senders of the file."), field="business_senders")
    order = answers.get("day_order") or (
        preview["day_orders"][0] if len(preview["day_orders"]) == 1 else ""
    )
    if order not in preview["day_orders"]:
        raise BadInput(_("Say whether the day or the month comes first."), field="day_order")
    zone = str(answers.get("time_zone") or job.business.timezone)
    try:
        known_timezone(zone)
    except Exception:
        raise BadInput(
            _("This is not a time zone of the tz database."), field="time_zone"
        ) from None
    customers = [name for name in names if name not in business]
    return {
        "contact": digits_of(
            answers.get("contact") or preview["guess"]["contact"], field="contact"
        ),
        "contact_name": _contact_name(job, customers),
        "business_senders": business,
        "day_order": order,
        "time_zone": zone,
    }


def _contact_name(job: ChatImport, customers: list[str]) -> str:
    """Return the customer's name: the only other sender, or the group's name in the file name."""
    people = [name for name in customers if name not in text.numbers_in([name])]
    return (
        people[0][: widths.PERSON_NAME]
        if len(people) == 1
        else text.contact_in(job.filename)[: widths.PERSON_NAME]
    )


def cancel(*, job: ChatImport) -> None:
    """Cancel the import; what was written stays until it is undone."""
    open_states = (State.READING, State.READY, State.RUNNING)
    _change_state(job, open_states, State.CANCELLED, finished_at=timezone.now())
    delete_file(job)


def undo(*, job: ChatImport) -> None:
    """Start deleting what the import added."""
    ended = (State.DONE, State.CANCELLED, State.FAILED)
    _change_state(
        job,
        ended,
        State.UNDOING,
        total=F("added"),
        processed=0,
        started_at=timezone.now(),
        error="",
    )


def _change_state(job: ChatImport, states: tuple[str, ...], state: str, **changes: Any) -> None:
    mine = ChatImport.objects.filter(pk=job.pk, state__in=states)
    if state == State.UNDOING:
        mine = mine.exclude(first_id=None)
    if not mine.update(state=state, **opened_again(), **changes):
        raise NotNow(_("This import is in another state now."))
    job.refresh_from_db()


def get_import(business: Business, public_id: uuid.UUID) -> ChatImport:
    """Return the business's import of this id; raise NotYours."""
    found = ChatImport.objects.filter(business=business, public_id=public_id)
    job = found.select_related("business", "number", "conversation").first()
    if job is None:
        raise NotYours
    return job


def work_due() -> int:
    """Do one slice of an import that is due; returns 1, or 0 when none is."""
    return work(QUEUE)


def _step(job: ChatImport) -> None:
    try:
        STEPS[State(job.state)](job)
    except (BadChatFile, FileNotFoundError) as error:
        gone = "The uploaded file is gone."
        message = error.message if isinstance(error, BadChatFile) else gone
        with scope(job.business_id):
            jobs.finish(job, State.FAILED, error=message)
    if not job.is_working and job.state != State.READY:
        delete_file(job)


QUEUE = jobs.job_queue(
    ChatImport,
    _step,
    name="imports",
    about="Files of past conversations that are looked through, brought in or taken back.",
    dead_title=_lazy("Imports given up"),
)


def delete_file(job: ChatImport) -> None:
    """Delete the uploaded file, which is not needed any more."""
    if job.path:
        default_storage.delete(job.path)


def expire(limit: int = 100) -> int:
    """Cancel imports that waited for answers, and forget files of dead letters, after seven days.

    Returns how many. Call across businesses (`tenancy.system`).
    """
    before = timezone.now() - KEPT_FOR
    old = ChatImport.objects.filter(state=State.READY, created_at__lt=before)[:limit]
    for job in list(old):
        cancel(job=job)
    dead = ChatImport.objects.filter(dead_at__lt=before).order_by("pk")[:limit]
    for job in list(dead):
        delete_file(job)
        ChatImport.objects.filter(pk=job.pk).update(dead_at=None, path="")
    return len(old) + len(dead)
