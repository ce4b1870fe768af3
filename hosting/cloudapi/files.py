"""What a file is, by its first bytes; which kinds of message may carry it, and how large it may be."""

import warnings
from dataclasses import dataclass
from typing import IO

from PIL import Image

from hosting.errors import CloudApiError

MB = 1024 * 1024
HEAD_BYTES = 4096
MAX_PIXELS = 50_000_000
STILL_STICKER = 100 * 1024
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
ALIASES = {
    "image/jpg": "image/jpeg", "audio/mp3": "audio/mpeg", "audio/m4a": "audio/mp4", "audio/x-m4a": "audio/mp4",
    "audio/opus": "audio/ogg", "application/ogg": "audio/ogg", "video/3gp": "video/3gpp",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limit:
    """What one kind of message takes."""

    types: tuple[str, ...]
    most: int


LIMITS: dict[str, Limit] = {
    "image": Limit(("image/jpeg", "image/png"), 5 * MB),
    "sticker": Limit(("image/webp",), 500 * 1024),
    "audio": Limit(AUDIO, 16 * MB),
    "video": Limit(VIDEO, 16 * MB),
    "document": Limit((*DOCUMENTS, "image/jpeg", "image/png"), 100 * MB),
}
UNKNOWN = "application/octet-stream"
MAX_BYTES = max(limit.most for limit in LIMITS.values())
# Types that a browser may show in our own pages; all others are only offered for saving.
INERT = frozenset({"image/jpeg", "image/png", "image/webp", *AUDIO, *VIDEO})


def type_of(head: bytes, claimed: str) -> str:
    """The file's type, checked against its first bytes; raises 131053 for types that are not taken or do not fit."""
    claimed = claimed.partition(";")[0].strip().lower()
    claimed = ALIASES.get(claimed, claimed)
    found = sniffed(head)
    if found in ZIPPED[:1] or found == "application/zip":
        found = claimed if claimed in ZIPPED else "application/zip"
    elif found == OLE[0]:
        found = claimed if claimed in OLE else found
    elif (not found and claimed in ("text/plain", "text/csv") and b"\0" not in head) or (
        found == "video/mp4" and claimed == "audio/mp4"
    ):
        found = claimed
    if not any(found in limit.types for limit in LIMITS.values()):
        raise CloudApiError(
            131053,
            f"Files of type '{(found or claimed or 'unknown')[:80]}' are not taken.",
            field="file",
        )
    if claimed and claimed != found and claimed != "application/octet-stream":
        raise CloudApiError(131053, f"The file is {found}, not {claimed[:80]}.", field="type")
    return found


def sniffed(head: bytes) -> str:
    """The type that the first bytes show; empty where they show none that is taken."""
    for start, kind in SIGNATURES:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return {b"3gp": "video/3gpp", b"M4A": "audio/mp4"}.get(head[8:11], "video/mp4")
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    return "audio/mpeg" if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 else ""


SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"OggS", "audio/ogg"),
    (b"#!AMR", "audio/amr"),
    (b"ID3", "audio/mpeg"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE[0]),
)


def check_size(mime_type: str, size: int) -> None:
    """Refuse (131053) an empty file and one larger than any kind of message takes of its type."""
    most = max(limit.most for limit in LIMITS.values() if mime_type in limit.types)
    if mime_type in LIMITS["image"].types:
        most = LIMITS["image"].most
    if not 0 < size <= most:
        raise CloudApiError(
            131053,
            f"The file has {size:,} bytes; {mime_type} may have 1 to {most:,}.",
            field="file",
        )


def check_sticker(mime_type: str, size: int, content: IO[bytes]) -> None:
    """Refuse (131053) a still sticker of more than 100 KB; only one that moves may have 500."""
    content.seek(0)
    head = content.read(21)
    moves = head[12:16] == b"VP8X" and bool(head[20:21]) and bool(head[20] & 2)
    if mime_type == "image/webp" and size > STILL_STICKER and not moves:
        raise CloudApiError(
            131053,
            f"The sticker has {size:,} bytes; one that does not move may have {STILL_STICKER:,}.",
            field="file",
        )


def check_kind(kind: str, mime_type: str, field: str) -> None:
    """Refuse (131053) a file that this kind of message does not carry."""
    if mime_type not in LIMITS[kind].types:
        raise CloudApiError(
            131053, f"{field}: a message of type {kind} does not carry {mime_type}.", field=field
        )


def check_pixels(mime_type: str, content: IO[bytes]) -> None:
    """Refuse (131053) a picture that is broken or has too many pixels, from its header alone."""
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
