"""Thumbnails: small, upright, without the camera's notes; bombs are never unpacked; only members
see them.
"""

import io
import struct
import zlib
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from PIL import Image

from core.tenancy import scope, system
from hosting.media import store as media_store
from hosting.media import thumbnails
from hosting.models import Media, Number
from tests.factories import make_business, make_client, make_number
from tests.hosting.conversations.test_pages import make_conversation, make_messages
from tests.hosting.messages.test_objects import PDF


@pytest.fixture
def number(db: None, settings: Any, tmp_path: Any) -> Number:
    settings.MEDIA_ROOT = str(tmp_path)
    return make_number(make_business())


@pytest.fixture
def client(number: Number) -> Client:
    return make_client(number.business, "agent")


def drawn(form: str, size: tuple[int, int], mode: str = "RGB", **how: Any) -> bytes:
    held = io.BytesIO()
    Image.new(mode, size, "orange" if mode != "RGBA" else (255, 0, 0, 0)).save(held, form, **how)
    return held.getvalue()


def store(number: Number, content: bytes, mime: str) -> Media:
    with scope(number.business_id):
        return media_store.store_media(business=number.business, content=content, mime_type=mime)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content), formats=["WEBP"])


def test_a_thread_shows_a_small_picture_that_leads_to_the_whole(
    client: Client, number: Number
) -> None:
    media = store(number, drawn("JPEG", (2000, 1000)), "image/jpeg")
    conversation = make_conversation(number)
    make_messages(conversation, "", kind="image", content={"id": media.media_id})
    page = client.get(reverse("inbox_thread", args=[conversation.public_id])).content.decode()
    small, whole = (
        reverse(name, args=[media.media_id]) for name in ("message_thumbnail", "message_media")
    )
    assert f'<img src="{small}"' in page
    assert f'<a href="{whole}"' in page
    for _ in range(2):
        answer = client.get(small)
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
        assert opened(answer.content).size == (480, 240)
    assert default_storage.exists(media.thumbnail_path)


def test_the_camera_turned_it_and_noted_where(number: Number) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    small = thumbnails.shrink(drawn("JPEG", (800, 400), exif=exif), "image/jpeg")
    assert small is not None
    assert opened(small).size == (240, 480)
    assert not opened(small).getexif()


def test_transparency_stays(number: Number) -> None:
    small = thumbnails.shrink(drawn("PNG", (10, 10), "RGBA"), "image/png")
    assert small is not None
    assert opened(small).getpixel((0, 0))[3] == 0  # type: ignore[index]


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says it has that many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    packed = zlib.compress(b"\0" * 1_000_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (bomb(5000, 5000), "image/png"),
        (bomb(50_000, 50_000), "image/png"),
        (b"\x89PNG\r\n\x1a\nbroken", "image/png"),
        (drawn("GIF", (5, 5)), "image/png"),
        (drawn("JPEG", (300, 300))[:300], "image/jpeg"),
        (b"", "image/webp"),
    ],
)
def test_bombs_and_broken_pictures_make_none(
    content: bytes, mime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked: list[Any] = []
    if len(content) > 500:
        monkeypatch.setattr(Image.Image, "convert", lambda *_: unpacked.append(1))
    assert thumbnails.shrink(content, mime) is None
    assert unpacked == []


def test_what_has_none_leads_to_the_file(client: Client, number: Number) -> None:
    media = store(number, PDF, "application/pdf")
    answer = client.get(reverse("message_thumbnail", args=[media.media_id]))
    assert (answer.status_code, answer["Location"].startswith("/media/")) == (302, True)


def test_a_stranger_finds_none_and_a_deleted_picture_takes_it_along(
    client: Client, number: Number
) -> None:
    stranger = make_number(make_business("Stranger"))
    theirs = store(stranger, drawn("PNG", (9, 9)), "image/png")
    assert client.get(reverse("message_thumbnail", args=[theirs.media_id])).status_code == 404
    mine = store(number, drawn("PNG", (9, 9)), "image/png")
    assert client.get(reverse("message_thumbnail", args=[mine.media_id])).status_code == 200
    with scope(number.business_id):
        media_store.delete_media(mine)
    assert client.get(reverse("message_thumbnail", args=[mine.media_id])).status_code == 404
    with system("days later"):
        Media.objects.filter(pk=mine.pk).update(deleted_at="2020-01-01T00:00:00Z")
        assert media_store.collect_garbage() == 1
    assert not default_storage.exists(mine.thumbnail_path)
    assert not default_storage.exists(mine.path)
