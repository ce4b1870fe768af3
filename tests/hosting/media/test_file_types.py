"""What a file is: its first bytes decide, and its sender only between types that begin alike."""

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from hosting.cloudapi.files import LIMITS, type_of
from hosting.errors import CloudApiError

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
APK = "application/vnd.android.package-archive"
MACROS = "application/vnd.ms-office.vbaProject"
ODT = "application/vnd.oasis.opendocument.text"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


def not_taken(kind: str) -> str:
    return f"Files of type '{kind}' are not taken."


def picture(kind: str) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (8, 8)).save(held, kind)
    return held.getvalue()


def archive(*parts: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        for part in parts or ("[Content_Types].xml",):
            file.writestr(part, ODT if part == "mimetype" else "<Types/>")
    return held.getvalue()


def iso(brand: bytes, relative: bytes = b"isom") -> bytes:
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0" + relative + b"mp42\0\0\0\x08mdat"


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
        (iso(b"qt  "), "video/mp4", not_taken("video/quicktime")),
        (iso(b"heic"), "image/jpeg", "Files of type 'image/heic' are not taken."),
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
        (ogg(b"\1vorbis"), "", "An OGG file is taken with Opus audio only."),
        (ogg(b"Speex   "), "audio/ogg; codecs=opus", "An OGG file is taken with Opus audio only."),
        (iso(b"mif1", b"heic"), "", "Files of type 'image/heic' are not taken."),
        (iso(b"mif1", b"mif1"), "", "Files of type 'image/heif' are not taken."),
        (iso(b"mif1", b"avif"), "video/mp4", "Files of type 'image/avif' are not taken."),
        (iso(b"qt  ", b"mp42"), "", not_taken("video/quicktime")),
        (iso(b"crx ", b"isom"), "", "Files of type 'image/x-canon-cr3' are not taken."),
        (b"\0\0\0\x08wide\0\0\0\x10mdat", "video/mp4", not_taken("video/quicktime")),
        (archive("mimetype", "content.xml"), "", not_taken(ODT)),
        (archive("mimetype", "content.xml"), "application/zip", not_taken(ODT)),
        (archive("AndroidManifest.xml"), "application/zip", not_taken(APK)),
        (archive("xl/workbook.xml"), DOCX, f"The file is {XLSX}, not {DOCX}."),
        (archive("word/document.xml", "word/vbaProject.bin"), DOCX, not_taken(MACROS)),
        (b"<html>%PDF-1.4", "", "Files of type 'text/html' are not taken."),
        (b"", "image/png", "Files of type 'image/png' are not taken."),
    ],
)
def test_what_is_not_what_it_says_or_is_not_taken_is_named(
    head: bytes, claim: str, says: str
) -> None:
    with pytest.raises(CloudApiError) as refused:
        type_of(head, claim)
    assert (refused.value.code, str(refused.value)) == ("cloudapi_131053", says)


DATA = Path(__file__).parent / "data"
UTF_16 = "a;b\n1;Grüße".encode("utf-16")


@pytest.mark.parametrize(
    ("head", "name", "kind"),
    [
        (archive(), "angebot.docx", DOCX),
        (archive(), "Prices.XLSX", XLSX),
        (archive("[Content_Types].xml", "ppt/presentation.xml"), "", PPTX),
        (archive("[Content_Types].xml", "xl/workbook.bin"), "x", XLSX),
        # The bytes know better than the name.
        (archive("[Content_Types].xml", "word/document.xml"), "angebot.xlsx", DOCX),
        (archive("photo.jpg"), "photos.zip", "application/zip"),
        (OLE, "old.xls", "application/vnd.ms-excel"),
        (OLE + "Workbook".encode("utf-16-le"), "", "application/vnd.ms-excel"),
        (OLE + "PowerPoint Document".encode("utf-16-le"), "", "application/vnd.ms-powerpoint"),
        (b"a;b\n1;2\n", "list.csv", "text/csv"),
        ("Grüße".encode(), "hello.txt", "text/plain"),
        (UTF_16, "list.csv", "text/csv"),
        (b"\xef\xbb\xbf\r\n" + PDF, "", "application/pdf"),
        (b"x" * 1000 + PDF, "scan.pdf", "application/pdf"),
        (iso(b"mp42"), "note.m4a", "audio/mp4"),
        (picture("PNG"), "photo.jpg", "image/png"),
    ],
)
@pytest.mark.parametrize("claim", ["", "application/octet-stream"])
def test_the_name_chooses_where_the_bytes_leave_a_choice(
    head: bytes, name: str, kind: str, claim: str
) -> None:
    assert type_of(head[:4096], claim, filename=name, tail=head[-65536:]) == kind


def test_text_in_utf_16_is_text() -> None:
    assert type_of(UTF_16, "text/plain") == "text/plain"
    assert type_of(UTF_16[:-1], "text/csv; charset=utf-16") == "text/csv"
    with pytest.raises(CloudApiError, match="'text/plain' are not taken"):
        type_of(UTF_16[:-2] + b"\0\xdc\0\xdc", "text/plain")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("angebot_octet_stream.docx", DOCX),
        ("leading_newline.pdf", "application/pdf"),
        ("photo_stub.heic", None),
        ("clip_stub.mov", None),
    ],
)
@pytest.mark.parametrize("claim", ["", "application/octet-stream"])
def test_files_of_public_reports(name: str, kind: str | None, claim: str) -> None:
    head = (DATA / name).read_bytes()
    if kind:
        assert type_of(head, claim, filename=name) == type_of(head, claim) == kind
        return
    with pytest.raises(CloudApiError, match=r"'(image/heic|video/quicktime)' are not taken"):
        type_of(head, claim, filename=name)
