"""File types found from first bytes and names; the types and sizes that messages take."""

import codecs
import contextlib
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

import puremagic
from PIL import Image

from hosting.errors import CloudApiError

MB = 1024 * 1024
HEAD_BYTES = 4096
TAIL_BYTES = 64 * 1024  # where an archive lists its files
MAX_PIXELS = 50_000_000
MAX_STILL_STICKER = 100 * 1024
OFFICE = "application/vnd.openxmlformats-officedocument."
ZIPPED = (
    f"{OFFICE}wordprocessingml.document",
    f"{OFFICE}spreadsheetml.sheet",
    f"{OFFICE}presentationml.presentation",
)
OLE = ("application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint")
AUDIO = ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg")
VIDEO = ("video/mp4", "video/3gpp")
DOCUMENTS = ("application/pdf", "text/plain", "text/csv", "application/zip", *ZIPPED, *OLE)
# Other names of a type, of senders' and of puremagic's.
ALIASES = {
    "image/jpg": "image/jpeg",
    "audio/mp3": "audio/mpeg",
    "audio/m4a": "audio/mp4",
    "audio/x-m4a": "audio/mp4",
    "audio/opus": "audio/ogg",
    "application/ogg": "audio/ogg",
    "video/3gp": "video/3gpp",
    "application/excel": OLE[1],
    "application/mspowerpoint": OLE[2],
}
# Files in the ISO base media format, by how a brand begins: those that name one type come first,
# as a picture names the brands of its relatives too.
BRANDS = {
    b"avi": "image/avif",
    b"he": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"qt": "video/quicktime",
    b"crx": "image/x-canon-cr3",
    b"jp": "image/jp2",
    b"M4A": "audio/mp4",
    b"M4B": "audio/mp4",
    b"3g": "video/3gpp",
    b"iso": "video/mp4",
    b"mp4": "video/mp4",
    b"M4V": "video/mp4",
    b"avc1": "video/mp4",
    b"dash": "video/mp4",
    b"mmp4": "video/mp4",
    b"MSNV": "video/mp4",
    b"f4v": "video/mp4",
}
_NO_FILMS = ("image/avif", "image/heic", "image/heif")
# QuickTime films made before brands were, by their first part.
_OLD_FILMS = (b"moov", b"mdat", b"wide", b"pnot", b"skip", b"free")
PDF_WITHIN = 1024  # bytes in which a PDF may begin, as readers of PDF take it
# Parts of an archive that say what it is, in its beginning or in its list of files at the end.
ZIP_PARTS = {
    b"word/document.xml": ZIPPED[0],
    b"xl/workbook.": ZIPPED[1],
    b"ppt/presentation.xml": ZIPPED[2],
    b"AndroidManifest.xml": "application/vnd.android.package-archive",
    b"META-INF/MANIFEST.MF": "application/java-archive",
}
MACROS = (b"vbaProject.bin", "application/vnd.ms-office.vbaProject")
OPEN_DOCUMENT = re.compile(rb"mimetype(application/[\w.+-]+?)(?=PK|$|[^\w.+-])")
# Streams of the older Office files, by their names in UTF-16.
OLE_PARTS = {
    "WordDocument": OLE[0],
    "Workbook": OLE[1],
    "PowerPoint Document": OLE[2],
    "__properties_version": "application/vnd.ms-outlook",
    "SummaryInformation\0\0\0MsiDb": "application/x-msi",
}
# Types that a file's name may decide where its bytes allow several.
NAMED = {
    ".docx": ZIPPED[0],
    ".xlsx": ZIPPED[1],
    ".pptx": ZIPPED[2],
    ".doc": OLE[0],
    ".xls": OLE[1],
    ".ppt": OLE[2],
    ".txt": "text/plain",
    ".csv": "text/csv",
    ".m4a": "audio/mp4",
    ".pdf": "application/pdf",
}
TEXT = ("text/plain", "text/csv")
# What an OGG file may hold instead of Opus, by the beginning of its first packet.
OTHER_OGG = (b"\x01vorbis", b"Speex   ", b"\x7fFLAC", b"\x80theora")


