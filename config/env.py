"""The one place that reads the environment."""

import os
import warnings
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import environ

from stack.kept import kept_secrets, known_secrets, new_secret
from stack.servers import running

BASE_DIR = Path(__file__).resolve().parent.parent


class ConfigurationError(SystemExit):
    """A setting is missing or wrong; ends the process with one line."""


@dataclass(frozen=True)
class Addresses:
    """Where web and live streams listen, and how browsers reach them."""

    host: str
    port: int
    live_port: int
    base_url: str
    live_url: str

    @property
    def local_host(self) -> str:
        """The host by which this machine itself reaches them."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"[{host}]" if ":" in host else host


@dataclass(frozen=True)
class Env(Addresses):
    """What comes from outside. All of it has a default that works on one machine.

    DATABASE_URL            PostgreSQL 17 or newer that the application uses; unset: Parley starts its own
    DATABASE_OWNER_URL      login that owns the tables and migrates (default: DATABASE_URL)
    REDIS_URL               Valkey or Redis; unset: Parley starts its own
    PARLEY_VAR              folder for data, logs, secrets and demo.json (default: var)
    PARLEY_SERVERS          none: nothing connects, nothing starts (linters, collectstatic in an image build)
    PARLEY_DEMO             0: `make run` makes no demo business
    SECRET_KEY              Django's key (`make run` makes one and keeps it in var/secrets.json)
    PARLEY_ENCRYPTION_KEYS  comma-separated Fernet keys for secrets at rest, newest first (likewise)
    PARLEY_APP_SECRET       signs webhooks at the platform's door /webhooks/ (likewise)
    PARLEY_VERIFY_TOKEN     answers that door's challenge (likewise)
    DEBUG                   1 shows tracebacks, and makes missing secrets (default: 0)
    HOST, PORT, LIVE_PORT   where web listens (127.0.0.1, 8000) and the live streams (PORT + 1)
    BASE_URL, LIVE_URL      how browsers reach them (default: http://HOST:PORT, http://HOST:LIVE_PORT)
    ALLOWED_HOSTS           comma-separated (default: the host of BASE_URL, localhost, 127.0.0.1)
    WEB_WORKERS             processes that serve pages and API (default: 2)
    WORKER_PROCESSES        processes that do the waiting work (default: 2)
    MEDIA_URL               s3://bucket/folder?endpoint_url=https://…&region_name=… keeps files there, with the keys in
                            AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (default: files are in var/media)
    EMAIL_URL               such as smtp://user:password@host:587 (default: mails are files in var/mail)
    DEFAULT_FROM_EMAIL      sender of mails
    STRIPE_API_KEY, STRIPE_WEBHOOK_SECRET, STRIPE_API_BASE   switch on card payments
    PARLEY_ALLOW_PRIVATE_URLS   1 lets webhooks and media links reach loopback (development only)
    LOG_LEVEL               default INFO
    """

    var: Path
    secret_key: str
    encryption_keys: list[str]
    app_secret: str
    verify_token: str
    debug: bool
    allowed_hosts: list[str]
    databases: dict[str, dict[str, Any]]
    redis_url: str
    media: dict[str, Any]
    email: dict[str, Any]
    from_email: str
    stripe_api_key: str
    stripe_webhook_secret: str
    stripe_api_base: str
    allow_private_urls: bool
    log_level: str
    web_workers: int
    worker_processes: int
    demo: bool

    @property
    def email_backend(self) -> str:
        """Django's backend for EMAIL_URL."""
        return str(self.email["EMAIL_BACKEND"])


def var_folder() -> Path:
    """Where data is kept."""
    return Path(os.environ.get("PARLEY_VAR", BASE_DIR / "var")).resolve()


def addresses() -> Addresses:
    """Read where to listen; needs no server and no secret."""
    port = _number("PORT", 8000, highest=65534)
    live_port = _number("LIVE_PORT", port + 1, highest=65535)
    listening = Addresses(os.environ.get("HOST") or "127.0.0.1", port, live_port, "", "")
    base_url = os.environ.get("BASE_URL") or f"http://{listening.local_host}:{port}"
    live_url = os.environ.get("LIVE_URL") or f"http://{listening.local_host}:{live_port}"
    return replace(listening, base_url=base_url.rstrip("/"), live_url=live_url.rstrip("/"))


def load() -> Env:
    """Read the environment; ends the process with one clear line when something is missing."""
    read = environ.Env()
    var = var_folder()
    where = addresses()
    return Env(
        **vars(where),
        var=var,
        secret_key=_kept("SECRET_KEY", "secret_key", var),
        encryption_keys=_kept("PARLEY_ENCRYPTION_KEYS", "encryption_key", var).split(","),
        app_secret=_kept("PARLEY_APP_SECRET", "app_secret", var),
        verify_token=_kept("PARLEY_VERIFY_TOKEN", "verify_token", var),
        debug=read.bool("DEBUG", default=False),
        allowed_hosts=read.list(
            "ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", _host_of(where.base_url)]
        ),
        databases=_databases(var),
        redis_url=_server_url("REDIS_URL", var),
        media=media_storage(os.environ.get("MEDIA_URL", "")),
        email=_email(read, var),
        from_email=read.str("DEFAULT_FROM_EMAIL", default="Parley <parley@localhost>"),
        stripe_api_key=read.str("STRIPE_API_KEY", default=""),
        stripe_webhook_secret=read.str("STRIPE_WEBHOOK_SECRET", default=""),
        stripe_api_base=read.str("STRIPE_API_BASE", default=""),
        allow_private_urls=read.bool("PARLEY_ALLOW_PRIVATE_URLS", default=False),
        log_level=read.str("LOG_LEVEL", default="INFO"),
        web_workers=_number("WEB_WORKERS", 2),
        worker_processes=_number("WORKER_PROCESSES", 2),
        demo=read.bool("PARLEY_DEMO", default=True),
    )


