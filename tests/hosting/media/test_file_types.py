"""What a file is: its first bytes decide, and its sender only between types that begin alike."""

import io
import zipfile

import pytest
from PIL import Image

from hosting.cloudapi.files import LIMITS, type_of
from hosting.errors import CloudApiError

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


def picture(kind: str) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (8, 8)).save(held, kind)
    return held.getvalue()


def archive() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr("[Content_Types].xml", "<Types/>")
    return held.getvalue()


def iso(brand: bytes) -> bytes:
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0isommp42\0\0\0\x08mdat"


def ogg(codec: bytes) -> bytes:
    return b"OggS\0\2" + b"\0" * 22 + codec + b"\0" * 20


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504
PDF = b"%PDF-1.7\n%\xe2\xe3\n"

SHOWN = [
    (picture("JPEG"), "image/jpeg"),
    (picture("PNG"), "image/png"),
    (picture("WEBP"), "image/webp"),
    (b"ID3\x04" + b"\0" * 60, "audio/mpeg"),
    *(
        (bytes([0xFF, second, 0x90, 0x44]) + b"\0" * 60, "audio/mpeg")
        for second in b"\xfb\xfa\xf3\xf2\xe3\xe2"
    ),
    *((bytes([0xFF, second, 0x50, 0x80]) + b"\0" * 60, "audio/aac") for second in b"\xf1\xf9"),
    (b"#!AMR\n" + b"\0" * 40, "audio/amr"),
    (ogg(b"OpusHead"), "audio/ogg"),
    (ogg(b"\1vorbis"), "audio/ogg"),
    (iso(b"M4A "), "audio/mp4"),
    *(
        (iso(brand), "video/mp4")
        for brand in (b"isom", b"iso5", b"mp41", b"mp42", b"avc1", b"M4V ")
    ),
    *((iso(brand), "video/3gpp") for brand in (b"3gp4", b"3gp5", b"3gr6")),
    (PDF, "application/pdf"),
    (archive(), "application/zip"),
    (OLE, "application/msword"),
]


@pytest.mark.parametrize(("head", "kind"), SHOWN)
@pytest.mark.parametrize("claim", ["", "application/octet-stream"])
def test_the_first_bytes_say_what_a_file_is(head: bytes, kind: str, claim: str) -> None:
    assert type_of(head, claim) == kind


def test_every_type_that_a_message_carries_is_known_by_its_bytes_or_its_sender() -> None:
    by_sender = {
        "text/plain",
        "text/csv",
        DOCX,
        XLSX,
        PPTX,
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
    }
    taken = {kind for limit in LIMITS.values() for kind in limit.types}
    assert {kind for _, kind in SHOWN} | by_sender == taken


@pytest.mark.parametrize(
    ("head", "claim", "kind"),
    [
        *((archive(), claim, claim) for claim in (DOCX, XLSX, PPTX, "application/zip")),
        (OLE, "application/vnd.ms-excel", "application/vnd.ms-excel"),
        (OLE, "application/vnd.ms-powerpoint", "application/vnd.ms-powerpoint"),
        (iso(b"mp42"), "audio/mp4", "audio/mp4"),
        (b"a;b\n1;2\n", "text/csv", "text/csv"),
        ("Grüße".encode(), "text/plain; charset=utf-8", "text/plain"),
        # The beginning of an old picture, and of many a sentence.
        (b"BM is short for Burma.", "text/plain", "text/plain"),
        (ogg(b"OpusHead"), "audio/opus", "audio/ogg"),
        (picture("JPEG"), "image/jpg", "image/jpeg"),
    ],
)
def test_its_sender_chooses_between_types_that_begin_alike(
    head: bytes, claim: str, kind: str
) -> None:
    assert type_of(head, claim) == kind


@pytest.mark.parametrize(
    ("head", "claim", "says"),
    [
        (picture("PNG"), "image/jpeg", "The file is image/png, not image/jpeg."),
        (PDF, "text/plain", "The file is application/pdf, not text/plain."),
        (archive(), OLE.hex()[:8], "The file is application/zip, not d0cf11e0."),
        (iso(b"qt  "), "video/mp4", "Files of type 'video/quicktime' are not taken."),
        (iso(b"heic"), "image/jpeg", "Files of type 'image/heif' are not taken."),
        (iso(b"avif"), "", "Files of type 'image/avif' are not taken."),
        (picture("GIF"), "image/gif", "Files of type 'image/gif' are not taken."),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            "image/svg+xml",
            "Files of type 'image/svg+xml' are not taken.",
        ),
        (b"RIFF\0\0\0\0WAVEfmt ", "image/webp", "Files of type 'audio/wave' are not taken."),
        (
            b"MZ\x90\0" + b"\0" * 60,
            "application/octet-stream",
            "Files of type 'application/vnd.microsoft.portable-executable' are not taken.",
        ),
        (
            "\ufeffhello".encode("utf-16-le"),
            "audio/mpeg",
            "Files of type 'audio/mpeg' are not taken.",
        ),
        (b"\0\1", "text/plain", "Files of type 'text/plain' are not taken."),
        (b"hello", "", "Files of type 'unknown' are not taken."),
        (b"", "image/png", "Files of type 'image/png' are not taken."),
    ],
)
def test_what_is_not_what_it_says_or_is_not_taken_is_named(
    head: bytes, claim: str, says: str
) -> None:
    with pytest.raises(CloudApiError) as refused:
        type_of(head, claim)
    assert (refused.value.code, str(refused.value)) == ("cloudapi_131053", says)
