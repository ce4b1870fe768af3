"""Writing imported messages in batches; rows, files and position are one transaction."""

import mimetypes
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from accounts.models import Membership
from core.tenancy import scope
from hosting import jobs
from hosting.cloudapi.files import LIMITS
from hosting.contacts.identity_locks import lock_identities
from hosting.errors import CloudApiError
from hosting.imports.formats import text
from hosting.imports.formats.bodies import LRM, Body, read_body
from hosting.imports.formats.errors import BadArchive
from hosting.imports.formats.repetition import Learned
from hosting.imports.formats.rows import AttachedFile, Batch, copy_line, imported_wamid
from hosting.imports.formats.sources import Source
from hosting.imports.preview import READERS, latest_day, source, zone_of
from hosting.imports.sets import write_set
from hosting.media.store import store_media
from hosting.models import ChatImport, Number, Template

BATCH_ROWS = 10_000
BATCH_FILES = 50
# Of a record, in the order of the columns of `history_set`.
FIELDS = (
    *("row", "number_id", "wa_id", "user_id", "name", "wamid", "direction", "kind", "text"),
    *("content", "context_wamid", "tracker", "category", "window_open", "free_entry_at"),
    *("template_id", "author_id", "status", "errors", "created_at", "sent_at", "delivered_at"),
    *("read_at", "failed_at", "edited_at", "revoked_at"),
)
# Types that first bytes cannot tell from others; only for these the file name counts.
_NAMED_TYPES = ("text/plain", "text/csv", "application/msword", "application/vnd.")
# The first kind that takes the type wins: a picture is an image before it is a document.
_KINDS = ("image", "sticker", "video", "audio", "document")


def write_batches(job: ChatImport, *, seconds: float = jobs.SECONDS) -> None:
    """Write batches until the time is up or the file ends; the next batch is read meanwhile."""
    ends = time.monotonic() + seconds
    with source(job) as chat, ThreadPoolExecutor(max_workers=1) as ahead:
        batches = _batches(job, chat)
        coming = ahead.submit(next, batches, None)
        while batch := coming.result():
            coming = ahead.submit(next, batches, None)
            with scope(job.business_id):
                _write(job, batch, chat)
            if time.monotonic() > ends:
                return
    with scope(job.business_id):
        jobs.finish(job, ChatImport.State.DONE)


def _batches(job: ChatImport, chat: Source) -> Iterator[Batch]:
    # Queries run here, as the reading thread has no part in our transactions.
    if job.source == ChatImport.Source.WHATSAPP:
        return _chat_batches(job, chat)
    return _record_batches(job, chat, _References(job))


def _chat_batches(job: ChatImport, chat: Source) -> Iterator[Batch]:
    """Yield a chat's batches from the job's position on, each cut where the time changes."""
    place = job.position
    layout = text.layout_of(chat.stream)
    offset, line = place.get("offset", 0), place.get("line", 1)
    chat.stream.seek(offset)
    last = datetime.fromisoformat(place["last"]) if place.get("last") else None
    folds = text.ClockFolds(zone_of(job), last, place.get("fold", 0))
    order = job.answers["day_order"]
    writer = _ChatWriter(job, chat)
    for entry in text.entries(
        chat.stream,
        layout,
        order=order,
        latest=latest_day(),
        learned=writer.learned,
        offset=offset,
        line=line,
    ):
        if writer.is_full(entry.at):
            yield writer.batch()
        writer.add(entry, folds)
    if writer.lines:
        yield writer.batch()


