"""Assembling an export's parts into one file: text, an HTML page, or an archive with files."""

import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from tempfile import NamedTemporaryFile
from typing import IO, Any

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db.models.functions import Now

from core.tenancy import scope
from hosting import jobs
from hosting.exports.parts import EPOCH, files_of, part_path, pieces_of
from hosting.imports.formats import html, records
from hosting.media.store import safe_name
from hosting.models import ChatExport, Conversation
from hosting.models.transfers import KEPT_FOR

State, Format = ChatExport.State, ChatExport.Format
HEARTBEAT_SECONDS = 5.0


def is_archive(job: ChatExport) -> bool:
    """Return whether the export is a ZIP: with media, or with a page for each conversation."""
    return job.has_media or (job.format == Format.HTML and not job.conversation_id)


def assemble(job: ChatExport) -> None:
    """Join the parts, store the file, delete the parts."""
    alive = _heartbeat(job)
    with NamedTemporaryFile() as target:
        if is_archive(job):
            _write_archive(job, target, alive)
        else:
            for piece in _plain(job):
                target.write(piece)
                alive()
        size = target.tell()
        target.seek(0)
        path = f"history/{job.business_id}/exports/{job.public_id}/file"
        default_storage.delete(path)
        path = default_storage.save(path, File(target))
    with scope(job.business_id):
        jobs.finish(
            job,
            State.DONE,
            path=path,
            size=size,
            filename=_filename(job),
            expires_at=Now() + KEPT_FOR,
            total=job.processed,
        )
    delete_parts(job)


def _heartbeat(job: ChatExport) -> Callable[[], None]:
    due = time.monotonic() + HEARTBEAT_SECONDS

    def alive() -> None:
        nonlocal due
        if time.monotonic() > due:
            due = time.monotonic() + HEARTBEAT_SECONDS
            with scope(job.business_id):
                jobs.keep(job, fresh=False)

    return alive


def _filename(job: ChatExport) -> str:
    kind = "zip" if is_archive(job) else str(job.format)
    return f"{safe_name(job.title)[:100] or 'messages'}.{kind}"


def _plain(job: ChatExport) -> Iterator[bytes]:
    """Yield the contents of a single text file."""
    if job.format == Format.HTML:
        yield html.page_head(*_titles(job)).encode()
    elif job.format == Format.CSV:
        yield records.csv_lines([records.CSV_COLUMNS])
    for _, _, piece in pieces_of(job):
        yield piece
    if job.format == Format.HTML:
        yield html.page_foot().encode()


def _titles(job: ChatExport, thread: int = 0) -> tuple[str, str]:
    """Return title and subtitle of a page."""
    with scope(job.business_id):
        wanted = thread or job.conversation_id
        found = (
            Conversation.objects.select_related("contact", "number").filter(pk=wanted).first()
            if wanted
            else None
        )
    if found is None:
        return job.title, job.business.name
    return str(found.contact), f"+{found.contact.wa_id} · {found.number}"


def _write_archive(job: ChatExport, target: IO[bytes], alive: Callable[[], None]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        if job.format == Format.HTML and not job.conversation_id:
            _write_pages(job, archive, alive)
        else:
            name = "chat.html" if job.format == Format.HTML else f"messages.{job.format}"
            with _opened(archive, name) as entry:
                for piece in _plain(job):
                    entry.write(piece)
                    alive()
        missing = [
            name
            for name, digest in files_of(job)
            if not _add_file(job, archive, name, digest, alive)
        ]
        if missing:
            archive.writestr(zipfile.ZipInfo("missing.txt", EPOCH), "\n".join(missing))


def _write_pages(job: ChatExport, archive: zipfile.ZipFile, alive: Callable[[], None]) -> None:
    """Write a page for each conversation, and an index."""
    chats: list[tuple[str, str, int]] = []
    open_thread, entry, done = 0, None, 0

    def close() -> None:
        if entry is not None:
            entry.write(html.page_foot().encode())
            entry.close()
            chats[-1] = (*chats[-1][:2], done)

    for thread, size, piece in pieces_of(job):
        alive()
        if thread != open_thread:
            close()
            open_thread, done = thread, 0
            title, subtitle = _titles(job, thread)
            name = f"chats/{len(chats) + 1:05}.html"
            chats.append((name, f"{title} · {subtitle}", 0))
            entry = _opened(archive, name)
            entry.write(html.page_head(title, subtitle).encode())
        assert entry is not None
        entry.write(piece)
        done += size
    close()
    with _opened(archive, "index.html") as front:
        front.write(html.index(job.title, job.business.name, chats).encode())


def _opened(archive: zipfile.ZipFile, name: str, *, packed: bool = True) -> Any:
    info = zipfile.ZipInfo(name, EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    return archive.open(info, "w", force_zip64=True)


def _add_file(
    job: ChatExport, archive: zipfile.ZipFile, name: str, digest: str, alive: Callable[[], None]
) -> bool:
    """Copy one stored file; return False when the storage no longer has it."""
    alive()
    path = f"media/{job.business_id}/{digest[:2]}/{digest}"
    try:
        with (
            default_storage.open(path, "rb") as file,
            _opened(archive, name, packed=False) as entry,
        ):
            shutil.copyfileobj(file, entry)
    except FileNotFoundError:
        return False
    return True


def delete_parts(job: ChatExport) -> None:
    """Delete the parts of an export."""
    for n in range(job.parts + 1):
        default_storage.delete(part_path(job, n))
