"""Examinations of an installation, and what to do where it is not well: `manage.py doctor`."""

import os
import shutil
import socket
import statistics
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import redis
from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.mail import get_connection
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from core import heartbeat, links, tenancy
from core.encryption import EncryptedTextField, decrypt
from core.health import OLDEST_ROW_SECONDS
from core.queue.figures import figures

OLDEST_PYTHON, OLDEST_POSTGRESQL = (3, 11), 17
MAX_CLOCK_SECONDS = 2.0
# Below the first it stops soon, below the second it is time to look.
LEAST_BYTES, FEW_BYTES = 500 * 1024**2, 5 * 1024**3
SHORTEST_KEY = 32
SLOW_FSYNC_SECONDS = 0.02
PATIENCE = 5.0


class Level(StrEnum):
    """How an examination ended."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found; `mend` is what to do about it, empty where all is well."""

    level: Level
    text: str
    mend: str = ""


def good(text: str) -> Finding:
    """A finding that needs nothing."""
    return Finding(Level.GOOD, text)


def warning(text: str, mend: str) -> Finding:
    """A finding that works, and should be changed."""
    return Finding(Level.WARNING, text, mend)


def bad(text: str, mend: str) -> Finding:
    """A finding with which Parley does not work, or is not safe."""
    return Finding(Level.BAD, text, mend)


def examine() -> list[tuple[str, Finding]]:
    """Run every examination; one that raises is a finding itself. Returns name and finding."""
    return [(name, _found(name, run)) for name, run in EXAMINATIONS.items()]


def _found(name: str, run: Callable[[], Finding]) -> Finding:
    try:
        return run()
    except Exception as error:
        # Types only: messages of drivers hold addresses and passwords.
        return bad(f"It could not be examined: {type(error).__name__}.", MENDS[name])


