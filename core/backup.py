"""Backup and restore: database and files in one encrypted archive, of one moment.

The archive is a tar file, encrypted to the installation's key (`core.encrypted_stream`):
`database.dump` (pg_dump's custom format, of one snapshot), `files/…`
(the storage without thumbnails, which are made again), `manifest.json` with size and SHA-256 of
every part and the number of rows of every table in the snapshot, and `manifest.hmac`, its signature
by the same key (HMAC-SHA256). It is restored completely or not at all, into an empty database.
"""

import hashlib
import hmac
import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import structlog
from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import connections
from django.utils import timezone

from core import tenancy
from core.encrypted_stream import (
    EncryptedReader,
    EncryptedWriter,
    StreamRefused,
    derived,
    parse_key,
)
from core.programs import postgres_bin
from core.registry import Registry

log = structlog.get_logger(__name__)

DUMP = "database.dump"
FILES = "files/"
MANIFEST = "manifest.json"
SEAL = "manifest.hmac"
FORMAT = 2
NOT_BACKED_UP = ("thumbnails",)
READ_LAST = ("erasures/",)
CHUNK_BYTES = 1024 * 1024
TABLES = (
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY 1"
)

after_restore: Registry[Callable[[], int]] = Registry(
    "core.backup.after_restore",
    "Functions that repeat after a restore what the archive cannot know; return rows touched.",
)
reconciliations: Registry[Callable[[], list[str]]] = Registry(
    "core.backup.reconciliations",
    "Functions that recount the books independently; each returns the differences in words.",
)


class BackupError(Exception):
    """The archive cannot be written or restored; nothing was changed."""


