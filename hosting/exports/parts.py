"""Extraction of an export's messages into parts, each stored with its position."""

import mimetypes
import time
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import QuerySet

from core.sql import statement
from core.tenancy import scope
from hosting import jobs
from hosting.imports.formats import html, records
from hosting.models import ChatExport, Conversation, Message

CHUNK = 2_000
PART_MESSAGES = 20_000  # messages
THREADS = 500
FIELDS = (
    "id", "conversation_id", "number", "wa_id", "user_id", "name", "wamid", "direction", "kind",
    "text", "content", "context_wamid", "tracker", "category", "window_open", "free_entry_at",
    "author", "status", "errors", "created_at", "sent_at", "delivered_at", "read_at", "failed_at",
    "edited_at", "revoked_at", "media_id", "mime_type", "filename", "size", "sha256",
)  # fmt: skip
EPOCH = (1980, 1, 1, 0, 0, 0)  # equal contents make equal archives


def threads_of(job: ChatExport) -> QuerySet[Conversation]:
    """Return the conversations of an export."""
    found = Conversation.objects.filter(business_id=job.business_id)
    for name in ("number", "contact"):
        if value := getattr(job, f"{name}_id"):
            found = found.filter(**{name: value})
    return found.filter(pk=job.conversation_id) if job.conversation_id else found


def count(job: ChatExport) -> int:
    """Return the number of messages of an export."""
    found = Message.objects.filter(business_id=job.business_id)
    for name in ("number", "contact", "conversation"):
        if value := getattr(job, f"{name}_id"):
            found = found.filter(**{name: value})
    if job.since:
        found = found.filter(created_at__gte=job.since)
    return found.filter(created_at__lt=job.until).count() if job.until else found.count()


