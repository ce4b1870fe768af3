"""A backup is of one moment and comes back whole, or not at all; the books are counted again."""

import io
import os
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connections

from billing.invoices import close
from billing.metering import meter
from billing.models import Charge, Invoice
from core import backup
from core.backup import BackupError
from core.encrypted_stream import (
    CHUNK_BYTES,
    HEADER_BYTES,
    TAG_BYTES,
    EncryptedReader,
    EncryptedWriter,
    new_key,
    parse_key,
)
from core.tenancy import scope, system
from hosting.media import store
from hosting.models import Contact, Message
from hosting.privacy import erasure
from tests import databases
from tests.factories import make_business, make_deliveries, make_number

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


@pytest.fixture
def archive(
    request: pytest.FixtureRequest, committed_db: None, tmp_path: Path, settings: Any
) -> Path:
    """A month that was invoiced, a picture, and a customer; backed up."""
    settings.MEDIA_ROOT = str(tmp_path / "old")
    settings.BACKUP_KEY = new_key()
    business = make_business(clock_at=datetime(2026, 6, 3, tzinfo=UTC))
    number = make_number(business)
    for _ in range(getattr(request, "param", 200) // 200):
        make_deliveries(business, number, 200)
    while meter.meter_due():
        pass
    close.close_due_periods()
    with scope(business.pk):
        store.store_media(business=business, content=PNG, mime_type="image/png")
    default_storage.save("thumbnails/1/aa/small.webp", ContentFile(b"made again"))
    path = tmp_path / "parley.bak"
    call_command("backup", str(path), stdout=io.StringIO())
    return path


@pytest.fixture
def empty(archive: Path, tmp_path: Path, settings: Any) -> Iterator[str]:
    """An empty database and storage to restore into."""
    here = str(connections["default"].settings_dict["NAME"])
    name = f"{here}_restored"
    owner = connections["owner"].settings_dict["USER"]
    databases.drop(name)
    with databases.admin("postgres") as server:
        server.execute(f'CREATE DATABASE "{name}" OWNER "{owner}"')
    databases.point_at(name)
    settings.MEDIA_ROOT = str(tmp_path / "new")
    try:
        yield name
    finally:
        databases.point_at(here)
        databases.drop(name)


def books() -> tuple[Any, ...]:
    with system("test"):
        return (
            list(
                Charge.objects.order_by("id").values_list(
                    "id", "message_id", "position", "price_micros"
                )
            ),
            list(Invoice.objects.order_by("id").values_list("number", "total_minor", "status")),
            Message.objects.count(),
        )


def tables() -> int:
    with connections["owner"].cursor() as cursor:
        cursor.execute(backup.TABLES)
        return len(cursor.fetchall())


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("archive", "count"),
    [
        (200, 200),
        pytest.param(100_000, 100_000, marks=[pytest.mark.long, pytest.mark.timeout(1800)]),
    ],
    indirect=["archive"],
)
def test_what_was_backed_up_comes_back_and_the_books_agree(
    archive: Path, count: int, tmp_path: Path, settings: Any
) -> None:
    before = books()
    assert (len(before[0]), before[2]) == (count, count)
    assert [(total > 0, status) for _, total, status in before[1]] == [(True, "open")]
    here = str(connections["default"].settings_dict["NAME"])
    name = f"{here}_restored"
    databases.drop(name)
    with databases.admin("postgres") as server:
        server.execute(
            f'CREATE DATABASE "{name}" OWNER "{connections["owner"].settings_dict["USER"]}"'
        )
    databases.point_at(name)
    settings.MEDIA_ROOT = str(tmp_path / "new")
    said = io.StringIO()
    try:
        call_command("restore", str(archive), "--verify", stdout=said)
        assert books() == before
        with system("test"):
            # Row-level security came with the tables: without a scope nobody sees a row.
            assert Message.objects.exists()
        assert not Message.objects.exists()
    finally:
        databases.point_at(here)
        databases.drop(name)
    assert "The books agree" in said.getvalue()
    old, new = tmp_path / "old", tmp_path / "new"
    kept = [name for name in files_below(old) if not name.startswith("thumbnails/")]
    assert files_below(new) == kept
    assert len(kept) == 1
    assert (new / kept[0]).read_bytes() == PNG


def refused(path: Path) -> str:
    with pytest.raises(BackupError) as error:
        backup.restore(path)
    return str(error.value)


