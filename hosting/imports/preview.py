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


def _analyse_chat(job: ChatImport) -> dict[str, Any]:
    latest, signs = latest_day(), _Heartbeat(job)
    with source(job) as chat:
        layout = text.layout_of(chat.stream)
    survey = _survey(job, layout, latest, signs)
    orders, learned = list(survey.orders.found), survey.learned
    counts: Counter[str] = Counter()
    senders: Counter[str] = Counter()
    found: dict[str, Any] = {
        "day_orders": orders,
        "has_halves": bool(layout.half),
        "learned": learned.as_json(),
        "sample": [],
    }
    first = last = None
    with source(job) as chat:
        for n, entry in enumerate(
            text.entries(chat.stream, layout, order=orders[0], latest=latest, learned=learned), 1
        ):
            signs(n)
            if entry.is_system:
                counts["system"] += 1
                continue
            senders[entry.sender] += 1
            if len(senders) > MAX_SENDERS:
                raise BadChatFile(
                    f"There are more than {MAX_SENDERS:,} senders, which is the limit."
                )
            first, last = min(first or entry.at, entry.at), max(last or entry.at, entry.at)
            said = read_body(entry.body, chat.files, is_marked=entry.is_marked, learned=learned)
            _count(counts, said, chat)
            if len(found["sample"]) < SAMPLE_ROWS:
                shown = {
                    "at": entry.at.isoformat(),
                    "sender": entry.sender,
                    "kind": said.kind,
                    "text": said.text[:300],
                }
                found["sample"].append(shown | ({"is_deleted": True} if said.is_deleted else {}))
    people = [{"name": name, "messages": count} for name, count in senders.most_common()]
    return (
        found
        | _range(first, last)
        | _numbers(counts)
        | {"senders": people, "messages": senders.total()}
    )


def _survey(job: ChatImport, layout: Layout, latest: date, signs: _Heartbeat) -> Survey:
    """Read the whole file once, for what only the whole file says."""
    found = Survey(layout, latest)
    with source(job) as chat:
        for n, _ in enumerate(text.surveyed(chat.stream, found), 1):
            signs(n)
    return found


def _count(counts: Counter[str], said: Any, chat: Source) -> None:
    counts["deleted"] += said.is_deleted
    counts["edited"] += said.is_edited
    if said.filename:
        counts["files"] += 1
        counts["files_present"] += said.filename in chat.files
    elif not said.content and not said.is_deleted:
        counts["left_out"] += 1


def _numbers(counts: Counter[str]) -> dict[str, int]:
    return {
        name: counts[name]
        for name in ("system", "files", "files_present", "left_out", "deleted", "edited")
    }


def _range(first: datetime | None, last: datetime | None) -> dict[str, str]:
    return {
        "first_at": first.isoformat() if first else "",
        "last_at": last.isoformat() if last else "",
    }


def _analyse_records(job: ChatImport) -> dict[str, Any]:
    signs, counts, numbers, people = (
        _Heartbeat(job),
        Counter[str](),
        Counter[str](),
        set[tuple[str, str]](),
    )
    found: dict[str, Any] = {"sample": []}
    first = last = None
    with source(job) as chat:
        for n, (record, _, _) in enumerate(READERS[job.source](chat.stream), 1):
            signs(n)
            numbers[record["number"]] += 1
            at = record["created_at"]
            first, last = min(first or at, at), max(last or at, at)
            if len(people) < MAX_COUNTED_CONTACTS:
                people.add((record["number"], record["contact"]["wa_id"]))
            if media := record["media"]:
                counts["files"] += 1
                counts["files_present"] += media["file"] in chat.files
            if len(found["sample"]) < SAMPLE_ROWS:
                who = record["contact"]["name"] or record["contact"]["wa_id"]
                sender = who if record["direction"] == "in" else job.business.name
                shown = {
                    "at": at.isoformat(),
                    "sender": sender,
                    "kind": record["kind"],
                    "text": record["text"][:300],
                }
                found["sample"].append(shown)
    if len(numbers) > MAX_SENDERS:
        raise BadChatFile(
            f"There are more than {MAX_SENDERS:,} business numbers, which is the limit."
        )
    found |= {
        "numbers": dict(numbers.most_common()),
        "conversations": len(people),
        "messages": numbers.total(),
    }
    return found | _range(first, last) | _numbers(counts)


def _guess(job: ChatImport, found: dict[str, Any]) -> dict[str, Any]:
    """Return suggested answers, which people confirm."""
    mine = list(Number.objects.filter(business_id=job.business_id).order_by("id"))
    guess: dict[str, Any] = {"time_zone": job.business.timezone}
    if "senders" not in found:
        own = {number.digits: number.phone_number_id for number in mine}
        unknown = [digits for digits in found["numbers"] if digits not in own]
        return guess | {
            "unknown_numbers": unknown,
            "number": mine[0].phone_number_id if len(mine) == 1 else "",
        }
    names = [sender["name"] for sender in found["senders"]]
    digits = text.numbers_in(names)
    words = {job.business.name.casefold(), *(number.verified_name.casefold() for number in mine)}
    own_digits = {number.digits: number for number in mine}
    business = [n for n in names if n.casefold() in words or digits.get(n) in own_digits]
    other = text.contact_in(job.filename)
    if not business and other in names and len(names) == 2:
        business = [name for name in names if name != other]
    customers = [name for name in names if name not in business] if business else []
    numbered = [own_digits[digits[n]] for n in business if digits.get(n) in own_digits] or (
        mine if len(mine) == 1 else []
    )
    return guess | {
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
