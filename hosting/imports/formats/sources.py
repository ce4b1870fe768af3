"""Contents of an uploaded file: the chat, and the files beside it in an archive."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from hosting.imports.formats.archives import MAX_BYTES, Archive, is_zip, open_archive, printable
from hosting.imports.formats.errors import BadArchive, BadChatFile
from hosting.imports.formats.headers import find_layout
from hosting.imports.formats.text import decoded, lines_of

SAMPLE = 50
OWN = {"messages.jsonl": "jsonl", "messages.csv": "csv"}


@dataclass
class Source:
    """The chat as a stream, its kind ("whatsapp", "jsonl", "csv"), and file names -> archive
    entries.
    """

    stream: Any
    kind: str
    archive: Archive | None = None
    files: dict[str, str] = field(default_factory=dict)


@contextmanager
def source_of(file: IO[bytes], filename: str) -> Iterator[Source]:
    """Open an upload; raise BadChatFile if it is unusable."""
    file.seek(0, 2)
    if file.tell() > MAX_BYTES:
        raise BadChatFile(f"The file has {file.tell():,} bytes; the limit is {MAX_BYTES:,}.")
    file.seek(0)
    head = file.read(4)
    file.seek(0)
    if not is_zip(head):
        yield Source(file, _kind_of(file, filename))
        return
    with open_archive(file) as archive:
        name, kind = _find_chat(archive)
        files = {
            entry.replace("\\", "/").rpartition("/")[2]: entry
            for entry in archive.entries
            if entry != name
        }
        with archive.reading(name) as stream:
            yield Source(
                stream,
                kind,
                archive,
                files | {entry: entry for entry in archive.entries if entry != name},
            )


def _kind_of(file: IO[bytes], filename: str) -> str:
    first = file.readline(1024)
    file.seek(0)
    if first.lstrip(b"\xef\xbb\xbf").startswith(b"{"):
        return "jsonl"
    if b"wamid" in first and b"contact_name" in first:
        return "csv"
    if filename.lower().endswith((".jsonl", ".csv")):
        raise BadChatFile("This is not a file that Parley exported.")
    return "whatsapp"


def _find_chat(archive: Archive) -> tuple[str, str]:
    for own, kind in OWN.items():
        if own in archive.entries:
            return own, kind
    texts = [
        name
        for name in archive.entries
        if name.lower().endswith(".txt") and not name.startswith("__MACOSX/")
    ]
    texts.sort(
        key=lambda name: (
            "/" in name,
            "_chat" not in name.lower(),
            "whatsapp" not in name.lower(),
            name,
        )
    )
    for name in texts[:20]:
        with archive.reading(name) as stream:
            first = itertools.islice(lines_of(stream), SAMPLE)  # type: ignore[arg-type]
            if find_layout(decoded(line)[:200] for line in first):
                return name, "whatsapp"
    if texts:
        raise BadArchive(
            f"'{printable(texts[0])}' in the archive is no chat that WhatsApp exported."
        )
    raise BadArchive(
        "There is no chat in the archive: no text file, no messages.jsonl and no messages.csv."
    )
