"""The endpoints beside messages: media, uploads, templates, profile, blocks, links, registration,
analytics; strangers get 404.
"""

import base64
import hashlib
import io
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest
import time_machine
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from core.tenancy import scope, system
from hosting.inbound import events as inbound_events
from hosting.media import store
from hosting.models import Media, Message, Number, Outgoing
from hosting.transports import media_links, sandbox
from tests.factories import make_business, make_number
from tests.hosting.messages.test_endpoints import NOON, TO, caller, code_of, post, write

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.4\n%%EOF\n"


@pytest.fixture
def number(db: None, settings: Any, tmp_path: Any) -> Number:
    settings.MEDIA_ROOT = str(tmp_path)
    return make_number(make_business(clock_at=NOON))


def upload(
    client: Client, number: Number, content: bytes, mime: str, name: str = "a.bin", **form: str
) -> Any:
    held = SimpleUploadedFile(name, content, content_type=mime)
    form = {"messaging_product": "whatsapp", "type": mime} | form
    return client.post(f"/v23.0/{number.phone_number_id}/media", {"file": held} | form)


def uploaded(
    client: Client,
    number: Number,
    content: bytes = PNG,
    mime: str = "image/png",
    name: str = "a.png",
) -> str:
    return str(orjson.loads(upload(client, number, content, mime, name).content)["id"])


def path_of(client: Client, media_id: str) -> str:
    url = orjson.loads(client.get(f"/v23.0/{media_id}").content)["url"]
    return "/media/" + str(url.rpartition("/media/")[2])


def body_of(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


# --- media


def test_media_come_back_as_they_went_in(number: Number) -> None:
    client = caller(number)
    media_id = uploaded(client, number)
    found = orjson.loads(client.get(f"/v23.0/{media_id}").content)
    assert (found["id"], found["mime_type"], found["file_size"]) == (
        media_id,
        "image/png",
        str(len(PNG)),
    )
    assert found["sha256"] == hashlib.sha256(PNG).hexdigest()
    for reader in (Client(), client):
        response = reader.get(path_of(client, media_id))
        assert (response.status_code, body_of(response), response["Content-Type"]) == (
            200,
            PNG,
            "image/png",
        )
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Disposition"] == 'inline; filename="a.png"'


@pytest.mark.parametrize(
    ("wanted", "status", "part", "says"),
    [
        ("bytes=0-3", 206, PNG[:4], f"bytes 0-3/{len(PNG)}"),
        ("bytes=4-", 206, PNG[4:], f"bytes 4-{len(PNG) - 1}/{len(PNG)}"),
        ("bytes=-5", 206, PNG[-5:], None),
        ("bytes=0-99999", 206, PNG, None),
        ("bytes=99999-", 416, b"", f"bytes */{len(PNG)}"),
        ("bytes=x-y", 200, PNG, None),
        ("bytes=-", 200, PNG, None),
    ],
)
def test_parts_of_a_file(
    number: Number, wanted: str, status: int, part: bytes, says: str | None
) -> None:
    client = caller(number)
    response = Client().get(path_of(client, uploaded(client, number)), headers={"Range": wanted})
    assert (response.status_code, body_of(response)) == (status, part)
    if says:
        assert response["Content-Range"] == says


def test_an_address_expires_and_cannot_be_made_up(number: Number) -> None:
    client = caller(number)
    path = path_of(client, uploaded(client, number))
    assert Client().get(path[:-1] + ("A" if path[-1] != "A" else "B")).status_code == 404
    with time_machine.travel(timezone.now() + timedelta(seconds=store.URL_SECONDS + 2)):
        assert Client().get(path).status_code == 404


def test_documents_are_saved_and_never_shown(number: Number) -> None:
    client = caller(number)
    response = Client().get(
        path_of(client, uploaded(client, number, PDF, "application/pdf", "../../in\r\nX: y.pdf"))
    )
    assert response["Content-Disposition"].startswith("attachment; filename=")
    assert not any(forbidden in response["Content-Disposition"] for forbidden in ("/", "\r", "\n"))
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"


def _png(width: int, height: int) -> bytes:
    held = io.BytesIO()
    Image.new("1", (width, height)).save(held, "PNG")
    return held.getvalue()


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (b"", "image/png"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>", "image/svg+xml"),
        (b"<html><script>1</script>", "text/html"),
        (b"<html>", "image/jpeg"),
        (b"MZ\x90", "application/octet-stream"),
        (PNG, "image/jpeg"),
        (PDF, "image/png"),
        (PNG[:20], "image/png"),
        (b"\0\1", "text/plain"),
        (b"RIFF\0\0\0\0WEBP" + b"\0" * 600_000, "image/webp"),
        (PNG + b"\0" * 5_300_000, "image/png"),
        (_png(10_000, 6_000), "image/png"),
    ],
)
def test_files_that_are_not_what_they_say_are_refused_without_a_trace(
    number: Number, content: bytes, mime: str
) -> None:
    assert code_of(upload(caller(number), number, content, mime)) == (400, 131053)
    with system("test"):
        assert not Media.objects.exists()
    assert default_storage.listdir("")[0] == []