def extract(job: ChatExport, *, seconds: float = jobs.SECONDS) -> bool:
    """Write parts until the time is up; return True when all messages are written."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with scope(job.business_id):
            if not job.position:
                jobs.keep(job, total=count(job), position={"conversation": 0, "after": 0})
            if not _write_part(job):
                return True
    return False


def part_path(job: ChatExport, n: int) -> str:
    """Return the storage path of part `n`."""
    return f"history/{job.business_id}/exports/{job.public_id}/part-{n:06}"


def _write_part(job: ChatExport) -> bool:
    part = _Part(job)
    place = dict(job.position)
    while part.size < PART_MESSAGES and (
        rows := _read(job, place, min(CHUNK, PART_MESSAGES - part.size))
    ):
        part.add(rows)
        place |= {
            "conversation": rows[-1]["conversation_id"],
            "after": rows[-1]["id"],
            "day": part.day,
        }
    if not part.size:
        return False
    path = part_path(job, job.parts)
    default_storage.delete(path)  # left by a worker that died
    default_storage.save(path, ContentFile(part.packed()))
    jobs.keep(job, position=place, parts=job.parts + 1, processed=job.processed + part.size)
    return True


def _read(job: ChatExport, place: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    """Return the next messages.

    Conversations are looked up in groups, so that each is read by its index.
    """
    first = place["conversation"]
    while True:
        ids = list(
            threads_of(job)
            .filter(pk__gte=first)
            .order_by("pk")
            .values_list("pk", flat=True)[:THREADS]
        )
        if not ids:
            return []
        with connection.cursor() as cursor:
            cursor.execute(
                statement("hosting", "export_messages"),
                {
                    "business_id": job.business_id,
                    "conversations": ids,
                    "conversation": place["conversation"],
                    "after": place["after"],
                    "since": job.since,
                    "until": job.until,
                    "limit": limit,
                },
            )
            if rows := cursor.fetchall():
                return [dict(zip(FIELDS, row, strict=True)) for row in rows]
        first = ids[-1] + 1


def record_of(row: dict[str, Any], *, has_media: bool) -> dict[str, Any]:
    """Return a row as a record of `hosting.imports.formats.records`."""
    content = orjson.loads(row["content"])
    author = row["author"] or content.pop("imported_author", "")
    media = None
    if row["media_id"]:
        content.pop("id", None)
        media = {"file": media_name(row) if has_media else ""}
        media |= {name: row[name] for name in ("mime_type", "filename", "size", "sha256")}
    return {
        "number": row["number"],
        "contact": {"wa_id": row["wa_id"], "user_id": row["user_id"], "name": row["name"]},
        "wamid": row["wamid"],
        "direction": row["direction"],
        "kind": row["kind"],
        "text": row["text"],
        "content": content,
        "context_wamid": row["context_wamid"],
        "tracker": row["tracker"],
        "category": row["category"],
        "window_open": row["window_open"],
        "free_entry_at": row["free_entry_at"],
        "author": author,
        "status": row["status"],
        "errors": orjson.loads(row["errors"]) if row["errors"] else None,
        **{name: row[name] for name in records.MOMENTS if name != "free_entry_at"},
        "media": media,
    }


def media_name(row: dict[str, Any]) -> str:
    """Return a file's name in the archive, made from its content's hash."""
    return f"media/{row['sha256']}{mimetypes.guess_extension(row['mime_type']) or '.bin'}"


class _Part:
    """Messages as text, split by conversation for HTML pages, and the files they refer to."""

    def __init__(self, job: ChatExport) -> None:
        self.job, self.size = job, 0
        self.day: str = job.position.get("day", "")
        self.pieces: dict[int, list[bytes]] = {}
        self.counts: dict[int, int] = {}
        self.media: list[bytes] = []
        self.zone = ZoneInfo(job.business.timezone)
        self.last_thread = job.position.get("conversation", 0)

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Add messages."""
        self.size += len(rows)
        if self.job.has_media:
            self.media += [
                orjson.dumps([media_name(row), row["sha256"]]) for row in rows if row["media_id"]
            ]
        if self.job.format == ChatExport.Format.HTML:
            self._add_pages(rows)
            return
        pieces = self.pieces.setdefault(0, [])
        found = [self._without_media(record_of(row, has_media=self.job.has_media)) for row in rows]
        if self.job.format == ChatExport.Format.JSONL:
            pieces += map(records.jsonl_line, found)
        else:
            pieces.append(records.csv_lines(list(map(records.csv_row, found))))

    def _without_media(self, record: dict[str, Any]) -> dict[str, Any]:
        # A file that is not included is not named, so that the record is unchanged when imported.
        return record if self.job.has_media else record | {"media": None}

    def _add_pages(self, rows: list[dict[str, Any]]) -> None:
        quoted = _quoted(rows)
        deep = "" if self.job.conversation_id else "../"
        for row in rows:
            thread, record = row["conversation_id"], record_of(row, has_media=self.job.has_media)
            at: datetime = row["created_at"].astimezone(self.zone)
            if thread != self.last_thread:
                self.last_thread, self.day = thread, ""
            pieces = self.pieces.setdefault(thread, [])
            if at.date().isoformat() != self.day:
                self.day = at.date().isoformat()
                pieces.append(html.day(date.fromisoformat(self.day)).encode())
            link = (
                deep + record["media"]["file"]
                if record["media"] and record["media"]["file"]
                else ""
            )
            said = quoted.get((thread, row["context_wamid"]))
            pieces.append(html.message(record, at=at, link=link, quoted=said).encode())
            self.counts[thread] = self.counts.get(thread, 0) + 1

    def packed(self) -> bytes:
        """Return the part as an archive: an entry for each conversation or one for all, and the
        files.
        """
        out = BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for thread, pieces in self.pieces.items():
                archive.writestr(f"{thread}-{self.counts.get(thread, 0)}", b"".join(pieces))
            archive.writestr("media", b"\n".join(self.media))
        return out.getvalue()


def _quoted(rows: list[dict[str, Any]]) -> dict[tuple[int, str], str]:
    wanted = {row["context_wamid"] for row in rows} - {""}
    if not wanted:
        return {}
    threads = {row["conversation_id"] for row in rows}
    found = Message.objects.filter(conversation_id__in=threads, wamid__in=wanted)
    return {
        (thread, wamid): text or f"[{kind}]"
        for thread, wamid, text, kind in found.values_list(
            "conversation_id", "wamid", "text", "kind"
        )
    }


def pieces_of(job: ChatExport) -> Iterator[tuple[int, int, bytes]]:
    """Yield conversation id (0: all), number of messages and text of every piece, in order."""
    for n in range(job.parts):
        with default_storage.open(part_path(job, n), "rb") as file, zipfile.ZipFile(file) as part:
            for name in part.namelist():
                if name != "media":
                    thread, _, size = name.partition("-")
                    yield int(thread), int(size), part.read(name)


def files_of(job: ChatExport) -> Iterator[tuple[str, str]]:
    """Yield archive name and hash of every file, without duplicates."""
    seen: set[str] = set()
    for n in range(job.parts):
        with default_storage.open(part_path(job, n), "rb") as file, zipfile.ZipFile(file) as part:
            for line in part.read("media").splitlines():
                name, digest = orjson.loads(line)
                if name not in seen:
                    seen.add(name)
                    yield name, digest