@dataclass
class Manifest:
    """Content of an archive: (size in bytes, SHA-256) by part, and number of rows by table."""

    made_at: str = ""
    format: int = FORMAT
    parts: dict[str, tuple[int, str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> bytes:
        """The manifest as JSON."""
        return json.dumps(self.__dict__, indent=1, sort_keys=True).encode()


def back_up(path: Path) -> Manifest:
    """Write an archive; the file appears at `path` only when it is complete.

    Raises BackupError where the file exists, or a program fails.
    """
    key = _key()
    if path.exists():
        raise BackupError(f"{path} is there already.")
    manifest = Manifest(made_at=timezone.now().isoformat())
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as held:
            encrypted = EncryptedWriter(held, key)
            # An open stream, which tarfile neither reads nor seeks in.
            with _tar(encrypted, "w|") as archive:
                _put_database(archive, manifest)
                _put_files(archive, manifest)
                whole = manifest.as_json()
                _add(archive, MANIFEST, BytesIO(whole), len(whole))
                seal = _signature(key, encrypted.salt, whole)
                _add(archive, SEAL, BytesIO(seal), len(seal))
            encrypted.close()
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
    _log("backup_written", path, manifest)
    return manifest


def _key() -> bytes:
    if not settings.BACKUP_KEY:
        raise BackupError(
            "PARLEY_BACKUP_KEY is not set. Make a key by `manage.py backup --new-key`, and keep it"
            " where the backups are not: without it nobody reads them."
        )
    try:
        return parse_key(settings.BACKUP_KEY)
    except StreamRefused as error:
        raise BackupError(f"PARLEY_BACKUP_KEY: {error}.") from None


def _signature(key: bytes, salt: bytes, manifest: bytes) -> bytes:
    signing_key = derived(key, salt, b"parley backup manifest")
    return hmac.new(signing_key, manifest, "sha256").hexdigest().encode()


def _tar(stream: Any, mode: Any) -> tarfile.TarFile:
    return tarfile.open(fileobj=stream, mode=mode, format=tarfile.PAX_FORMAT)


def _log(event: str, path: Path, manifest: Manifest) -> None:
    rows = sum(manifest.rows.values())
    log.info(event, path=str(path), parts=len(manifest.parts), rows=rows)


def _put_database(archive: tarfile.TarFile, manifest: Manifest) -> None:
    with _snapshot() as (cursor, snapshot), tempfile.NamedTemporaryFile() as dump:
        _run("pg_dump", ["--format=custom", "--no-owner", f"--snapshot={snapshot}"], stdout=dump)
        cursor.execute(TABLES)
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            manifest.rows[table] = cursor.fetchone()[0]
        dump.flush()
        size = dump.seek(0, os.SEEK_END)
        dump.seek(0)
        _put(archive, manifest, DUMP, dump, size)


def _put_files(archive: tarfile.TarFile, manifest: Manifest) -> None:
    # The list of erasures is read last, so that it includes those made during the backup.
    others = sorted(name for name in _stored("") if not name.startswith(READ_LAST))
    for name in (
        *others,
        *(name for folder in READ_LAST for name in sorted(_stored(folder.rstrip("/")))),
    ):
        try:
            with default_storage.open(name, "rb") as file:
                _put(archive, manifest, FILES + name, file, file.size)
        except FileNotFoundError:
            log.info("backup_file_vanished", file=name)


@contextmanager
def _snapshot() -> Iterator[tuple[Any, str]]:
    """A cursor of the owner in a transaction, and the name of its exported snapshot."""
    owner = connections["owner"]
    owner.ensure_connection()
    with owner.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            cursor.execute("SELECT pg_export_snapshot()")
            yield cursor, cursor.fetchone()[0]
        finally:
            cursor.execute("ROLLBACK")


def _run(program: str, arguments: list[str], **streams: Any) -> None:
    """Run a program of PostgreSQL as the owner of the tables; BackupError where it fails.

    The password is passed in the environment, not on the command line.
    """
    held = connections["owner"].settings_dict
    named = {
        "PGHOST": "HOST",
        "PGPORT": "PORT",
        "PGUSER": "USER",
        "PGPASSWORD": "PASSWORD",
        "PGDATABASE": "NAME",
    }
    facts = {name: str(held[key]) for name, key in named.items() if held.get(key)}
    known = {"sslmode": "PGSSLMODE", "host": "PGHOST"}
    facts |= {
        known[key]: str(value) for key, value in held.get("OPTIONS", {}).items() if key in known
    }
    ended = subprocess.run(
        [postgres_bin(settings.POSTGRES_BIN) / program, *arguments],
        env=os.environ | facts,
        stderr=subprocess.PIPE,
        **streams,
    )
    if ended.returncode:
        raise BackupError(f"{program}: {ended.stderr.decode(errors='replace').strip()[-2000:]}")


def _stored(folder: str) -> Iterator[str]:
    try:
        folders, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        yield f"{folder}/{name}".lstrip("/")
    for name in folders:
        if f"{folder}/{name}".lstrip("/") not in NOT_BACKED_UP:
            yield from _stored(f"{folder}/{name}".lstrip("/"))


class _HashingStream:
    """A stream that computes the SHA-256 of what is read from it."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes; all for -1."""
        piece: bytes = self.stream.read(size)
        self.sum.update(piece)
        return piece


def _put(archive: tarfile.TarFile, manifest: Manifest, name: str, stream: Any, size: int) -> None:
    hashed = _HashingStream(stream)
    _add(archive, name, hashed, size)
    manifest.parts[name] = (size, hashed.sum.hexdigest())


def _add(archive: tarfile.TarFile, name: str, stream: Any, size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = size
    archive.addfile(entry, stream)


def read_archive(path: Path) -> Manifest:
    """Verify a whole archive and return its manifest.

    Raises BackupError for an archive that is truncated, changed, or not one of ours.
    """
    read = {MANIFEST: b"", SEAL: b""}
    key = _key()
    try:
        with path.open("rb") as held:
            decrypted = EncryptedReader(held, key)
            found = _read_parts(decrypted, read)
        signed = _signature(key, decrypted.salt, read[MANIFEST])
        if not hmac.compare_digest(signed, read[SEAL]):
            raise ValueError("its manifest is not signed by this key")
        manifest = Manifest(**json.loads(read[MANIFEST]))
        manifest.parts = {
            name: (int(size), str(digest)) for name, (size, digest) in manifest.parts.items()
        }
    except (OSError, tarfile.TarError, ValueError, TypeError, AttributeError) as error:
        raise BackupError(f"{path.name} cannot be restored: {error}.") from None
    if manifest.format != FORMAT:
        raise BackupError(f"{path.name} has format {manifest.format}; this Parley reads {FORMAT}.")
    _compare(path, manifest, found)
    return manifest


def _read_parts(decrypted: EncryptedReader, read: dict[str, bytes]) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of every part of an archive; those that `read` names are put into it."""
    found: dict[str, tuple[int, str]] = {}
    with _tar(decrypted, "r|") as archive:
        for entry in archive:
            stream = _HashingStream(archive.extractfile(entry))
            if entry.name in read:
                read[entry.name] = stream.read()
                continue
            while stream.read(CHUNK_BYTES):
                pass
            found[entry.name] = (entry.size, stream.sum.hexdigest())
    # tarfile stops before the end, which is authenticated too.
    while decrypted.read(CHUNK_BYTES):
        pass
    return found


def _compare(path: Path, manifest: Manifest, found: dict[str, tuple[int, str]]) -> None:
    for name in sorted(manifest.parts.keys() | found.keys()):
        if manifest.parts.get(name) != found.get(name):
            raise BackupError(f"{path.name}: {name} is not what was backed up.")
    if DUMP not in manifest.parts:
        raise BackupError(f"{path.name} holds no database.")


def restore(path: Path) -> Manifest:
    """Restore an archive into an empty database and storage, and run `after_restore`.

    Raises BackupError, with nothing written, where the archive is not valid or the database is not
    empty; also where the rows counted afterwards differ from the manifest.
    """
    manifest = read_archive(path)
    _refuse_unless_empty()
    with path.open("rb") as held, _tar(EncryptedReader(held, _key()), "r|") as archive:
        for entry in archive:
            stream = archive.extractfile(entry)
            assert stream is not None
            if entry.name == DUMP:
                _load(stream)
            elif entry.name.startswith(FILES):
                _store(entry.name.removeprefix(FILES), stream)
    wrong = [
        f"{table}: {had} rows were backed up, {has} are here"
        for table, had, has in _counted(manifest)
        if had != has
    ]
    if wrong:
        raise BackupError("; ".join(wrong))
    # The archive has the key of the installation that wrote it.
    tenancy.install("owner")
    for repeat in after_restore:
        repeat()
    _log("backup_restored", path, manifest)
    return manifest


def _refuse_unless_empty() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(TABLES)
        tables = cursor.fetchall()
    if tables:
        raise BackupError(
            f"The database is not empty: it has {len(tables)} tables. Restore into a new one."
        )


def _load(stream: IO[bytes]) -> None:
    # pg_restore needs a file in which it can seek.
    with tempfile.NamedTemporaryFile() as dump:
        while piece := stream.read(CHUNK_BYTES):
            dump.write(piece)
        dump.flush()
        name = str(connections["owner"].settings_dict["NAME"])
        _run(
            "pg_restore",
            [
                "--no-owner",
                "--exit-on-error",
                "--single-transaction",
                f"--dbname={name}",
                dump.name,
            ],
        )


def _store(name: str, stream: IO[bytes]) -> None:
    if default_storage.exists(name):
        default_storage.delete(name)
    default_storage.save(name, File(stream))


def _counted(manifest: Manifest) -> Iterator[tuple[str, int, int]]:
    with connections["owner"].cursor() as cursor:
        for table, had in manifest.rows.items():
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            yield table, had, cursor.fetchone()[0]


def differences() -> list[str]:
    """What the `reconciliations` find, in words; empty where everything agrees."""
    return [line for reconcile in reconciliations for line in reconcile()]