def _number(name: str, default: int, *, highest: int = 999) -> int:
    raw = os.environ.get(name) or str(default)
    if not (raw.isascii() and raw.isdigit()) or not 0 < int(raw) <= highest:
        raise ConfigurationError(f"{name} must be a number from 1 to {highest}, not '{raw}'.")
    return int(raw)


def _kept(variable: str, name: str, var: Path) -> str:
    if found := os.environ.get(variable) or known_secrets(var).get(name):
        return found
    if _no_servers():
        return new_secret(name)
    if environ.Env().bool("DEBUG", default=False):
        return kept_secrets(var)[name]
    # A secret made here and now would differ on the next machine, and what it encrypts would be lost.
    raise ConfigurationError(
        f"{variable} is not set. Set it, or DEBUG=1 for development; `make run` makes its own."
    )


def _no_servers() -> bool:
    return os.environ.get("PARLEY_SERVERS") == "none"


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def _server_url(name: str, var: Path) -> str:
    if url := os.environ.get(name) or running(var).get(name):
        return url
    if _no_servers():
        return (
            "redis://127.0.0.1:1/0"
            if name == "REDIS_URL"
            else "postgresql://parley_app@127.0.0.1:1/parley"
        )
    raise ConfigurationError(
        f"{name} is not set and no stack is running: set it, or start one with `make run`."
    )


def _databases(var: Path) -> dict[str, dict[str, Any]]:
    owner = os.environ.get("DATABASE_OWNER_URL")
    if not owner and not os.environ.get("DATABASE_URL"):
        owner = running(var).get("DATABASE_OWNER_URL")
    url = _server_url("DATABASE_URL", var)
    default = _database(url)
    if default.get("USER") != "parley_app":
        # Another login, often one for all: the application takes the plain role as it connects.
        given = default.get("OPTIONS", {})
        default["OPTIONS"] = {
            **given,
            "options": f"{given.get('options', '')} -c role=parley_app".strip(),
        }
    return {"default": default, "owner": {**_database(owner or url), "CONN_MAX_AGE": 0}}


def _database(url: str) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    # It warns with all that it has read, the password included.
    with suppress(ValueError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = environ.Env.db_url_config(url)
    if not str(parsed.get("ENGINE", "")).endswith("postgresql") or not parsed.get("NAME"):
        # Not repeated here: it holds a password.
        raise ConfigurationError(
            "A database URL must look like postgresql://user:password@host:5432/name."
        )
    return {
        **parsed,
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # Django prepares nothing of its own; without a threshold the hot doors' `prepare=True` would be ignored.
        "OPTIONS": {"prepare_threshold": 5, **parsed.get("OPTIONS", {})},
        "TEST": {"MIRROR": None},
    }


def _email(read: environ.Env, var: Path) -> dict[str, Any]:
    if os.environ.get("EMAIL_URL"):
        return dict(read.email_url("EMAIL_URL"))
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
        "EMAIL_FILE_PATH": str(var / "mail"),
    }


def media_storage(url: str) -> dict[str, Any]:
    """Django's storage for files: a folder, or a bucket that is named as `s3://bucket/folder?option=value`."""
    if not url:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    parts = urlsplit(url)
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    if (
        parts.scheme != "s3"
        or not parts.netloc
        or set(options) - {"endpoint_url", "region_name", "addressing_style"}
    ):
        raise ConfigurationError(
            "MEDIA_URL must look like s3://bucket/folder?endpoint_url=https://s3.example.com."
        )
    # Content is named by its hash, so what is written again is the same; large files do not stay in memory.
    options |= {
        "bucket_name": parts.netloc,
        "location": parts.path.strip("/"),
        "max_memory_size": 1024 * 1024,
    }
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {"default_acl": None, **options},
    }
