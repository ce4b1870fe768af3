"""File types found from first bytes, and the types and sizes that each kind of message takes."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

import puremagic
from PIL import Image

from hosting.errors import CloudApiError

MB = 1024 * 1024
HEAD_BYTES = 4096
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
# Files in the ISO base media format, by how their brand begins.
BRANDS = {
    b"M4A": "audio/mp4",
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


def type_of(head: bytes, claimed: str) -> str:
    """Return the file's type, checked against its first bytes.

    Raises CloudApiError 131053 for types that are not supported or do not match the claim.
    """
    claimed = claimed.partition(";")[0].strip().lower()
    claimed = ALIASES.get(claimed, claimed)
    shown = sniff_type(head)
    found = claimed if _may_be(claimed, shown, head) else next(iter(shown), "")
    if found not in TAKEN:
        name = (found or claimed or "unknown")[:80]
        raise CloudApiError(131053, f"Files of type '{name}' are not taken.", field="file")
    if claimed not in ("", UNKNOWN, found):
        raise CloudApiError(131053, f"The file is {found}, not {claimed[:80]}.", field="type")
    return found


def _may_be(claimed: str, shown: tuple[str, ...], head: bytes) -> bool:
    if claimed in ("text/plain", "text/csv"):
        # Text has no signature, and may begin as something rare does.
        return b"\0" not in head and TAKEN.isdisjoint(shown)
    # An MP4 may be sound without a picture.
    return claimed in shown or (claimed == "audio/mp4" and "video/mp4" in shown)


def sniff_type(head: bytes) -> tuple[str, ...]:
    """Return the type that the first bytes show; "" if it is not a supported one."""
    if head[4:8] == b"ftyp" and (kind := _by_brand(head[8:12])):
        return (kind,)
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 6 in (2, 4):
        return ("audio/mpeg",)
    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return ()
    return _named(match for match in matches if match.confidence == matches[0].confidence)


def _by_brand(brand: bytes) -> str:
    return next((kind for start, kind in BRANDS.items() if brand.startswith(start)), "")


def _named(matches: Iterable[puremagic.PureMagicWithConfidence]) -> tuple[str, ...]:
    names = ("audio/amr" if match.extension == ".amr" else match.mime_type for match in matches)
    # Much that puremagic calls text is not.
    kinds = {ALIASES.get(name, name): None for name in names if name not in ("", "text/plain")}
    # A document of Office begins as any archive does: unless its sender knows better, it is one.
    return tuple(sorted(kinds, key=lambda kind: kind != "application/zip"))


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