@dataclass(frozen=True, slots=True)
class Limit:
    """The types and the size that one kind of message takes."""

    types: tuple[str, ...]
    max_bytes: int


LIMITS: dict[str, Limit] = {
    "image": Limit(("image/jpeg", "image/png"), 5 * MB),
    "sticker": Limit(("image/webp",), 500 * 1024),
    "audio": Limit(AUDIO, 16 * MB),
    "video": Limit(VIDEO, 16 * MB),
    "document": Limit((*DOCUMENTS, "image/jpeg", "image/png"), 100 * MB),
}
TAKEN = frozenset(kind for limit in LIMITS.values() for kind in limit.types)
UNKNOWN = "application/octet-stream"
MAX_BYTES = max(limit.max_bytes for limit in LIMITS.values())
# Types shown in our own pages; all others are only offered for download.
DISPLAYABLE = frozenset({"image/jpeg", "image/png", "image/webp", *AUDIO, *VIDEO})


def type_of(head: bytes, claimed: str, *, filename: str = "", tail: bytes = b"") -> str:
    """Return a file's type: what its bytes show, and its sender's claim or its name between
    types that begin alike.

    `head` is the first HEAD_BYTES, `tail` the last TAIL_BYTES. Raises CloudApiError 131053 for
    types that are not supported or do not match the claim.
    """
    claimed = claimed.partition(";")[0].strip().lower()
    claimed = ALIASES.get(claimed, claimed)
    shown = sniff_type(head, tail)
    wanted = claimed if claimed not in ("", UNKNOWN) else _by_name(filename)
    found = wanted if _may_be(wanted, shown, head) else next(iter(shown), "")
    if found not in TAKEN:
        name = (found or claimed or "unknown")[:80]
        raise CloudApiError(131053, f"Files of type '{name}' are not taken.", field="file")
    if claimed not in ("", UNKNOWN, found):
        raise CloudApiError(131053, f"The file is {found}, not {claimed[:80]}.", field="type")
    if found == "audio/ogg" and any(codec in head[:64] for codec in OTHER_OGG):
        raise CloudApiError(131053, "An OGG file is taken with Opus audio only.", field="file")
    return found


def _by_name(filename: str) -> str:
    _, dot, ending = filename.rpartition(".")
    return NAMED.get(dot + ending.lower(), "")


def _may_be(claimed: str, shown: tuple[str, ...], head: bytes) -> bool:
    if claimed in TEXT:
        # Text has no signature, and may begin as something rare does.
        return bool(head) and _is_text(head) and TAKEN.isdisjoint(shown)
    if claimed == "application/pdf" and b"%PDF-" in head[:PDF_WITHIN]:
        return TAKEN.isdisjoint(shown) or claimed in shown
    # An MP4 may be sound without a picture.
    return claimed in shown or (claimed == "audio/mp4" and "video/mp4" in shown)


def _is_text(head: bytes) -> bool:
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        # Cut after a whole unit; the second half of a pair may be missing.
        with contextlib.suppress(UnicodeDecodeError):
            codecs.getincrementaldecoder("utf-16")().decode(head)
            return True
        return False
    return b"\0" not in head


def sniff_type(head: bytes, tail: bytes = b"") -> tuple[str, ...]:
    """Return the types that a file's bytes show, the likeliest first; () if none is known."""
    if head[4:8] == b"ftyp":
        return _by_brands(head)
    if head[4:8] in _OLD_FILMS and head[:2] in (b"\0\0", b"\0\1"):
        return ("video/quicktime",)
    if head[:4] == b"PK\3\4":
        return _of_archive(head, tail)
    if head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return _of_ole(head + tail)
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 6 in (2, 4):
        return ("audio/mpeg",)
    found = _by_signature(head)
    if TAKEN.isdisjoint(found) and b"%PDF-" in head[:PDF_WITHIN] and not _is_markup(head):
        return ("application/pdf",)
    return found