def test_a_changed_cut_or_reordered_archive_is_refused_before_anything_is_written(
    archive: Path, empty: str, tmp_path: Path
) -> None:
    whole, broken = archive.read_bytes(), tmp_path / "broken.bak"
    size = CHUNK_BYTES + TAG_BYTES
    chunks = [whole[at : at + size] for at in range(HEADER_BYTES, len(whole), size)]
    assert len(chunks) >= 2  # the database alone is more than a chunk
    for place in (0, 20, 40, HEADER_BYTES + 5, HEADER_BYTES + size + 5, len(whole) - 1):
        broken.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert "broken.bak cannot be restored" in refused(broken)
    for length in (0, 10, HEADER_BYTES, HEADER_BYTES + size, len(whole) // 2, len(whole) - 1):
        broken.write_bytes(whole[:length])
        assert "broken.bak cannot be restored" in refused(broken)
    header = whole[:HEADER_BYTES]
    for order in ([*chunks[1:], chunks[0]], [chunks[0], *chunks], chunks[1:], [*chunks, b"more"]):
        broken.write_bytes(header + b"".join(order))
        assert "changed or cut at chunk" in refused(broken)
    assert tables() == 0
    assert files_below(tmp_path / "new") == []


def test_another_key_and_none_are_named_and_nothing_is_written(
    archive: Path, empty: str, tmp_path: Path, settings: Any
) -> None:
    settings.BACKUP_KEY = new_key()
    assert "it was encrypted to another key (its id is " in refused(archive)
    settings.BACKUP_KEY = ""
    assert refused(archive).startswith("PARLEY_BACKUP_KEY is not set.")
    settings.BACKUP_KEY = "short"
    assert refused(archive) == "PARLEY_BACKUP_KEY: a key is 32 bytes in URL-safe base64."
    plain = tmp_path / "plain.tar"
    with tarfile.open(plain, "w"):
        pass
    settings.BACKUP_KEY = new_key()
    assert "no encrypted backup of this format" in refused(plain)
    assert (tables(), files_below(tmp_path / "new")) == (0, [])


def test_nobody_without_the_key_reads_a_word_and_no_two_archives_are_alike(
    archive: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second.bak"
    call_command("backup", str(second), stdout=io.StringIO())
    first = archive.read_bytes()
    for word in (b"14155550100", b"database.dump", b"manifest", b"accounts_business", PNG):
        assert word not in first
    assert first[:24] == second.read_bytes()[:24]
    assert first[24:80] != second.read_bytes()[24:80]


def test_a_manifest_that_was_not_signed_by_the_key_is_refused(
    archive: Path, empty: str, tmp_path: Path, settings: Any
) -> None:
    key = parse_key(settings.BACKUP_KEY)
    with archive.open("rb") as held:
        content = bytearray(EncryptedReader(held, key).read())
    place = content.rfind(b"manifest.hmac") + 512
    content[place] ^= 1
    forged = tmp_path / "forged.bak"
    with forged.open("wb") as held:
        writer = EncryptedWriter(held, key)
        writer.write(bytes(content))
        writer.close()
    assert "its manifest is not signed by this key" in refused(forged)
    assert tables() == 0


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3_000_000])
def test_streams_of_every_length_come_back(size: int) -> None:
    key, held, content = parse_key(new_key()), io.BytesIO(), os.urandom(size)
    writer = EncryptedWriter(held, key)
    for at in range(0, size, 700_001):
        writer.write(content[at : at + 700_001])
    writer.close()
    held.seek(0)
    assert EncryptedReader(held, key).read() == content
    held.seek(0)
    reader = EncryptedReader(held, key)
    assert b"".join(iter(lambda: reader.read(99_999), b"")) == content


def test_the_command_makes_keys() -> None:
    said = io.StringIO()
    call_command("backup", "--new-key", stdout=said)
    assert len(parse_key(said.getvalue().strip())) == 32


def test_a_database_that_is_not_empty_is_left_alone(archive: Path) -> None:
    before = books()
    with pytest.raises(CommandError, match="The database is not empty"):
        call_command("restore", str(archive))
    assert books() == before


def test_an_archive_is_never_overwritten_and_never_half_there(archive: Path) -> None:
    was = archive.read_bytes()
    with pytest.raises(CommandError, match="is there already"):
        call_command("backup", str(archive))
    assert archive.read_bytes() == was
    assert [path.name for path in archive.parent.iterdir() if path.is_file()] == [archive.name]


def test_only_its_owner_reads_it_and_a_file_that_went_meanwhile_is_left_out(
    archive: Path, tmp_path: Path, settings: Any
) -> None:
    assert archive.stat().st_mode & 0o777 == 0o600
    (tmp_path / "old" / "gone").symlink_to(tmp_path / "nowhere")
    default_storage.save("erasures/one.json", ContentFile(b"{}"))
    second = tmp_path / "second.bak"
    call_command("backup", str(second), stdout=io.StringIO())
    key = parse_key(settings.BACKUP_KEY)
    with second.open("rb") as held:
        content = io.BytesIO(EncryptedReader(held, key).read())
    with tarfile.open(fileobj=content) as tar:
        names = [name for name in tar.getnames() if name.startswith("files/")]
    assert "files/gone" not in names
    assert (names[-1], len(names)) == ("files/erasures/one.json", 2)


def test_who_was_forgotten_after_the_backup_is_forgotten_again(
    archive: Path, tmp_path: Path, settings: Any, empty: str
) -> None:
    # The erasure happens in the old place, after the backup; its hash lies beside the media.
    restored = empty
    here = restored.removesuffix("_restored")
    databases.point_at(here)
    settings.MEDIA_ROOT = str(tmp_path / "old")
    with system("test"):
        contact = Contact.objects.get(wa_id="14155550100")
        erasure.request_erasure(contact=contact)
    assert erasure.erase_due() == 1
    hashes = tmp_path / "old" / "erasures"
    databases.point_at(restored)
    settings.MEDIA_ROOT = str(tmp_path / "new")
    (tmp_path / "new").mkdir()
    os.rename(hashes, tmp_path / "new" / "erasures")
    backup.restore(archive)
    with system("test"):
        assert Contact.objects.filter(wa_id="14155550100").exists()
    assert erasure.erase_due() == 1
    with system("test"):
        assert not Contact.objects.filter(wa_id="14155550100").exists()
        assert Charge.objects.count() == 200
