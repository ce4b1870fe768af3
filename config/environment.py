"""The environment as typed settings: variables of `config.variables`, validated at the start."""

import re
import warnings
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from config.variables import ConfigurationError, flag, given, number, secret, text, words
from core.installation import kept_secrets, known_secrets, new_secret, running

BASE_DIR = Path(__file__).resolve().parent.parent
# Ours replace Django's: they know when a result is unknown, and who may read a file.
OWN_EMAIL_BACKENDS = {
    "django.core.mail.backends.smtp.EmailBackend": "core.outbox.smtp.EmailBackend",
    "django.core.mail.backends.filebased.EmailBackend": "core.outbox.files.EmailBackend",
}
# The entry points `config.wsgi` and `config.asgi` say that this process answers requests.
_process = {"is_web": False}
# Threads of one web process; requests to others never take all of them (`core.outbound`).
WEB_THREADS = 4
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})+")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True)
class Addresses:
    """Addresses on which web and live streams listen, and those by which browsers reach them."""

    host: str
    port: int
    live_port: int
    base_url: str
    live_url: str
    # The name for which the front gets a certificate; empty: there is no TLS here.
    domain: str = ""
    acme_email: str = ""
    # "acme", or "internal": certificates of an authority that the front makes itself.
    tls: str = "acme"

    @property
    def local_host(self) -> str:
        """The host by which processes of this machine reach web and live streams."""
        # Compared, not listened on.
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104  # nosec B104
        return f"[{host}]" if ":" in host else host


@dataclass(frozen=True)
class Environment(Addresses):
    """All settings of the environment; each has a default that works on one machine."""

    _: KW_ONLY
    var: Path
    static: Path
    secret_key: str
    # Newest first.
    encryption_keys: list[str]
    backup_key: str
    app_secret: str
    verify_token: str
    debug: bool
    allowed_hosts: list[str]
    # Of proxies in front, which tell the client's address.
    trusted_proxies: list[IPv4Network | IPv6Network]
    # Django's settings for the aliases `default` and `owner`.
    databases: dict[str, dict[str, Any]]
    takes_system_role: bool
    redis_url: str
    # Django's settings for the default storage.
    media: dict[str, Any]
    # Django's EMAIL_… settings.
    email: dict[str, Any]
    from_email: str
    metrics_token: str
    # Shared by the counters of all processes of this host; empty: each has its own.
    metrics_folder: str
    stripe_api_key: str
    stripe_webhook_secret: str
    stripe_api_base: str
    allow_private_urls: bool
    log_level: str
    web_workers: int
    worker_processes: int
    demo: bool
    postgres_bin: str

    @property
    def email_backend(self) -> str:
        """Django's e-mail backend for EMAIL_URL."""
        return str(self.email["EMAIL_BACKEND"])


def load() -> Environment:
    """Read the environment; ConfigurationError where a value is missing or invalid."""
    var = var_folder()
    where = addresses()
    hosts = ["localhost", "127.0.0.1", "[::1]", urlsplit(where.base_url).hostname or ""]
    return Environment(
        **vars(where),
        var=var,
        static=static_folder(),
        secret_key=_kept("SECRET_KEY", "secret_key", var),
        encryption_keys=_kept("PARLEY_ENCRYPTION_KEYS", "encryption_key", var).split(","),
        # Only backups need it.
        backup_key=secret("PARLEY_BACKUP_KEY") or known_secrets(var).get("backup_key", ""),
        app_secret=_kept("PARLEY_APP_SECRET", "app_secret", var),
        verify_token=_kept("PARLEY_VERIFY_TOKEN", "verify_token", var),
        debug=_debug(),
        allowed_hosts=words("ALLOWED_HOSTS", hosts),
        trusted_proxies=_networks("TRUSTED_PROXIES"),
        databases=_databases(var),
        takes_system_role=bool(_worker_url(var)),
        redis_url=_server_url("REDIS_URL", var),
        media=media_storage(text("MEDIA_URL")),
        email=_email(var),
        from_email=text("DEFAULT_FROM_EMAIL", "Parley <parley@localhost>"),
        metrics_token=secret("METRICS_TOKEN") or known_secrets(var).get("metrics_token", ""),
        metrics_folder=text("PROMETHEUS_MULTIPROC_DIR"),
        stripe_api_key=secret("STRIPE_API_KEY"),
        stripe_webhook_secret=secret("STRIPE_WEBHOOK_SECRET"),
        stripe_api_base=text("STRIPE_API_BASE"),
        allow_private_urls=flag("PARLEY_ALLOW_PRIVATE_URLS", default=False),
        log_level=_log_level(),
        web_workers=number("WEB_WORKERS", 2),
        worker_processes=number("WORKER_PROCESSES", 2),
        demo=_demo(where.base_url),
        postgres_bin=chosen_postgres(),
    )


