"""The one place that reads the environment."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environ

from stack.servers import kept_secrets, running

BASE_DIR = Path(__file__).resolve().parent.parent


class ConfigurationError(SystemExit):
    """A setting is missing or wrong; ends the process with one line."""


@dataclass(frozen=True)
class Env:
    """What comes from outside. All of it has a default that works on one machine.

    DATABASE_URL            PostgreSQL the application uses; unset: Parley starts its own
    DATABASE_OWNER_URL      login that migrates (default: DATABASE_URL, which then takes role parley_app)
    REDIS_URL               Valkey or Redis; unset: Parley starts its own
    PARLEY_VAR              folder for data, logs and demo.json (default: var)
    SECRET_KEY              Django's key (default: made once, kept in var/secrets.json)
    PARLEY_ENCRYPTION_KEYS  comma-separated Fernet keys for secrets at rest, newest first (default: made once)
    PARLEY_APP_SECRET       signs webhooks at the platform's door /webhooks/ (default: made once)
    PARLEY_VERIFY_TOKEN     answers its challenge (default: made once)
    DEBUG                   1 shows tracebacks (default: 0)
    HOST, PORT, LIVE_PORT   where web listens (127.0.0.1, 8000) and the live streams (PORT + 1)
    BASE_URL, LIVE_URL      how browsers reach them (default: http://HOST:PORT, http://HOST:LIVE_PORT)
    ALLOWED_HOSTS           comma-separated (default: the host of BASE_URL, localhost, 127.0.0.1)
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
    host: str
    port: int
    live_port: int
    base_url: str
    live_url: str
    allowed_hosts: list[str]
    databases: dict[str, dict[str, Any]]
    redis_url: str
    email: dict[str, Any]
    from_email: str
    stripe_api_key: str
    stripe_webhook_secret: str
    stripe_api_base: str
    allow_private_urls: bool
    log_level: str

    @property
    def email_backend(self) -> str:
        """Django's backend for EMAIL_URL."""
        return str(self.email["EMAIL_BACKEND"])


def var_folder() -> Path:
    """Where data is kept."""
    return Path(os.environ.get("PARLEY_VAR", BASE_DIR / "var")).resolve()


def load() -> Env:
    """Read the environment; ends the process with one clear line when something is missing."""
    read = environ.Env()
    var = var_folder()
    port = _port("PORT", 8000)
    live_port = _port("LIVE_PORT", port + 1)
    host = read.str("HOST", default="127.0.0.1")
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    base_url = read.str("BASE_URL", default=f"http://{shown}:{port}").rstrip("/")
    return Env(
        var=var,
        secret_key=_kept("SECRET_KEY", "secret_key", var),
        encryption_keys=_kept("PARLEY_ENCRYPTION_KEYS", "encryption_key", var).split(","),
        app_secret=_kept("PARLEY_APP_SECRET", "app_secret", var),
        verify_token=_kept("PARLEY_VERIFY_TOKEN", "verify_token", var),
        debug=read.bool("DEBUG", default=False),
        host=host,
        port=port,
        live_port=live_port,
        base_url=base_url,
        live_url=read.str("LIVE_URL", default=f"http://{shown}:{live_port}").rstrip("/"),
        allowed_hosts=read.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", _host_of(base_url)]),
        databases=_databases(var),
        redis_url=_server_url("REDIS_URL", var),
        email=_email(read, var),
        from_email=read.str("DEFAULT_FROM_EMAIL", default="Parley <parley@localhost>"),
        stripe_api_key=read.str("STRIPE_API_KEY", default=""),
        stripe_webhook_secret=read.str("STRIPE_WEBHOOK_SECRET", default=""),
        stripe_api_base=read.str("STRIPE_API_BASE", default=""),
        allow_private_urls=read.bool("PARLEY_ALLOW_PRIVATE_URLS", default=False),
        log_level=read.str("LOG_LEVEL", default="INFO"),
    )


def _port(name: str, default: int) -> int:
    raw = os.environ.get(name, "") or str(default)
    if not raw.isdigit() or not 0 < int(raw) < 65536:
        raise ConfigurationError(f"{name} must be a port from 1 to 65535, not '{raw}'.")
    return int(raw)


def _kept(variable: str, name: str, var: Path) -> str:
    return os.environ.get(variable) or kept_secrets(var)[name]


def _host_of(url: str) -> str:
    return url.split("://", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0]


def _server_url(name: str, var: Path) -> str:
    url = os.environ.get(name) or running(var).get(name)
    if not url:
        if not {"makemigrations", "check", "collectstatic", "makemessages", "compilemessages"} & set(sys.argv):
            raise ConfigurationError(f"{name} is not set and no stack is running: start one with `make run`.")
        url = "redis://127.0.0.1:1/0" if name == "REDIS_URL" else "postgresql://parley_app@127.0.0.1:1/parley"
    return url


def _databases(var: Path) -> dict[str, dict[str, Any]]:
    url = _server_url("DATABASE_URL", var)
    owner = os.environ.get("DATABASE_OWNER_URL")
    if owner is None and "DATABASE_URL" not in os.environ:
        owner = running(var).get("DATABASE_OWNER_URL")
    default = _database(url)
    if owner is None and "parley_app" not in (default.get("USER") or ""):
        # One login for all: the application takes the plain role as it connects.
        default["OPTIONS"] = {**default.get("OPTIONS", {}), "options": "-c role=parley_app"}
    return {"default": default, "owner": {**_database(owner or url), "CONN_MAX_AGE": 0}}


def _database(url: str) -> dict[str, Any]:
    parsed: dict[str, Any] = environ.Env.db_url_config(url)
    return {
        **parsed,
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "TEST": {"MIRROR": None},
    }


def _email(read: environ.Env, var: Path) -> dict[str, Any]:
    if os.environ.get("EMAIL_URL"):
        return dict(read.email_url("EMAIL_URL"))
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
        "EMAIL_FILE_PATH": str(var / "mail"),
    }