class _ChatWriter:
    """Builds a batch of rows from entries of one chat."""

    def __init__(self, job: ChatImport, chat: Source) -> None:
        self.contact = job.answers["contact"]
        self.business = frozenset(job.answers["business_senders"])
        self.name = job.answers.get("contact_name", "")
        self.is_group = len(job.preview["senders"]) > 2
        self.learned = Learned.of_json(job.preview.get("learned", {}))
        self.number_id, self.chat = job.number_id, chat
        self.copies: dict[tuple[str, str], int] = {}
        self.lines: list[str] = []
        self.files: list[AttachedFile] = []
        self.position: dict[str, Any] = {}
        self.last: datetime | None = None

    def is_full(self, at: datetime) -> bool:
        """Return whether the batch ends before a message of this time."""
        full = len(self.lines) >= BATCH_ROWS or len(self.files) >= BATCH_FILES
        # Equal messages of one minute are told apart by counting, so a minute is rarely cut.
        return full and (at != self.last or len(self.lines) >= 4 * BATCH_ROWS)

    def add(self, entry: text.Entry, folds: text.ClockFolds) -> None:
        """Add one message."""
        if entry.at != self.last:
            self.copies.clear()
            self.last = entry.at
        at = folds.placed(entry.at)
        copy = self.copies[entry.sender, entry.body] = (
            self.copies.get((entry.sender, entry.body), 0) + 1
        )
        wamid = imported_wamid(
            f"{self.contact}|{entry.at}|{at.fold}|{entry.sender}|{copy}|{entry.body}"
        )
        self.lines.append(self._row(entry, at.isoformat(), wamid))
        self.position = {
            "offset": entry.end,
            "line": entry.next_line,
            "last": entry.at.isoformat(),
            "fold": folds.fold,
        }

    def _row(self, entry: text.Entry, at: str, wamid: str) -> str:
        if entry.is_system:
            said = Body("system", entry.body.lstrip(LRM), {"body": entry.body.lstrip(LRM)})
        else:
            said = read_body(
                entry.body, self.chat.files, is_marked=entry.is_marked, learned=self.learned
            )
        out = entry.sender in self.business and said.kind != "system"
        content = said.content | (
            {"imported_sender": entry.sender} if entry.sender and self.is_group else {}
        )
        if said.filename in self.chat.files and said.filename and said.kind != "contacts":
            name = said.filename
            self.files.append(
                AttachedFile(
                    wamid, self.chat.files[name], name, mimetypes.guess_type(name)[0] or ""
                )
            )
        return copy_line(
            len(self.lines),
            self.number_id,
            self.contact,
            "",
            self.name,
            wamid,
            "out" if out else "in",
            said.kind,
            said.text,
            orjson.dumps(content).decode(),
            "",
            "",
            "service" if out else "",
            False,
            None,
            None,
            None,
            "sent" if out else "received",
            None,
            at,
            at if out else None,
            None,
            None,
            None,
            at if said.is_edited else None,
            at if said.is_deleted else None,
        )

    def batch(self) -> Batch:
        """Return the batch so far and begin the next one."""
        made = Batch("".join(self.lines), len(self.lines), self.files, self.position)
        self.lines, self.files = [], []
        return made


def _record_batches(job: ChatImport, chat: Source, known: "_References") -> Iterator[Batch]:
    """Yield the batches of one of our own files."""
    place = job.position
    offset, line = place.get("offset", 0), place.get("line", 1)
    if offset:
        chat.stream.seek(offset)
    lines: list[str] = []
    files: list[AttachedFile] = []
    for record, after, next_line in READERS[job.source](chat.stream, offset=offset, line=line):
        lines.append(known.row(len(lines), record))
        if (media := record["media"]) and media["file"] in chat.files:
            entry = chat.files[media["file"]]
            files.append(
                AttachedFile(record["wamid"], entry, media["filename"], media["mime_type"])
            )
        if len(lines) >= BATCH_ROWS or len(files) >= BATCH_FILES:
            yield Batch("".join(lines), len(lines), files, {"offset": after, "line": next_line})
            lines, files = [], []
        position = {"offset": after, "line": next_line}
    if lines:
        yield Batch("".join(lines), len(lines), files, position)


