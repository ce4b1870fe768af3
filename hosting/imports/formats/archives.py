"""ZIP archives from outside: limits are checked before reading, and unpacked bytes are counted."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from hosting.imports.formats.errors import BadArchive

MAX_BYTES = 500 * 1024 * 1024  # of the archive, and of all that is in it
MAX_ENTRIES = 5_000
MAX_RATIO = 100
# A small file may have a high ratio: a short chat of equal lines packs well.
RATIO_CHECKED_FROM = 1024 * 1024
MAX_DIRECTORY = 4 * 1024 * 1024
MAX_NAME = 500
_END = struct.Struct("<4s4H2LH")
_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    # Encrypted, or packed in a way that the library does not know.
    RuntimeError,
    ValueError,
    struct.error,
)


def is_zip(head: bytes) -> bool:
    """Return whether a file begins like a ZIP archive."""
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


class Archive:
    """An archive within the limits, made by `open_archive`."""

    def __init__(self, file: IO[bytes], found: zipfile.ZipFile) -> None:
        self.zip = found
        self.entries = {entry.filename: entry for entry in found.infolist() if not entry.is_dir()}
        self.left = MAX_BYTES

    @contextmanager
    def reading(self, name: str) -> Iterator["CountedFile"]:
        """Open one entry as a stream; raise BadArchive when its bytes are damaged."""
        try:
            member = self.zip.open(self.entries[name])
        except _FAULTS as error:
            raise _damaged(name, error) from error
        with member:
            yield CountedFile(self, name, member)


class CountedFile:
    """A stream of an archive entry that counts the bytes unpacked."""

    def __init__(self, archive: Archive, name: str, member: IO[bytes]) -> None:
        self.archive, self.name, self.member = archive, name, member

    def read(self, size: int = 65536) -> bytes:
        """Return at most `size` bytes."""
        return self._counted(self.member.read, size if size > 0 else 65536)

    def readline(self, size: int) -> bytes:
        """Return a line, or its first `size` bytes."""
        return self._counted(self.member.readline, size)

    def seek(self, offset: int) -> None:
        """Seek to a byte offset."""
        try:
            self.member.seek(offset)
        except _FAULTS as error:
            raise _damaged(self.name, error) from error

    def _counted(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            data = read(size)
        except _FAULTS as error:
            raise _damaged(self.name, error) from error
        self.archive.left -= len(data)
        if self.archive.left < 0:
            raise BadArchive(
                f"What is in the archive is larger than the limit of {MAX_BYTES:,} bytes."
            )
        return data


def _damaged(name: str, error: Exception) -> BadArchive:
    return BadArchive(f"'{printable(name)}' in the archive is damaged: {type(error).__name__}.")


@contextmanager
def open_archive(file: IO[bytes]) -> Iterator[Archive]:
    """Check an archive's directory without unpacking; raise BadArchive naming the limit."""
    _check_directory(file)
    try:
        found = zipfile.ZipFile(file)
    except _FAULTS as error:
        raise BadArchive(f"The archive cannot be read: {type(error).__name__}.") from error
    with found:
        _check_entries(found.infolist())
        yield Archive(file, found)


def _check_directory(file: IO[bytes]) -> None:
    """Check the number of entries and the directory's size before it is read into memory."""
    file.seek(0, 2)
    size = file.tell()
    if size > MAX_BYTES:
        raise BadArchive(f"The file has {size:,} bytes; the limit is {MAX_BYTES:,}.")
    file.seek(max(0, size - 65_557))
    tail = file.read(65_557)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + _END.size:
        raise BadArchive("The archive has no end: it was cut off, or is none.")
    _, _, _, _, entries, length, _, _ = _END.unpack_from(tail, at)
    # 0xFFFF and 0xFFFFFFFF mean "too many for this field", which is over the limits anyway.
    if entries > MAX_ENTRIES:
        raise BadArchive(
            f"The archive has {entries:,} or more files; the limit is {MAX_ENTRIES:,}."
        )
    if length > MAX_DIRECTORY:
        raise BadArchive(
            f"The archive's list of files has {length:,} bytes; the limit is {MAX_DIRECTORY:,}."
        )
    file.seek(0)


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_ENTRIES:
        raise BadArchive(f"The archive has {len(entries):,} files; the limit is {MAX_ENTRIES:,}.")
    names: set[str] = set()
    for entry in entries:
        _check_name(entry)
        _check_packing(entry)
        if entry.filename in names:
            raise BadArchive(f"The archive holds '{printable(entry.filename)}' twice.")
        names.add(entry.filename)
    total, packed = (
        sum(entry.file_size for entry in entries),
        sum(entry.compress_size for entry in entries),
    )
    if total > MAX_BYTES:
        raise BadArchive(f"What is in the archive has {total:,} bytes; the limit is {MAX_BYTES:,}.")
    if total > RATIO_CHECKED_FROM and total > packed * MAX_RATIO:
        raise BadArchive(f"The archive is packed more than {MAX_RATIO} to 1, which is the limit.")
    _check_overlaps(entries)


def _check_name(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    parts = name.replace("\\", "/").split("/")
    if (
        len(name) > MAX_NAME
        or name.startswith(("/", "\\"))
        or ".." in parts
        or parts[0].endswith(":")
        or "\0" in name
    ):
        raise BadArchive(f"The archive names a file outside itself: '{printable(name)}'.")
    mode = entry.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadArchive(f"'{printable(name)}' in the archive is a link or device, not a file.")


def _check_packing(entry: zipfile.ZipInfo) -> None:
    if entry.flag_bits & 0x1:
        raise BadArchive(f"'{printable(entry.filename)}' in the archive is encrypted.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadArchive(
            f"'{printable(entry.filename)}' in the archive is packed in a way that is not taken."
        )
    if entry.file_size > RATIO_CHECKED_FROM and entry.file_size > entry.compress_size * MAX_RATIO:
        raise BadArchive(
            f"'{printable(entry.filename)}' is packed more than {MAX_RATIO} to 1, which is the "
            "limit."
        )


def _check_overlaps(entries: list[zipfile.ZipInfo]) -> None:
    """Refuse entries that share bytes, which let a small archive contain far more than its size."""
    end = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        if entry.header_offset < end:
            raise BadArchive(f"'{printable(entry.filename)}' in the archive overlaps another file.")
        end = entry.header_offset + 30 + entry.compress_size


def printable(name: str) -> str:
    """Return a file name that is safe to show."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name[:80])
