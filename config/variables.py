"""Names of the environment variables, and functions that read them; nothing else reads them.

`.env.example` describes each. A secret may come from a file instead, named by `<NAME>_FILE`.
"""

import os
from pathlib import Path

SECRETS = (
    "DATABASE_URL",
    "DATABASE_WORKER_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "PARLEY_ENCRYPTION_KEYS",
    "PARLEY_BACKUP_KEY",
    "PARLEY_APP_SECRET",
    "PARLEY_VERIFY_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "EMAIL_URL",
    "STRIPE_API_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "METRICS_TOKEN",
)
PLAIN = (
    "PARLEY_VAR",
    "PARLEY_STATIC",
    "PARLEY_SERVERS",
    "PARLEY_DEMO",
    "PGBIN",
    "DEBUG",
    "LOG_LEVEL",
    "HOST",
    "PORT",
    "LIVE_PORT",
    "BASE_URL",
    "DOMAIN",
    "ACME_EMAIL",
    "TLS",
    "LIVE_URL",
    "ALLOWED_HOSTS",
    "TRUSTED_PROXIES",
    "WEB_WORKERS",
    "WORKER_PROCESSES",
    "MEDIA_URL",
    "DEFAULT_FROM_EMAIL",
    "STRIPE_API_BASE",
    "PROMETHEUS_MULTIPROC_DIR",
    "PARLEY_ALLOW_PRIVATE_URLS",
)
VARIABLES = frozenset([*PLAIN, *SECRETS, *(f"{name}_FILE" for name in SECRETS)])

TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class ConfigurationError(SystemExit):
    """A setting is missing or invalid; ends the process with one line."""


def text(name: str, default: str = "") -> str:
    """The value of a variable; the default where it is unset or empty."""
    assert name in VARIABLES, f"{name} is not in config.variables"
    return os.environ.get(name) or default


def number(name: str, default: int, *, highest: int = 999) -> int:
    """A whole number from 1 to `highest`; raises ConfigurationError."""
    raw = text(name, str(default))
    if not (raw.isascii() and raw.isdigit()) or not 0 < int(raw) <= highest:
        raise ConfigurationError(f"{name} must be a number from 1 to {highest}, not '{raw}'.")
    return int(raw)


def flag(name: str, *, default: bool) -> bool:
    """A boolean (1, true, yes, on / 0, false, no, off); ConfigurationError for other values."""
    raw = text(name, TRUE[0] if default else FALSE[0]).lower()
    if raw not in (*TRUE, *FALSE):
        raise ConfigurationError(f"{name} must be 1 or 0, not '{raw}'.")
    return raw in TRUE


def words(name: str, default: list[str]) -> list[str]:
    """The parts of a comma-separated value, without empty ones; the default where unset."""
    return [word for part in text(name).split(",") if (word := part.strip())] or default


def given(name: str) -> bool:
    """Whether a secret is set, directly or as a file."""
    assert name in SECRETS, f"{name} is not a secret of config.variables"
    return bool(text(name) or text(f"{name}_FILE"))


def secret(name: str) -> str:
    """A secret from its variable or from the file that `<name>_FILE` names; empty for none.

    Raises ConfigurationError where both are set, or the file cannot be read or is empty. Messages
    never contain the secret.
    """
    assert name in SECRETS, f"{name} is not a secret of config.variables"
    path = text(f"{name}_FILE")
    if path and text(name):
        raise ConfigurationError(f"{name} and {name}_FILE are both set: set one of them.")
    return _content(f"{name}_FILE", Path(path)) if path else text(name)


def _content(name: str, path: Path) -> str:
    try:
        content = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(
            f"{name} names {path}, which cannot be read: {error.strerror}."
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name} names {path}, which is not text.") from None
    if not content:
        raise ConfigurationError(f"{name} names {path}, which is empty.")
    return content
