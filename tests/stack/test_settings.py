"""The environment: defaults work, invalid values are named, lost keys are not generated."""

import json
import re
from pathlib import Path
from typing import ClassVar

import pytest

from config import checks, environment, variables
from config.environment import addresses, load
from config.variables import ConfigurationError
from core.installation import kept_secrets

ROOT = Path(__file__).parents[2]
WORKER = "postgresql://parley_worker:pw@db.example:5433/parley"
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
    monkeypatch.setitem(environment._process, "is_web", False)


def test_defaults_work_on_one_machine(var: Path) -> None:
    found = load()
    kept = json.loads((var / "secrets.json").read_text())
    assert (found.host, found.port, found.live_port) == ("127.0.0.1", 8000, 8001)
    assert (found.base_url, found.live_url) == ("http://127.0.0.1:8000", "http://127.0.0.1:8000")
    assert (found.secret_key, found.encryption_keys) == (
        kept["secret_key"],
        [kept["encryption_key"]],
    )
    assert (found.app_secret, found.verify_token) == (kept["app_secret"], kept["verify_token"])
    assert (found.debug, found.demo, found.allow_private_urls) == (False, True, False)
    assert found.email == {
        "EMAIL_BACKEND": "core.outbox.files.EmailBackend",
        "EMAIL_FILE_PATH": str(var / "mail"),
    }


def test_port_moves_the_live_port_and_the_addresses_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PORT", "9000")
    found = addresses()
    assert (found.base_url, found.live_url) == ("http://127.0.0.1:9000", "http://127.0.0.1:9000")
    assert found.live_port == 9001
    monkeypatch.setenv("HOST", "::")
    assert addresses().base_url == "http://[::1]:9000"
    monkeypatch.setenv("BASE_URL", "https://chat.example/")
    monkeypatch.setenv("HOST", "0.0.0.0")
    found = addresses()
    assert (found.base_url, found.live_url) == ("https://chat.example", "https://chat.example")
    assert "chat.example" in load().allowed_hosts


def test_a_domain_is_served_with_tls_and_without_a_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOMAIN", "Chat.Example.com")
    found = load()
    assert (found.domain, found.port, found.base_url) == (
        "chat.example.com", 443, "https://chat.example.com",
    )  # fmt: skip
    assert (found.demo, "chat.example.com" in found.allowed_hosts) == (False, True)
    monkeypatch.setenv("PORT", "8443")
    assert addresses().base_url == "https://chat.example.com:8443"


@pytest.mark.parametrize("wrong", ["x", "a b.com", "-a.com", "a..com", "https://a.com", "a.com/"])
def test_what_is_no_domain_is_named(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("DOMAIN", wrong)
    with pytest.raises(ConfigurationError) as refused:
        addresses()
    assert str(refused.value) == (f"DOMAIN must be a name such as chat.example.com, not '{wrong}'.")
    monkeypatch.setenv("DOMAIN", "")
    monkeypatch.setenv("TLS", "none")
    with pytest.raises(ConfigurationError, match=r"^TLS must be acme or internal, not 'none'\.$"):
        addresses()


@pytest.mark.parametrize("wrong", ["0", "65535", "x", "-1", "٣", "80 "])
def test_a_wrong_port_is_named(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("PORT", wrong)
    with pytest.raises(
        ConfigurationError, match=rf"^PORT must be a number from 1 to 65534, not '{wrong}'\.$"
    ):
        load()


@pytest.mark.parametrize(
    "wrong", ["sqlite:///x.db", "postgresql://", "nonsense", "mysql://u:hunter2@h/n"]
)
def test_a_wrong_database_url_is_refused_without_repeating_its_password(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", wrong)
    with pytest.raises(ConfigurationError) as refused:
        load()
    assert (
        str(refused.value)
        == "A database URL must look like postgresql://user:password@host:5432/name."
    )


def test_two_logins_are_used_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_OWNER_URL", OWNER)
    databases = load().databases
    assert (databases["default"]["USER"], databases["owner"]["USER"]) == (
        "parley_app",
        "parley_owner",
    )
    assert "options" not in databases["default"].get("OPTIONS", {})


def test_web_and_workers_log_in_as_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_WORKER_URL", WORKER)
    found = load()
    assert (found.databases["default"]["USER"], found.takes_system_role) == ("parley_worker", True)
    assert found.databases["default"]["OPTIONS"]["options"] == "-c role=parley_app"
    environment.run_as_web()
    found = load()
    assert (found.databases["default"]["USER"], found.takes_system_role) == ("parley_app", False)


def test_one_login_for_web_and_workers_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.id for one in checks.check_logins()] == ["parley.W001"]
    monkeypatch.setenv("DATABASE_WORKER_URL", WORKER)
    assert checks.check_logins() == []


def test_one_login_for_all_takes_the_plain_role_as_it_connects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", ONE)
    databases = load().databases
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
    assert load().secret_key == "given SECRET_KEY"
    monkeypatch.delenv(name)
    with pytest.raises(
        ConfigurationError, match=rf"^{name} is not set\. Set it, or DEBUG=1 for development"
    ):
        load()
    assert not (var / "secrets.json").exists()
    monkeypatch.setenv("DEBUG", "1")
    load()
    assert (var / "secrets.json").exists()


def test_without_servers_it_says_how_to_start_some(
    monkeypatch: pytest.MonkeyPatch, var: Path
) -> None:
    monkeypatch.delenv("REDIS_URL")
    with pytest.raises(ConfigurationError, match=r"^REDIS_URL is not set and no stack is running"):
        load()
    # A stack.json whose supervisor has died counts for nothing.
    (var / "stack.json").write_text(
        '{"urls": {"REDIS_URL": "redis://old"}, "supervisor": {"pid": 1, "started": "x"}}'
    )
    with pytest.raises(ConfigurationError, match=r"^REDIS_URL is not set"):
        load()
    monkeypatch.setenv("PARLEY_SERVERS", "none")
    assert load().redis_url == "redis://127.0.0.1:1/0"


def test_several_encryption_keys_are_kept_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_ENCRYPTION_KEYS", "new,old")
    assert load().encryption_keys == ["new", "old"]


@pytest.mark.parametrize(
    ("said", "means"), [("1", True), ("true", True), ("Off", False), ("", False)]
)
def test_a_switch_is_on_or_off(monkeypatch: pytest.MonkeyPatch, said: str, means: bool) -> None:
    monkeypatch.setenv("PARLEY_ALLOW_PRIVATE_URLS", said)
    assert load().allow_private_urls is means


def test_a_switch_that_is_neither_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "maybe")
    with pytest.raises(ConfigurationError, match=r"^DEBUG must be 1 or 0, not 'maybe'\.$"):
        load()


def test_a_wrong_log_level_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "debug")
    assert load().log_level == "DEBUG"
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(
        ConfigurationError, match=r"^LOG_LEVEL must be one of DEBUG, .*, not 'LOUD'\.$"
    ):
        load()


