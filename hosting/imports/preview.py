"""Analysis of an uploaded file before anything is written: counts, samples, suggested answers."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.files.storage import default_storage
from django.utils import timezone

from core.tenancy import scope
from hosting import jobs
from hosting.cloudapi.number_forms import one_form
from hosting.imports.formats import records, text
from hosting.imports.formats.bodies import read_body
from hosting.imports.formats.errors import BadChatFile
from hosting.imports.formats.headers import Layout
from hosting.imports.formats.sources import Source, source_of
from hosting.imports.formats.survey import Survey
from hosting.models import ChatImport, Contact, Number

SAMPLE_ROWS = 6
MAX_SENDERS = 2_000
MAX_COUNTED_CONTACTS = 100_000
HEARTBEAT_SECONDS = 5.0
COUNTED = ("system", "files", "files_present", "left_out", "deleted", "edited")
READERS = {"jsonl": records.from_jsonl, "csv": records.from_csv}


@contextmanager
def source(job: ChatImport) -> Iterator[Source]:
    """Open the job's file."""
    with default_storage.open(job.path, "rb") as file, source_of(file, job.filename) as found:
        yield found


def latest_day() -> date:
    """Return tomorrow (UTC), the latest possible date of a message in any time zone."""
    return date.fromordinal(timezone.now().date().toordinal() + 1)


def analyse(job: ChatImport) -> None:
    """Read the whole file and store its preview; the job then waits for answers."""
    found = (
        _analyse_chat(job) if job.source == ChatImport.Source.WHATSAPP else _analyse_records(job)
    )
    if not found["messages"]:
        raise BadChatFile("There is no message in the file.")
    with scope(job.business_id):
        found["guess"] = _guess(job, found)
        jobs.finish(
            job,
            ChatImport.State.READY,
            preview=found,
            total=found["messages"] + found["system"],
            processed=0,
            started_at=None,
        )


class _Heartbeat:
    """Extends the job's lease while a long file is read; raises Stopped when it was cancelled."""

    def __init__(self, job: ChatImport) -> None:
        self.job, self.next = job, time.monotonic() + HEARTBEAT_SECONDS

    def __call__(self, done: int) -> None:
        if done % 5_000 == 0 and time.monotonic() > self.next:
            self.next = time.monotonic() + HEARTBEAT_SECONDS
            with scope(self.job.business_id):
                jobs.keep(self.job, fresh=False, processed=done)


