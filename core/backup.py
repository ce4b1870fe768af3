"""Safekeeping: everything in one archive, of one moment; given back only whole, into an empty place, and counted again.

The archive is a tar: `database.dump` (pg_dump's custom format, of one snapshot), `files/…` (the storage but for thumbnails, which
are made again), last `manifest.json` with size and SHA-256 of every part and the rows of every table in that snapshot, and its own SHA-256.
"""

import hashlib
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

from core.programs import postgres_bin
from core.registry import Registry

log = structlog.get_logger(__name__)

DUMP = "database.dump"
FILES = "files/"
MANIFEST = "manifest.json"
SEAL = "manifest.sha256"
FORMAT = 1
MADE_AGAIN = ("thumbnails",)
READ_LAST = ("erasures/",)
PIECE = 1024 * 1024
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
    """The archive cannot be made or given back; nothing was changed."""


@dataclass
class Manifest:
    """What an archive holds: parts by name with (size in bytes, SHA-256), and rows by table."""

    made_at: str = ""
    format: int = FORMAT
    parts: dict[str, tuple[int, str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> bytes:
        """The last part of the archive."""
        return json.dumps(self.__dict__, indent=1, sort_keys=True).encode()


def back_up(path: Path) -> Manifest:
    """Write the archive; it has its name only once it is whole. Raises BackupError where there is one already."""
    if path.exists():
        raise BackupError(f"{path} is there already.")
    manifest = Manifest(made_at=timezone.now().isoformat())
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        # For its owner's eyes: messages lie in it in the clear.
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with (
            os.fdopen(handle, "wb") as held,
            tarfile.open(fileobj=held, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            _put_database(archive, manifest)
            _put_files(archive, manifest)
            whole = manifest.as_json()
            seal = hashlib.sha256(whole).hexdigest().encode()
            _add(archive, MANIFEST, BytesIO(whole), len(whole))
            _add(archive, SEAL, BytesIO(seal), len(seal))
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
    log.info(
        "backed_up", path=str(path), parts=len(manifest.parts), rows=sum(manifest.rows.values())
    )
    return manifest


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
    # Who is forgotten while the others are read is on the list that is read last.
    others = sorted(name for name in _stored("") if not name.startswith(READ_LAST))
    for name in (
        *others,
        *(name for folder in READ_LAST for name in sorted(_stored(folder.rstrip("/")))),
    ):
        try:
            with default_storage.open(name, "rb") as file:
                _put(archive, manifest, FILES + name, file, file.size)
        except FileNotFoundError:
            log.info("gone_since_it_was_listed", file=name)


@contextmanager
def _snapshot() -> Iterator[tuple[Any, str]]:
    """A cursor of the owner in a transaction whose view others can share, and that view's name."""
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
    """Run one of PostgreSQL's programs as the owner of the tables; the password is never on its command line."""
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
        if f"{folder}/{name}".lstrip("/") not in MADE_AGAIN:
            yield from _stored(f"{folder}/{name}".lstrip("/"))


class _Hashed:
    """A stream that knows the SHA-256 of what was read from it."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        piece: bytes = self.stream.read(size)
        self.sum.update(piece)
        return piece


def _put(archive: tarfile.TarFile, manifest: Manifest, name: str, stream: Any, size: int) -> None:
    hashed = _Hashed(stream)
    _add(archive, name, hashed, size)
    manifest.parts[name] = (size, hashed.sum.hexdigest())


def _add(archive: tarfile.TarFile, name: str, stream: Any, size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = size
    archive.addfile(entry, stream)


def checked(path: Path) -> Manifest:
    """Read the whole archive and return its manifest; raises BackupError for one that is cut, changed or not ours."""
    found: dict[str, tuple[int, str]] = {}
    read = {MANIFEST: b"", SEAL: b""}
    try:
        with tarfile.open(path, "r:") as archive:
            for entry in archive:
                stream = _Hashed(archive.extractfile(entry))
                if entry.name in read:
                    read[entry.name] = stream.read()
                    continue
                while stream.read(PIECE):
                    pass
                found[entry.name] = (entry.size, stream.sum.hexdigest())
        if hashlib.sha256(read[MANIFEST]).hexdigest().encode() != read[SEAL]:
            raise ValueError("its manifest is not sealed")
        manifest = Manifest(**json.loads(read[MANIFEST]))
        manifest.parts = {
            name: (int(size), str(digest)) for name, (size, digest) in manifest.parts.items()
        }
    except (OSError, tarfile.TarError, ValueError, TypeError, AttributeError) as error:
        raise BackupError(f"{path.name} is cut, or no backup: {error}") from None
    if manifest.format != FORMAT:
        raise BackupError(f"{path.name} has format {manifest.format}; this Parley reads {FORMAT}.")
    _compare(path, manifest, found)
    return manifest


def _compare(path: Path, manifest: Manifest, found: dict[str, tuple[int, str]]) -> None:
    for name in sorted(manifest.parts.keys() | found.keys()):
        if manifest.parts.get(name) != found.get(name):
            raise BackupError(f"{path.name}: {name} is not what was backed up.")
    if DUMP not in manifest.parts:
        raise BackupError(f"{path.name} holds no database.")


def restore(path: Path) -> Manifest:
    """Give an archive back into an empty database and storage; raises BackupError, and nothing is written then.

    Rows are counted against the manifest; then follows what the archive cannot know (`after_restore`).
    """
    manifest = checked(path)
    _refuse_unless_empty()
    with tarfile.open(path, "r:") as archive:
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
    for repeat in after_restore:
        repeat()
    log.info(
        "restored", path=str(path), parts=len(manifest.parts), rows=sum(manifest.rows.values())
    )
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
    # pg_restore wants a file to jump about in.
    with tempfile.NamedTemporaryFile() as dump:
        while piece := stream.read(PIECE):
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
    """What independent recounts of the books find; empty is right."""
    return [line for reconcile in reconciliations for line in reconcile()]