def test_a_wrong_mail_server_is_refused_without_repeating_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EMAIL_URL", "smpt://me:hunter2@mail.example")
    with pytest.raises(ConfigurationError, match=r"^EMAIL_URL must look like smtp://") as refused:
        load()
    assert "hunter2" not in str(refused.value)


class TestSecretsInFiles:
    """Each secret may be in a file that NAME_FILE names, as container platforms hand them out."""

    VALUES: ClassVar = {
        "DATABASE_URL": (APP, lambda found: found.databases["default"]["HOST"], "db.example"),
        "DATABASE_WORKER_URL": (
            WORKER,
            lambda found: found.databases["default"]["USER"],
            "parley_worker",
        ),
        "DATABASE_OWNER_URL": (
            OWNER,
            lambda found: found.databases["owner"]["USER"],
            "parley_owner",
        ),
        "REDIS_URL": ("redis://kept:6379/0", lambda found: found.redis_url, "redis://kept:6379/0"),
        "SECRET_KEY": ("s3", lambda found: found.secret_key, "s3"),
        "PARLEY_ENCRYPTION_KEYS": ("new,old", lambda found: found.encryption_keys, ["new", "old"]),
        "PARLEY_APP_SECRET": ("a", lambda found: found.app_secret, "a"),
        "PARLEY_VERIFY_TOKEN": ("v", lambda found: found.verify_token, "v"),
        "AWS_ACCESS_KEY_ID": ("AK", lambda found: found.media["OPTIONS"]["access_key"], "AK"),
        "AWS_SECRET_ACCESS_KEY": ("SK", lambda found: found.media["OPTIONS"]["secret_key"], "SK"),
        "EMAIL_URL": (
            "smtp://me:pw@mail.example:587",
            lambda found: found.email["EMAIL_HOST_PASSWORD"],
            "pw",
        ),
        "STRIPE_API_KEY": ("sk_test_1", lambda found: found.stripe_api_key, "sk_test_1"),
        "METRICS_TOKEN": ("a token", lambda found: found.metrics_token, "a token"),
        "STRIPE_WEBHOOK_SECRET": ("whsec_1", lambda found: found.stripe_webhook_secret, "whsec_1"),
    }

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "secret"

    @pytest.mark.parametrize("name", variables.SECRETS)
    def test_a_secret_is_read_from_its_file_without_the_line_end(
        self, monkeypatch: pytest.MonkeyPatch, path: Path, name: str
    ) -> None:
        content, found_in, expected = self.VALUES[name]
        path.write_text(f"{content}\n")
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(f"{name}_FILE", str(path))
        monkeypatch.setenv("MEDIA_URL", "s3://bucket")
        assert found_in(load()) == expected
        assert variables.given(name) is True

    @pytest.mark.parametrize("name", variables.SECRETS)
    def test_a_file_that_is_missing_is_named(
        self, monkeypatch: pytest.MonkeyPatch, path: Path, name: str
    ) -> None:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(f"{name}_FILE", str(path))
        monkeypatch.setenv("MEDIA_URL", "s3://bucket")
        with pytest.raises(ConfigurationError) as refused:
            load()
        expected = f"{name}_FILE names {path}, which cannot be read: No such file or directory."
        assert str(refused.value) == expected

    @pytest.mark.parametrize(
        ("content", "problem"),
        [(b"", "is empty"), (b" \n", "is empty"), (b"\xff\xfe", "is not text")],
    )
    def test_a_file_without_a_secret_is_named(
        self, monkeypatch: pytest.MonkeyPatch, path: Path, content: bytes, problem: str
    ) -> None:
        path.write_bytes(content)
        monkeypatch.setenv("SECRET_KEY_FILE", str(path))
        with pytest.raises(ConfigurationError) as refused:
            load()
        assert str(refused.value) == f"SECRET_KEY_FILE names {path}, which {problem}."

    def test_a_folder_is_no_file(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path))
        with pytest.raises(ConfigurationError) as refused:
            load()
        expected = f"SECRET_KEY_FILE names {tmp_path}, which cannot be read: Is a directory."
        assert str(refused.value) == expected

    def test_both_are_refused_without_repeating_either(
        self, monkeypatch: pytest.MonkeyPatch, path: Path
    ) -> None:
        path.write_text("hunter2")
        monkeypatch.setenv("STRIPE_API_KEY", "sk_live_hunter2")
        monkeypatch.setenv("STRIPE_API_KEY_FILE", str(path))
        with pytest.raises(ConfigurationError) as refused:
            load()
        expected = "STRIPE_API_KEY and STRIPE_API_KEY_FILE are both set: set one of them."
        assert str(refused.value) == expected

    def test_an_empty_variable_is_as_good_as_none(
        self, monkeypatch: pytest.MonkeyPatch, path: Path
    ) -> None:
        path.write_text("from the file")
        monkeypatch.setenv("SECRET_KEY", "")
        monkeypatch.setenv("SECRET_KEY_FILE", str(path))
        assert load().secret_key == "from the file"