def python() -> Finding:
    """Whether this Python is one for which all packages exist."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        return bad(f"Python {version}", "Install Python 3.11 or newer.")
    return good(f"Python {version}")


def database() -> Finding:
    """Whether PostgreSQL is new enough, and knows the key by which marks are signed."""
    with tenancy.logins("the key of marks is checked"), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
        (version,) = cursor.fetchone() or (0,)
        if version < OLDEST_POSTGRESQL:
            return bad(f"PostgreSQL {version}", f"Use PostgreSQL {OLDEST_POSTGRESQL} or newer.")
        cursor.execute("SELECT core_may('login')")
        if cursor.fetchone() != (True,):
            return bad(
                "SECRET_KEY is not the one that `migrate` ran with.",
                "Set the old SECRET_KEY, or run `manage.py migrate` with the new one.",
            )
    return good(f"PostgreSQL {version}")


def migrations() -> Finding:
    """Whether the schema is that of this code."""
    executor = MigrationExecutor(connection)
    if missing := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        names = ", ".join(f"{one.app_label}.{one.name}" for one, _ in missing[:3])
        return bad(f"{len(missing)} migrations are missing: {names}", "Run `manage.py migrate`.")
    return good("the schema is up to date")


def broker() -> Finding:
    """Whether Valkey answers, and refuses rather than drops keys when it is full."""
    with closing(redis.Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE)) as client:
        facts = client.info()
    policy = facts.get("maxmemory_policy", "noeviction")
    if facts.get("maxmemory") and not str(policy).startswith(("noeviction", "volatile")):
        return warning(
            f"Valkey drops keys when it is full ({policy}).",
            "Set maxmemory-policy noeviction: wake-ups and rate limits are keys.",
        )
    return good(f"Valkey {facts.get('valkey_version') or facts.get('redis_version')}")


def clocks() -> Finding:
    """Whether this machine and the database agree on the time."""
    with connection.cursor() as cursor:
        before = time.time()
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        (there,) = cursor.fetchone() or (0,)
    apart = abs(float(there) - (before + time.time()) / 2)
    if apart > MAX_CLOCK_SECONDS:
        return bad(
            f"The clock is {apart:.1f} s away from the database's.",
            "Let both machines set their clocks by NTP (systemd-timesyncd, chrony).",
        )
    return good(f"{apart * 1000:.0f} ms apart")


def disk() -> Finding:
    """Whether there is space for data, logs and media."""
    free = shutil.disk_usage(settings.ENV.var).free
    text = f"{free / 1024**3:.1f} GB free in {settings.ENV.var}"
    if free < LEAST_BYTES:
        return bad(text, "Free space: uploads fail, and then the database stops.")
    return warning(text, "Plan for more space.") if free < FEW_BYTES else good(text)


def permissions() -> Finding:
    """Whether nobody else on this machine can read secrets, logs and media."""
    var = settings.ENV.var
    open_ones = [
        path.name
        for path in (var, *(var / name for name in ("secrets.json", "demo.json", "media", "log")))
        if path.exists() and path.stat().st_mode & 0o077
    ]
    # PostgreSQL's user has to enter the folder where root runs everything.
    if open_ones == [var.name] and not var.stat().st_mode & 0o066:
        open_ones = []
    if open_ones:
        named = ", ".join(open_ones)
        return bad(
            f"Other users of this machine can read {named} in {var}.",
            f"chmod -R go-rwx {var}",
        )
    return good(f"{var} is private")


def secrets() -> Finding:
    """Whether the secrets are long, different, and keys that encrypt."""
    if len(settings.SECRET_KEY) < SHORTEST_KEY or "insecure" in settings.SECRET_KEY:
        return bad(
            f"SECRET_KEY has {len(settings.SECRET_KEY)} characters.",
            "Set one of at least 32 random characters, then run `manage.py migrate`.",
        )
    for key in settings.ENCRYPTION_KEYS:
        try:
            Fernet(key)
        except ValueError:
            return bad(
                "PARLEY_ENCRYPTION_KEYS has a value that is no Fernet key.",
                "A key is 32 random bytes in URL-safe base64; keep the old ones behind it.",
            )
    if settings.APP_SECRET in (settings.VERIFY_TOKEN, settings.SECRET_KEY):
        return bad("Two secrets are the same.", "Give each secret a value of its own.")
    return good("long, and different from each other")


def encryption() -> Finding:
    """Whether the keys open what is stored."""
    tried = 0
    for table, column in _encrypted_columns():
        with tenancy.system("doctor opens one value of each kind"), connection.cursor() as cursor:
            cursor.execute(f'SELECT "{column}" FROM "{table}" WHERE "{column}" <> \'\' LIMIT 1')
            for (value,) in cursor.fetchall():
                tried += 1
                try:
                    decrypt(value)
                except InvalidToken:
                    return bad(
                        f"PARLEY_ENCRYPTION_KEYS does not open {table}.{column}.",
                        "Put the key that encrypted it back, behind the newest one.",
                    )
    return good(f"{tried} kinds of secrets can be opened")


def _encrypted_columns() -> list[tuple[str, str]]:
    return [
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, EncryptedTextField) and field.column
    ]


def mail() -> Finding:
    """Whether the mail server lets us in; mails in files are for one machine only."""
    if "smtp" not in settings.EMAIL_BACKEND:
        if _is_public():
            return bad("Mails are written to files.", "Set EMAIL_URL to a mail server.")
        return good("mails are files, for this machine")
    with closing(get_connection(timeout=PATIENCE)) as server:
        server.open()
    return good(f"{settings.EMAIL_HOST} lets us in")


def address() -> Finding:
    """Whether BASE_URL leads here, with TLS where others use it."""
    url = settings.BASE_URL
    parts = urlsplit(url)
    host = parts.hostname or ""
    if _is_public() and parts.scheme != "https":
        return bad(f"{url} is not encrypted.", "Use https: see deploy/Caddyfile.")
    try:
        socket.getaddrinfo(host, parts.port or 443)
    except socket.gaierror:
        return bad(
            f"The name {host} is not known.", f"Add a DNS record for {host}, or correct BASE_URL."
        )
    with urllib.request.urlopen(links.absolute("/healthz"), timeout=PATIENCE) as answer:  # noqa: S310
        if b'"status": "ok"' not in answer.read(1000):
            return bad(
                f"{url} answers, but not as Parley does.",
                "Let the proxy pass requests on to the web, or correct BASE_URL.",
            )
    return good(f"{url} leads here")


def hosts() -> Finding:
    """Whether DEBUG is off, and only known host names are answered, where others can come."""
    if _is_public() and settings.DEBUG:
        return bad("DEBUG shows the code and settings to everybody.", "Take DEBUG away.")
    if "*" in settings.ALLOWED_HOSTS:
        return warning("ALLOWED_HOSTS has *.", "Name the hosts: links are made from BASE_URL only.")
    return good(", ".join(settings.ALLOWED_HOSTS))


def storage() -> Finding:
    """Whether a file can be written, read and deleted where media are kept."""
    content = os.urandom(16)
    name = default_storage.save("doctor/round-trip", ContentFile(content))
    try:
        with default_storage.open(name) as file:
            if file.read() != content:
                return bad("A file came back changed.", "Look at the storage of MEDIA_URL.")
    finally:
        default_storage.delete(name)
    return good("a file was written, read and deleted")


def fsync() -> Finding:
    """How long the disk takes to keep a small write: each commit waits for one."""
    path = Path(settings.ENV.var) / f".doctor-{os.getpid()}"
    times = []
    try:
        with path.open("wb") as file:
            for _ in range(15):
                file.write(b"x" * 8192)
                file.flush()
                start = time.perf_counter()
                os.fsync(file.fileno())
                times.append(time.perf_counter() - start)
    finally:
        path.unlink(missing_ok=True)
    median = statistics.median(times)
    text = f"fsync takes {median * 1000:.1f} ms"
    if median > SLOW_FSYNC_SECONDS:
        return warning(text, "Put the database on a disk that is made for it; each commit waits.")
    return good(text)


def worker() -> Finding:
    """Whether a worker runs, and keeps up."""
    silent = heartbeat.silent_seconds()
    if silent is None or silent > heartbeat.SILENT_SECONDS:
        since = "yet" if silent is None else f"for {silent:.0f} s"
        return bad(f"No worker has run {since}.", "Start worker and beat (docs/operations.md).")
    oldest = max(figures().values(), key=lambda one: one.oldest_seconds)
    if oldest.oldest_seconds > OLDEST_ROW_SECONDS:
        return warning(
            f"The queue {oldest.name} is {oldest.oldest_seconds:.0f} s behind.",
            "Look at it in the admin, or start more workers.",
        )
    return good("it runs, and no queue is behind")


def _is_public() -> bool:
    host = urlsplit(settings.BASE_URL).hostname or ""
    return host != "localhost" and not host.startswith("127.") and host != "::1"


EXAMINATIONS: dict[str, Callable[[], Finding]] = {
    "python": python,
    "disk": disk,
    "fsync": fsync,
    "permissions": permissions,
    "secrets": secrets,
    "hosts": hosts,
    "database": database,
    "migrations": migrations,
    "clocks": clocks,
    "encryption": encryption,
    "broker": broker,
    "worker": worker,
    "storage": storage,
    "mail": mail,
    "address": address,
}
# What to do where an examination could not be made.
MENDS = {
    "python": "Install Python 3.11 or newer.",
    "disk": "Make PARLEY_VAR a folder that this user can use.",
    "fsync": "Make PARLEY_VAR a folder that this user can write to.",
    "permissions": "Make PARLEY_VAR a folder of this user.",
    "secrets": "Set SECRET_KEY and PARLEY_ENCRYPTION_KEYS.",
    "hosts": "Set ALLOWED_HOSTS.",
    "database": "Start PostgreSQL, or correct DATABASE_URL (docs/tenancy.md has the logins).",
    "migrations": "Start PostgreSQL, then run `manage.py migrate`.",
    "clocks": "Start PostgreSQL, or correct DATABASE_URL.",
    "encryption": "Start PostgreSQL, then run `manage.py migrate`.",
    "broker": "Start Valkey, or correct REDIS_URL.",
    "worker": "Start PostgreSQL, then worker and beat.",
    "storage": "Correct MEDIA_URL and its keys, or free space in PARLEY_VAR/media.",
    "mail": "Correct EMAIL_URL: the server does not answer, or refuses the login.",
    "address": "Start the web and the front, or correct BASE_URL.",
}