def var_folder() -> Path:
    """The folder of data, logs and secrets."""
    return Path(text("PARLEY_VAR", str(BASE_DIR / "var"))).resolve()


def static_folder() -> Path:
    """The folder of collected static files."""
    return Path(text("PARLEY_STATIC", str(var_folder() / "static"))).resolve()


def addresses() -> Addresses:
    """Read the addresses only; needs no server and no secret."""
    domain = _domain()
    port = number("PORT", 443 if domain else 8000, highest=65534)
    live_port = number("LIVE_PORT", port + 1, highest=65535)
    listening = Addresses(
        text("HOST", "127.0.0.1"), port, live_port, "", "",
        domain=domain, acme_email=text("ACME_EMAIL"), tls=_tls(),
    )  # fmt: skip
    here = f"http://{listening.local_host}:{port}"
    named = f"https://{domain}" + (f":{port}" if port != 443 else "")
    base_url = text("BASE_URL", named if domain else here)
    # Behind one address, as `make run` and a proxy make it.
    live_url = text("LIVE_URL", base_url)
    return replace(listening, base_url=base_url.rstrip("/"), live_url=live_url.rstrip("/"))


def _domain() -> str:
    name = text("DOMAIN").lower()
    if name and (len(name) > 253 or not DOMAIN.fullmatch(name)):
        raise ConfigurationError(f"DOMAIN must be a name such as chat.example.com, not '{name}'.")
    return name


def _tls() -> str:
    kind = text("TLS", "acme")
    if kind not in ("acme", "internal"):
        raise ConfigurationError(f"TLS must be acme or internal, not '{kind}'.")
    return kind


def chosen_postgres() -> str:
    """The folder with PostgreSQL's programs that PGBIN names; empty: the first that is found."""
    return text("PGBIN")


def needs_servers() -> bool:
    """Whether the process may connect to servers.

    Linters, and `collectstatic` in an image build, set PARLEY_SERVERS=none.
    """
    return text("PARLEY_SERVERS") != "none"