class _Findings:
    """What a preview counts and shows: files, the range of time, the first messages."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.sample: list[dict[str, Any]] = []
        self.first: datetime | None = None
        self.last: datetime | None = None

    def add(self, at: datetime, sender: str, kind: str, text: str, **more: Any) -> None:
        """Take one message into the range, and into the sample while that has room."""
        self.first, self.last = min(self.first or at, at), max(self.last or at, at)
        if len(self.sample) < SAMPLE_ROWS:
            shown = {"at": at.isoformat(), "sender": sender, "kind": kind, "text": text[:300]}
            self.sample.append(shown | more)

    def count_file(self, name: str, chat: Source) -> None:
        """Count a file that a message names, and whether it is there."""
        self.counts["files"] += 1
        self.counts["files_present"] += name in chat.files

    def count_body(self, said: Any, chat: Source) -> None:
        """Count what a message of a chat says about itself."""
        self.counts["deleted"] += said.is_deleted
        self.counts["edited"] += said.is_edited
        if said.filename:
            self.count_file(said.filename, chat)
        elif not said.content and not said.is_deleted:
            self.counts["left_out"] += 1

    def as_json(self) -> dict[str, Any]:
        """The sample, the first and the last moment ("" without any), and the counts."""
        return {
            "sample": self.sample,
            "first_at": self.first.isoformat() if self.first else "",
            "last_at": self.last.isoformat() if self.last else "",
        } | {name: self.counts[name] for name in COUNTED}


def _analyse_chat(job: ChatImport) -> dict[str, Any]:
    latest, signs = latest_day(), _Heartbeat(job)
    with source(job) as chat:
        layout = text.layout_of(chat.stream)
    survey = _survey(job, layout, latest, signs)
    orders, learned = list(survey.orders.found), survey.learned
    findings, senders = _Findings(), Counter[str]()
    with source(job) as chat:
        read = text.entries(chat.stream, layout, order=orders[0], latest=latest, learned=learned)
        for n, entry in enumerate(read, 1):
            signs(n)
            if entry.is_system:
                findings.counts["system"] += 1
                continue
            senders[entry.sender] += 1
            _refuse_many(senders, "senders")
            said = read_body(entry.body, chat.files, is_marked=entry.is_marked, learned=learned)
            findings.count_body(said, chat)
            more = {"is_deleted": True} if said.is_deleted else {}
            findings.add(entry.at, entry.sender, said.kind, said.text, **more)
    return findings.as_json() | {
        "day_orders": orders,
        "has_halves": bool(layout.half),
        "learned": learned.as_json(),
        "senders": [{"name": name, "messages": count} for name, count in senders.most_common()],
        "messages": senders.total(),
    }


def _refuse_many(found: Counter[str], what: str) -> None:
    if len(found) > MAX_SENDERS:
        raise BadChatFile(f"There are more than {MAX_SENDERS:,} {what}, which is the limit.")


def _survey(job: ChatImport, layout: Layout, latest: date, signs: _Heartbeat) -> Survey:
    """Read the whole file once, for what only the whole file says."""
    found = Survey(layout, latest)
    with source(job) as chat:
        for n, _ in enumerate(text.surveyed(chat.stream, found), 1):
            signs(n)
    return found


def _analyse_records(job: ChatImport) -> dict[str, Any]:
    signs, findings, numbers = _Heartbeat(job), _Findings(), Counter[str]()
    people: set[tuple[str, str]] = set()
    with source(job) as chat:
        for n, (record, _, _) in enumerate(READERS[job.source](chat.stream), 1):
            signs(n)
            numbers[record["number"]] += 1
            contact = record["contact"]
            if len(people) < MAX_COUNTED_CONTACTS:
                people.add((record["number"], contact["wa_id"]))
            if media := record["media"]:
                findings.count_file(media["file"], chat)
            customer = contact["name"] or contact["wa_id"]
            sender = customer if record["direction"] == "in" else job.business.name
            findings.add(record["created_at"], sender, record["kind"], record["text"])
    _refuse_many(numbers, "business numbers")
    return findings.as_json() | {
        "numbers": dict(numbers.most_common()),
        "conversations": len(people),
        "messages": numbers.total(),
    }


def _guess(job: ChatImport, found: dict[str, Any]) -> dict[str, Any]:
    """Return suggested answers, which people confirm."""
    mine = list(Number.objects.filter(business_id=job.business_id).order_by("id"))
    guess = _guess_of_chat if "senders" in found else _guess_of_records
    return {"time_zone": job.business.timezone} | guess(job, found, mine)


def _guess_of_records(job: ChatImport, found: dict[str, Any], mine: list[Number]) -> dict[str, Any]:
    own = {number.digits for number in mine}
    return {
        "unknown_numbers": [digits for digits in found["numbers"] if digits not in own],
        "number": mine[0].phone_number_id if len(mine) == 1 else "",
    }


def _guess_of_chat(job: ChatImport, found: dict[str, Any], mine: list[Number]) -> dict[str, Any]:
    names = [sender["name"] for sender in found["senders"]]
    digits = text.numbers_in(names)
    own = {number.digits: number for number in mine}
    own_names = {job.business.name, *(number.verified_name for number in mine)}
    words = {name.casefold() for name in own_names}
    business = [name for name in names if name.casefold() in words or digits.get(name) in own]
    other = text.contact_in(job.filename)
    if not business and other in names and len(names) == 2:
        business = [name for name in names if name != other]
    customers = [name for name in names if name not in business] if business else []
    numbered = [own[digits[name]] for name in business if digits.get(name) in own]
    if not numbered and len(mine) == 1:
        numbered = mine
    return {
        "business_senders": business,
        "contact": _contact_of(job, customers, digits),
        "number": numbered[0].phone_number_id if numbered else "",
        "day_order": found["day_orders"][0],
    }


def _contact_of(job: ChatImport, customers: list[str], digits: dict[str, str]) -> str:
    """Return the digits of the only customer, from a number or a unique contact of that name.

    Else "".
    """
    if len(customers) != 1:
        return ""
    if customers[0] in digits:
        return one_form(digits[customers[0]])
    known = Contact.objects.filter(business_id=job.business_id, name=customers[0]).values_list(
        "wa_id", flat=True
    )[:2]
    return known[0] if len(known) == 1 else ""


def zone_of(job: ChatImport) -> ZoneInfo:
    """Return the time zone of the phone that made the export."""
    return ZoneInfo(job.answers["time_zone"])