def test_private_addresses_are_allowed_in_one_place() -> None:
    lines = (ROOT / "config/settings.py").read_text().splitlines()
    assert [line for line in lines if line.startswith("ALLOW_PRIVATE_URLS")] == [
        "ALLOW_PRIVATE_URLS = ENV.allow_private_urls"
    ]


def test_nothing_else_reads_our_variables() -> None:
    """Only `config.variables` reads the environment; others set it or pass it to children."""
    reading = re.compile(r"os\.environ\.get\(|os\.getenv\(|os\.environ\[[^]]+\](?! = )")
    apps = ("accounts", "billing", "config", "core", "demo", "hosting", "shops", "stack")
    found = {
        str(path.relative_to(ROOT))
        for app in apps
        for path in (ROOT / app).rglob("*.py")
        if reading.search(path.read_text())
    }
    # pytest's plug-in comes before the settings, and prepares them.
    assert found == {"config/variables.py", "stack/pytest_plugin.py"}


def test_every_variable_is_read() -> None:
    read = "\n".join(path.read_text() for path in (ROOT / "config").glob("environment.py"))
    names = set(variables.PLAIN) | set(variables.SECRETS)
    assert {name for name in names if f'"{name}"' not in read} == set()


def test_a_variable_that_is_not_declared_cannot_be_read() -> None:
    with pytest.raises(AssertionError):
        variables.text("PARLEY_UNHEARD_OF")
    with pytest.raises(AssertionError):
        variables.secret("PORT")


def test_the_example_names_exactly_the_variables_that_are_read() -> None:
    named = re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert sorted(named) == sorted([*variables.PLAIN, *variables.SECRETS])


def test_the_example_sets_nothing_and_explains_everything() -> None:
    paragraphs = (ROOT / ".env.example").read_text().split("\n\n")[1:]
    assert len(paragraphs) > 15
    for paragraph in paragraphs:
        assert re.match(r"# .+\n(# .*\n)*(#[A-Z_]+=.*\n?)+$", paragraph), paragraph


def test_the_readme_has_every_variable() -> None:
    readme = (ROOT / "README.md").read_text()
    table = readme[readme.index("## Configuration") : readme.index("## How it scales")]
    named = set(re.findall(r"`([A-Z][A-Z_]+)`", table))
    assert named >= set(variables.PLAIN) | set(variables.SECRETS)