def is_loopback(host: str) -> bool:
    """Whether `host` is an IP address of this machine itself."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return False


def _demo(base_url: str) -> bool:
    # The demo's logins are printed and stored in a file: it is for this machine only.
    host = urlsplit(base_url).hostname or ""
    is_local = host == "localhost" or is_loopback(host)
    demo = flag("PARLEY_DEMO", default=is_local)
    if demo and not is_local:
        raise ConfigurationError(
            "PARLEY_DEMO=1 is for this machine only: its logins are public. "
            f"BASE_URL is {base_url}."
        )
    return demo


def _networks(name: str) -> list[IPv4Network | IPv6Network]:
    found = []
    for word in words(name, []):
        try:
            found.append(ip_network(word))
        except ValueError:
            raise ConfigurationError(
                f"{name} must have addresses or networks such as 10.0.0.0/8, not '{word}'."
            ) from None
    return found


def _debug() -> bool:
    return flag("DEBUG", default=False)


def _log_level() -> str:
    level = text("LOG_LEVEL", "INFO").upper()
    if level not in LOG_LEVELS:
        raise ConfigurationError(
            f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, not '{level}'."
        )
    return level


def _kept(variable: str, name: str, var: Path) -> str:
    if found := secret(variable) or known_secrets(var).get(name):
        return found
    if not needs_servers():
        return new_secret(name)
    if _debug():
        return kept_secrets(var)[name]
    # A generated secret would differ on the next machine: what it encrypted would be lost.
    raise ConfigurationError(
        f"{variable} is not set. Set it, or DEBUG=1 for development; `make run` makes its own."
    )


def _server_url(name: str, var: Path) -> str:
    if url := secret(name) or running(var).get(name):
        return url
    if not needs_servers():
        nowhere = "127.0.0.1:1"
        return (
            f"redis://{nowhere}/0"
            if name == "REDIS_URL"
            else f"postgresql://parley_app@{nowhere}/parley"
        )
    raise ConfigurationError(
        f"{name} is not set and no stack is running: set it, or start one with `make run`."
    )


def _databases(var: Path) -> dict[str, dict[str, Any]]:
    owner = secret("DATABASE_OWNER_URL")
    if not owner and not given("DATABASE_URL"):
        owner = running(var).get("DATABASE_OWNER_URL", "")
    url = _server_url("DATABASE_URL", var)
    default = _database(_worker_url(var) or url)
    if default.get("USER") != "parley_app":
        # Another login, often one for everything: the application sets its role when it connects.
        options = default.get("OPTIONS", {})
        role = f"{options.get('options', '')} -c role=parley_app".strip()
        default["OPTIONS"] = {**options, "options": role}
    return {"default": default, "owner": {**_database(owner or url), "CONN_MAX_AGE": 0}}


def run_as_web() -> None:
    """Let this process log in to the database as the web; called before the settings are loaded."""
    _process["is_web"] = True


def _worker_url(var: Path) -> str:
    """The URL of the workers' login; empty for the web, and where all have one login."""
    if _process["is_web"]:
        return ""
    own = secret("DATABASE_WORKER_URL")
    return own or ("" if given("DATABASE_URL") else running(var).get("DATABASE_WORKER_URL", ""))


def _database(url: str) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    # Its warnings contain the URL with the password.
    with suppress(ValueError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = environ.Env.db_url_config(url)
    if not str(parsed.get("ENGINE", "")).endswith("postgresql") or not parsed.get("NAME"):
        # The message does not contain the URL: it has a password.
        raise ConfigurationError(
            "A database URL must look like postgresql://user:password@host:5432/name."
        )
    return {
        **parsed,
        "ENGINE": "core.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # Django prepares no statements itself; without a threshold psycopg ignores the
        # `prepare=True` of the fast path.
        "OPTIONS": {"prepare_threshold": 5, **parsed.get("OPTIONS", {})},
        "TEST": {"MIRROR": None},
    }


def _email(var: Path) -> dict[str, Any]:
    if not (url := secret("EMAIL_URL")):
        files = "core.outbox.files.EmailBackend"
        return {"EMAIL_BACKEND": files, "EMAIL_FILE_PATH": str(var / "mail")}
    try:
        found = dict(environ.Env.email_url_config(url))
    except (ValueError, ImproperlyConfigured):
        # The message does not contain the URL: it has a password.
        raise ConfigurationError(
            "EMAIL_URL must look like smtp://user:password@host:587 or smtp+tls://…"
        ) from None
    backend = found["EMAIL_BACKEND"]
    return found | {"EMAIL_BACKEND": OWN_EMAIL_BACKENDS.get(backend, backend)}


def media_storage(url: str) -> dict[str, Any]:
    """Django's file storage: a folder, or a bucket by its URL `s3://bucket/folder?option=value`."""
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
    keys = {
        "access_key": secret("AWS_ACCESS_KEY_ID"),
        "secret_key": secret("AWS_SECRET_ACCESS_KEY"),
    }
    options |= {name: key for name, key in keys.items() if key}
    # Files are named by their hash, so overwriting is harmless; large ones are not held in memory.
    options |= {
        "bucket_name": parts.netloc,
        "location": parts.path.strip("/"),
        "max_memory_size": 1024 * 1024,
    }
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {"default_acl": None, **options},
    }
