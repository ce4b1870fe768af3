"""Files in a bucket: the same endpoints over a real S3 protocol server, a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import httpx
import pytest
import time_machine
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from config.environment import media_storage
from config.variables import ConfigurationError
from core.tenancy import scope, system
from hosting.media import store, thumbnails
from hosting.models import Media, Number
from tests.factories import make_business, make_number
from tests.hosting.messages.test_endpoints import caller
from tests.hosting.messages.test_objects import (
    PDF,
    PNG,
    body_of,
    code_of,
    path_of,
    upload,
    uploaded,
)

BUCKET = "parley-files"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], **quiet
    )  # type: ignore[call-overload]
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(url, timeout=5)
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the S3 server did not start"
            time.sleep(0.2)
    yield url
    process.kill()
    process.wait()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    url = f"s3://{BUCKET}/files?endpoint_url={server}&region_name=us-east-1"
    settings.STORAGES = settings.STORAGES | {"default": media_storage(url)}
    held = boto3.resource("s3", endpoint_url=server, region_name="us-east-1").Bucket(BUCKET)
    held.create()
    yield held
    held.objects.all().delete()


@pytest.fixture
def number(db: None, bucket: Any) -> Number:
    return make_number(make_business())


def keys(bucket: Any) -> list[str]:
    return sorted(str(found.key) for found in bucket.objects.all())


def test_files_go_to_the_bucket_and_come_back_by_signed_address(
    number: Number, bucket: Any
) -> None:
    client = caller(number)
    one, two = uploaded(client, number), uploaded(client, number)
    with system("test"):
        media = Media.objects.get(media_id=one)
    assert keys(bucket) == [f"files/{media.path}"]
    path = path_of(client, two)
    assert (body_of(Client().get(path)), path.startswith("/media/")) == (PNG, True)
    with time_machine.travel(timezone.now() + timedelta(seconds=store.URL_SECONDS + 2)):
        assert Client().get(path).status_code == 404


@pytest.mark.parametrize(
    ("wanted", "part"), [("bytes=0-3", PNG[:4]), ("bytes=4-", PNG[4:]), ("bytes=-5", PNG[-5:])]
)
def test_a_part_is_asked_of_the_bucket_alone(number: Number, wanted: str, part: bytes) -> None:
    client = caller(number)
    response = Client().get(path_of(client, uploaded(client, number)), headers={"Range": wanted})
    assert (response.status_code, body_of(response), response["Content-Length"]) == (
        206,
        part,
        str(len(part)),
    )


def test_what_is_refused_leaves_nothing_in_the_bucket(number: Number, bucket: Any) -> None:
    assert code_of(upload(caller(number), number, b"<svg/>", "image/svg+xml")) == (400, 131053)
    assert keys(bucket) == []


def test_uploads_in_parts_thumbnails_and_deletion(number: Number, bucket: Any) -> None:
    client = caller(number)
    begun = client.post(f"/v23.0/app/uploads?file_length={len(PNG)}&file_type=image/png").json()[
        "id"
    ]
    for start, end in ((0, 10), (10, len(PNG))):
        answer = client.generic(
            "POST", f"/v23.0/{begun}", PNG[start:end], headers={"file-offset": str(start)}
        )
    media_id = answer.json()["h"].removeprefix("4::")
    with scope(number.business_id):
        media = Media.objects.get(media_id=media_id)
        assert thumbnails.thumbnail_of(media) == thumbnails.thumbnail_of(media) is not None
    assert keys(bucket) == [f"files/{media.path}", f"files/{media.thumbnail_path}"]
    assert client.delete(f"/v23.0/{media_id}").json() == {"success": True}
    with time_machine.travel(timezone.now() + timedelta(days=3)), system("test"):
        assert store.collect_garbage() == 1
        assert not default_storage.exists(media.path)
    assert keys(bucket) == []


def test_a_large_file_does_not_stay_in_memory(number: Number) -> None:
    with scope(number.business_id):
        media = store.store_media(
            business=number.business,
            content=PDF + os.urandom(3 * 1024 * 1024),
            mime_type="application/pdf",
        )
        with store.open_media(media) as held:
            held.read(10)
            assert held.file._rolled


@pytest.mark.parametrize(
    "url", ["http://bucket", "s3:///folder", "s3://bucket?acl=public-read", "bucket"]
)
def test_a_bucket_that_is_named_badly_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ConfigurationError, match="MEDIA_URL must look like"):
        media_storage(url)