def _by_signature(head: bytes) -> tuple[str, ...]:
    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return ()
    return _named(match for match in matches if match.confidence == matches[0].confidence)


def _is_markup(head: bytes) -> bool:
    return head.lstrip()[:1] == b"<"


def _by_brands(head: bytes) -> tuple[str, ...]:
    """Return the type of a file by its brand, or by those that it is compatible with."""
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, length - 3, 4))]
    kinds = [
        next((kind for start, kind in BRANDS.items() if brand.startswith(start)), "")
        for brand in brands
    ]
    pictures = [kind for kind in kinds if kind in _NO_FILMS]
    found = [kind for kind in kinds if kind][:1]
    # `mif1` says only that it is a picture; the other brands say which.
    return tuple(sorted(pictures, key=_NO_FILMS.index)[:1] if pictures else found)


def _of_archive(head: bytes, tail: bytes) -> tuple[str, ...]:
    """Return what an archive is by its parts; a bare one may be a document of Office as well."""
    if match := OPEN_DOCUMENT.search(head[:200]):
        return (match[1].decode(),)
    parts = head + tail
    if MACROS[0] in parts:
        return (MACROS[1],)
    found = tuple(kind for part, kind in ZIP_PARTS.items() if part in parts)[:1]
    if found and found[0] not in ZIPPED:
        return found
    # Where nothing is seen of its parts, the sender or the name may know.
    return (*found, "application/zip") if found else ("application/zip", *ZIPPED)


def _of_ole(content: bytes) -> tuple[str, ...]:
    for name, kind in OLE_PARTS.items():
        if name.encode("utf-16-le") in content:
            return (kind,)
    return OLE


def _named(matches: Iterable[puremagic.PureMagicWithConfidence]) -> tuple[str, ...]:
    names = ("audio/amr" if match.extension == ".amr" else match.mime_type for match in matches)
    # Much that puremagic calls text is not, and bytes without a type have none.
    return tuple(
        {ALIASES.get(name, name): None for name in names if name not in ("", "text/plain", UNKNOWN)}
    )


def check_size(mime_type: str, size: int) -> None:
    """Raise CloudApiError 131053 for an empty file, or one larger than any message takes of its
    type.
    """
    most = max(limit.max_bytes for limit in LIMITS.values() if mime_type in limit.types)
    if mime_type in LIMITS["image"].types:
        most = LIMITS["image"].max_bytes
    if not 0 < size <= most:
        raise CloudApiError(
            131053,
            f"The file has {size:,} bytes; {mime_type} may have 1 to {most:,}.",
            field="file",
        )


def check_sticker(mime_type: str, size: int, content: IO[bytes]) -> None:
    """Raise CloudApiError 131053 for a still sticker over 100 KB; an animated one may have 500."""
    content.seek(0)
    head = content.read(21)
    moves = head[12:16] == b"VP8X" and bool(head[20:21]) and bool(head[20] & 2)
    if mime_type == "image/webp" and size > MAX_STILL_STICKER and not moves:
        raise CloudApiError(
            131053,
            f"The sticker has {size:,} bytes; one that does not move may have "
            f"{MAX_STILL_STICKER:,}.",
            field="file",
        )


def check_kind(kind: str, mime_type: str, field: str) -> None:
    """Raise CloudApiError 131053 for a file that this kind of message does not carry."""
    if mime_type not in LIMITS[kind].types:
        raise CloudApiError(
            131053, f"{field}: a message of type {kind} does not carry {mime_type}.", field=field
        )


def check_pixels(mime_type: str, content: IO[bytes]) -> None:
    """Raise CloudApiError 131053 for a broken picture or too many pixels; reads only the header."""
    if not mime_type.startswith("image/"):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            width, height = Image.open(content).size
    except Exception:
        raise CloudApiError(131053, "The picture cannot be read.", field="file") from None
    if width * height > MAX_PIXELS:
        raise CloudApiError(
            131053,
            f"The picture has {width:,} x {height:,} pixels; {MAX_PIXELS:,} is the limit.",
            field="file",
        )