class _References:
    """Numbers, members and templates of the business, which records refer to by name."""

    def __init__(self, job: ChatImport) -> None:
        with scope(job.business_id):
            numbers = list(Number.objects.filter(business_id=job.business_id))
            self.numbers = {number.digits: number for number in numbers}
            members = Membership.objects.filter(business_id=job.business_id).select_related("user")
            self.members = {member.user.email: member.user_id for member in members}
            self.templates = {
                (found.account_id, found.name, found.language): found.pk
                for found in Template.objects.filter(business_id=job.business_id)
            }
        self.other = job.number

    def row(self, n: int, record: dict[str, Any]) -> str:
        """Return a record as a row; an unknown author stays in the content."""
        number = self.numbers.get(record["number"]) or self.other
        assert number is not None, "asked for before the import began"
        contact, content = record["contact"], record["content"]
        author = self.members.get(record["author"])
        if record["author"] and author is None:
            content = content | {"imported_author": record["author"]}
        errors = record["errors"]
        values = {
            **record,
            **contact,
            "row": n,
            "number_id": number.pk,
            "content": orjson.dumps(content).decode(),
            "template_id": self._template_of(number, record),
            "author_id": author,
            "errors": orjson.dumps(errors).decode() if errors is not None else None,
        }
        return copy_line(*(values[name] for name in FIELDS))

    def _template_of(self, number: Number, record: dict[str, Any]) -> int | None:
        """Return the id of the template that a record names, None for none of ours."""
        content = record["content"]
        language = content.get("language")
        code = language.get("code") if isinstance(language, dict) else None
        if record["kind"] != "template" or not isinstance(code, str):
            return None
        return self.templates.get((number.account_id, content.get("name"), code))


def _write(job: ChatImport, batch: Batch, chat: Source) -> None:
    lock_identities(changing=(), reading=[job.business_id])
    people, threads, written = write_set(job, batch.text)
    kept, refused = _store_files(job, batch, chat) if written else (0, job.refused)
    jobs.keep(
        job,
        position=batch.position,
        processed=job.processed + batch.size,
        added=job.added + sum(one.added for one in written),
        first_id=min(_known(job.first_id, *(one.first_id for one in written)), default=None),
        last_id=max(_known(job.last_id, *(one.last_id for one in written)), default=None),
        files_added=job.files_added + kept,
        refused=refused,
        made_contacts=[*job.made_contacts, *(row[0] for row in people)],
        made_conversations=[*job.made_conversations, *(row[0] for row in threads)],
        conversation_id=job.conversation_id or (written[0].conversation_id if written else None),
    )


def _known(*ids: int | None) -> list[int]:
    return [one for one in ids if one]


def _store_files(job: ChatImport, batch: Batch, chat: Source) -> tuple[int, dict[str, int]]:
    """Store the files of new messages; return how many, and the counts of refusal reasons."""
    refused, stored = dict(job.refused), []
    new = _new_messages(job, [file.wamid for file in batch.files])
    for file in batch.files:
        if file.wamid in new and chat.archive is not None:
            try:
                stored.append((new[file.wamid], *_store_file(job, chat, file)))
            except (CloudApiError, BadArchive) as error:
                reason = error.message[:200]
                if reason in refused or len(refused) < 50:
                    refused[reason] = refused.get(reason, 0) + 1
    if stored:
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE hosting_message m
                      SET content = m.content || jsonb_build_object('id', u.media_id),
                          kind = CASE WHEN m.kind = ANY (u.kinds) THEN m.kind ELSE u.kinds[1] END
                     FROM (SELECT id, media_id, string_to_array(kinds, ' ') AS kinds
                             FROM unnest(%s::bigint[], %s::text[], %s::text[])
                                  AS x (id, media_id, kinds)) u
                    WHERE m.id = u.id""",
                list(map(list, zip(*stored, strict=True))),
            )
    return len(stored), refused


def _new_messages(job: ChatImport, wamids: list[str]) -> dict[str, int]:
    """Return wamid -> id of the messages that this import has just written."""
    if not wamids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT wamid, id FROM hosting_message
                WHERE business_id = %s AND wamid = ANY (%s)
                  AND number_id = ANY (SELECT number_id FROM history_set)
                  AND imported_from_id = %s AND NOT content ? 'id'""",
            [job.business_id, wamids, job.pk],
        )
        return dict(cursor.fetchall())


def _store_file(job: ChatImport, chat: Source, file: AttachedFile) -> tuple[str, str]:
    """Store a file; return its media id and the kinds of message that carry it, likeliest first."""
    assert chat.archive is not None
    claimed = file.mime_type if file.mime_type.startswith(_NAMED_TYPES) else ""
    with chat.archive.reading(file.entry) as content:
        media = store_media(
            business=job.business,
            content=content,
            mime_type=claimed,
            filename=file.filename,
        )
    return media.media_id, " ".join(
        kind for kind in _KINDS if media.mime_type in LIMITS[kind].types
    )