def test_equal_contents_are_one_file_until_the_last_is_long_deleted(number: Number) -> None:
    client = caller(number)
    one, two = uploaded(client, number), uploaded(client, number)
    with system("test"):
        path = Media.objects.get(media_id=one).path
        assert len({media.path for media in Media.objects.all()}) == 1
    assert orjson.loads(client.delete(f"/v23.0/{one}").content) == {"success": True}
    assert code_of(client.get(f"/v23.0/{one}")) == (404, 803)
    assert body_of(Client().get(path_of(client, two))) == PNG
    client.delete(f"/v23.0/{two}")
    with time_machine.travel(timezone.now() + timedelta(days=3)), system("test"):
        assert store.collect_garbage() == 2
    assert not default_storage.exists(path)


def test_media_are_sent_by_id_of_the_right_kind_and_owner_only(number: Number) -> None:
    write(number)
    client, stranger = caller(number), make_number(make_business("Stranger"))
    mine, theirs = uploaded(client, number), uploaded(caller(stranger), stranger)
    image = {"messaging_product": "whatsapp", "to": TO, "type": "image"}
    assert post(client, number, image | {"image": {"id": mine, "caption": "c"}}).status_code == 200
    assert code_of(post(client, number, image | {"image": {"id": theirs}})) == (400, 131009)
    video = {"messaging_product": "whatsapp", "to": TO, "type": "video", "video": {"id": mine}}
    assert code_of(post(client, number, video)) == (400, 131053)
    for ask in (client.get, client.delete):
        assert code_of(ask(f"/v23.0/{theirs}")) == (404, 803)
    with system("test"):
        assert (Message.objects.filter(direction="out").count(), Media.objects.live().count()) == (
            1,
            2,
        )


class Files(BaseHTTPRequestHandler):
    """A web server with a picture, a page, a huge file and a redirect."""

    def do_GET(self) -> None:
        kind, content = {"/x.png": ("image/png", PNG), "/x.html": ("text/html", b"<html>")}.get(
            self.path, ("image/png", PNG + b"\0" * 6_000_000)
        )
        self.send_response(302 if self.path == "/away" else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            self.wfile.write(content)
        except OSError:
            return

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def send_link(number: Number, link: str) -> Message:
    write(number)
    image = {"messaging_product": "whatsapp", "to": TO, "type": "image", "image": {"link": link}}
    wamid = orjson.loads(post(caller(number), number, image).content)["messages"][0]["id"]
    assert sandbox.deliver_due() == 0
    assert media_links.fetch_due() == 1
    inbound_events.apply_due()
    sandbox.deliver_due()
    inbound_events.apply_due()
    with system("test"):
        return Message.objects.get(wamid=wamid)


def test_a_link_is_fetched_before_the_message_leaves(
    number: Number, web: str, settings: Any
) -> None:
    settings.ALLOW_PRIVATE_URLS = True
    message = send_link(number, f"{web}/x.png")
    assert message.status == "delivered"
    with scope(number.business_id):
        media = Media.objects.get(media_id=message.content["id"])
        assert store.open_media(media).read() == PNG


@pytest.mark.parametrize(
    ("path", "code", "says"),
    [
        ("/x.html", 131053, "not taken"),
        ("/huge", 131053, "larger than"),
        ("/away", 131052, "HTTP 302"),
    ],
)
def test_a_link_that_fails_fails_its_message(
    number: Number, web: str, settings: Any, path: str, code: int, says: str
) -> None:
    settings.ALLOW_PRIVATE_URLS = True
    message = send_link(number, web + path)
    assert (message.status, (message.errors or [{}])[0]["code"], says in message.error_reason) == (
        "failed",
        code,
        True,
    )
    with system("test"):
        assert not Outgoing.objects.exists()


def test_a_link_to_the_inside_is_never_asked(number: Number, web: str) -> None:
    message = send_link(number, f"{web}/x.png")
    assert (message.status, (message.errors or [{}])[0]["code"]) == ("failed", 131052)


def test_a_resumable_upload_in_parts(number: Number) -> None:
    client = caller(number)
    asked = f"/v23.0/app/uploads?file_length={len(PNG)}&file_type=image/png&file_name=a.png"
    upload_id = orjson.loads(client.post(asked).content)["id"]
    path = f"/v23.0/{upload_id}"

    def part(start: int, end: int) -> Any:
        return client.generic(
            "POST",
            path,
            PNG[start:end],
            "application/octet-stream",
            headers={"file-offset": str(start)},
        )

    assert orjson.loads(part(0, 10).content) == {"id": upload_id}
    assert code_of(part(11, 20)) == (400, 100)
    assert orjson.loads(client.get(path).content) == {"id": upload_id, "file_offset": 10}
    handle = orjson.loads(part(10, len(PNG)).content)["h"]
    assert orjson.loads(part(10, len(PNG)).content)["h"] == handle
    assert body_of(Client().get(path_of(client, handle.removeprefix("4::")))) == PNG
    assert code_of(caller(make_number(make_business("Stranger"))).get(path)) == (404, 803)


# --- templates


# --- the number's own edges


def ask(number: Number, method: str, edge: str, held: Any = None) -> Any:
    path = f"/v23.0/{number.phone_number_id}/{edge}"
    response = caller(number).generic(
        method, path, orjson.dumps(held) if held is not None else b"", "application/json"
    )
    return response.status_code, orjson.loads(response.content)
