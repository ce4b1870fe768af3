"""The environment: defaults work, a wrong value is named, and no key is made where it would be lost."""

import json
from pathlib import Path

import pytest

from config import env
from stack.kept import kept_secrets

APP = "postgresql://parley_app:pw@db.example:5433/parley"
OWNER = "postgresql://parley_owner:pw@db.example:5433/parley"
ONE = "postgresql://shop:pw@db.example/shop?sslmode=require"


@pytest.fixture(autouse=True)
def _outside(monkeypatch: pytest.MonkeyPatch, bare: dict[str, str], var: Path) -> None:
    import os

    for name in set(os.environ) - set(bare):
        monkeypatch.delenv(name)
    for name, value in {
        "PARLEY_VAR": str(var),
        "DATABASE_URL": APP,
        "REDIS_URL": "redis://r:6379/0",
    }.items():
        monkeypatch.setenv(name, value)
    kept_secrets(var)


def test_defaults_work_on_one_machine(var: Path) -> None:
    found = env.load()
    kept = json.loads((var / "secrets.json").read_text())
    assert (found.host, found.port, found.live_port) == ("127.0.0.1", 8000, 8001)
    assert (found.base_url, found.live_url) == ("http://127.0.0.1:8000", "http://127.0.0.1:8001")
    assert (found.secret_key, found.encryption_keys) == (
        kept["secret_key"],
        [kept["encryption_key"]],
    )
    assert (found.app_secret, found.verify_token) == (kept["app_secret"], kept["verify_token"])
    assert (found.debug, found.demo, found.allow_private_urls) == (False, True, False)
    assert found.email == {
        "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
        "EMAIL_FILE_PATH": str(var / "mail"),
    }


def test_port_moves_the_live_port_and_the_addresses_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PORT", "9000")
    found = env.addresses()
    assert (found.base_url, found.live_url) == ("http://127.0.0.1:9000", "http://127.0.0.1:9001")
    monkeypatch.setenv("HOST", "::")
    assert env.addresses().base_url == "http://[::1]:9000"
    monkeypatch.setenv("BASE_URL", "https://chat.example/")
    monkeypatch.setenv("HOST", "0.0.0.0")
    found = env.addresses()
    assert (found.base_url, found.live_url) == ("https://chat.example", "http://127.0.0.1:9001")
    assert "chat.example" in env.load().allowed_hosts


@pytest.mark.parametrize("wrong", ["0", "65535", "x", "-1", "٣", "80 "])
def test_a_wrong_port_is_named(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("PORT", wrong)
    with pytest.raises(
        env.ConfigurationError, match=rf"^PORT must be a number from 1 to 65534, not '{wrong}'\.$"
    ):
        env.load()


@pytest.mark.parametrize(
    "wrong", ["sqlite:///x.db", "postgresql://", "nonsense", "mysql://u:hunter2@h/n"]
)
def test_a_wrong_database_url_is_refused_without_repeating_its_password(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", wrong)
    with pytest.raises(env.ConfigurationError) as refused:
        env.load()
    assert (
        str(refused.value)
        == "A database URL must look like postgresql://user:password@host:5432/name."
    )


def test_two_logins_are_used_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_OWNER_URL", OWNER)
    databases = env.load().databases
    assert (databases["default"]["USER"], databases["owner"]["USER"]) == (
        "parley_app",
        "parley_owner",
    )
    assert "options" not in databases["default"].get("OPTIONS", {})


def test_one_login_for_all_takes_the_plain_role_as_it_connects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", ONE)
    databases = env.load().databases
    assert databases["default"]["OPTIONS"] == {
        "prepare_threshold": 5,
        "sslmode": "require",
        "options": "-c role=parley_app",
    }
    assert databases["owner"]["OPTIONS"] == {"prepare_threshold": 5, "sslmode": "require"}
    assert databases["owner"]["USER"] == "shop"


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "PARLEY_ENCRYPTION_KEYS", "PARLEY_APP_SECRET", "PARLEY_VERIFY_TOKEN"]
)
def test_no_secret_is_made_silently(monkeypatch: pytest.MonkeyPatch, var: Path, name: str) -> None:
    (var / "secrets.json").unlink()
    for variable in (
        "SECRET_KEY",
        "PARLEY_ENCRYPTION_KEYS",
        "PARLEY_APP_SECRET",
        "PARLEY_VERIFY_TOKEN",
    ):
        monkeypatch.setenv(variable, f"given {variable}")
    assert env.load().secret_key == "given SECRET_KEY"
    monkeypatch.delenv(name)
    with pytest.raises(
        env.ConfigurationError, match=rf"^{name} is not set\. Set it, or DEBUG=1 for development"
    ):
        env.load()
    assert not (var / "secrets.json").exists()
    monkeypatch.setenv("DEBUG", "1")
    env.load()
    assert (var / "secrets.json").exists()


def test_without_servers_it_says_how_to_start_some(
    monkeypatch: pytest.MonkeyPatch, var: Path
) -> None:
    monkeypatch.delenv("REDIS_URL")
    with pytest.raises(
        env.ConfigurationError, match=r"^REDIS_URL is not set and no stack is running"
    ):
        env.load()
    # A stack.json whose supervisor has died counts for nothing.
    (var / "stack.json").write_text(
        '{"urls": {"REDIS_URL": "redis://old"}, "supervisor": {"pid": 1, "born": "x"}}'
    )
    with pytest.raises(env.ConfigurationError, match=r"^REDIS_URL is not set"):
        env.load()
    monkeypatch.setenv("PARLEY_SERVERS", "none")
    assert env.load().redis_url == "redis://127.0.0.1:1/0"


def test_several_encryption_keys_are_kept_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_ENCRYPTION_KEYS", "new,old")
    assert env.load().encryption_keys == ["new", "old"]


def test_every_variable_that_is_read_is_documented() -> None:
    import inspect
    import re

    read = set(
        re.findall(
            r'(?:_number|_kept|_server_url|read\.\w+|environ\.get|bool)\(\s*"([A-Z_]+)"',
            inspect.getsource(env),
        )
    )
    assert len(read) > 20
    assert {name for name in read if name not in (env.Env.__doc__ or "")} == set()
