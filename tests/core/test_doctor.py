"""`manage.py doctor` finds planted faults, and says what to do about each."""

import socket
import threading
from contextlib import closing
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from core import doctor, encryption, heartbeat
from core.doctor import Level
from core.tenancy import system
from hosting.inbound import events
from hosting.models import Event
from tests.factories import make_business, make_number

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def installation(settings: Any, tmp_path: Path) -> Path:
    """A private folder, and settings as an installation on one machine has them."""
    tmp_path.chmod(0o700)
    settings.ENV = SimpleNamespace(var=tmp_path)
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.BASE_URL = "http://127.0.0.1:1"
    return tmp_path


def found(name: str) -> tuple[Level, str, str]:
    finding = dict(doctor.examine())[name]
    return finding.level, finding.text, finding.mend


def test_a_sound_installation_is_good_but_for_what_does_not_run_here() -> None:
    heartbeat.beat()
    levels = {name: finding.level for name, finding in doctor.examine()}
    # There is no web at the address of this test; the size of its disk is not ours to decide.
    assert {levels.pop(name) for name in ("address",)} == {Level.BAD}
    del levels["disk"], levels["fsync"]
    assert set(levels.values()) == {Level.GOOD}


def test_a_short_secret_key(settings: Any) -> None:
    settings.SECRET_KEY = "short"
    level, text, mend = found("secrets")
    assert (level, text) == (Level.BAD, "SECRET_KEY has 5 characters.")
    assert "32 random characters" in mend


def test_a_key_that_encrypts_nothing(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [*settings.ENCRYPTION_KEYS, "no key"]
    assert found("secrets")[:2] == (
        Level.BAD,
        "PARLEY_ENCRYPTION_KEYS has a value that is no Fernet key.",
    )


def test_a_key_that_does_not_open_what_is_stored(settings: Any) -> None:
    make_number(make_business())
    assert found("encryption")[0] == Level.GOOD
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    encryption._cipher.cache_clear()
    try:
        level, text, mend = found("encryption")
    finally:
        encryption._cipher.cache_clear()
    assert (level, text) == (
        Level.BAD,
        "PARLEY_ENCRYPTION_KEYS does not open hosting_account.app_secret.",
    )
    assert "Put the key that encrypted it back" in mend


def test_files_that_others_can_read(installation: Path) -> None:
    (installation / "secrets.json").write_text("{}")
    (installation / "secrets.json").chmod(0o644)
    level, text, mend = found("permissions")
    assert level == Level.BAD
    assert "secrets.json" in text
    assert mend == f"chmod -R go-rwx {installation}"


def test_a_broker_that_is_away(settings: Any) -> None:
    settings.REDIS_URL = "redis://:hunter2@127.0.0.1:1/0"
    level, text, mend = found("broker")
    assert (level, text) == (Level.BAD, "It could not be examined: ConnectionError.")
    assert "hunter2" not in text + mend
    assert mend == "Start Valkey, or correct REDIS_URL."


def test_a_mail_server_that_is_away_and_mails_in_files_on_a_public_server(settings: Any) -> None:
    settings.EMAIL_BACKEND = "core.outbox.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert found("mail")[0] == Level.BAD
    settings.EMAIL_BACKEND = "core.outbox.files.EmailBackend"
    assert found("mail")[0] == Level.GOOD
    settings.BASE_URL = "https://chat.example.com"
    assert found("mail")[:2] == (Level.BAD, "Mails are written to files.")


def test_an_address_without_tls_unknown_or_of_another_program(settings: Any) -> None:
    settings.BASE_URL = "http://chat.example.com"
    assert found("address")[:2] == (Level.BAD, "http://chat.example.com is not encrypted.")
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def answer() -> None:
            peer, _ = server.accept()
            peer.recv(1000)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            peer.close()

        threading.Thread(target=answer, daemon=True).start()
        settings.BASE_URL = f"http://127.0.0.1:{server.getsockname()[1]}"
        level, text, _ = found("address")
    assert (level, text.partition(" answers")[2]) == (Level.BAD, ", but not as Parley does.")


def test_debug_and_any_host_on_a_public_server(settings: Any) -> None:
    settings.BASE_URL = "https://chat.example.com"
    settings.ALLOWED_HOSTS = ["*"]
    assert found("hosts")[0] == Level.WARNING
    settings.DEBUG = True
    assert found("hosts")[:2] == (Level.BAD, "DEBUG shows the code and settings to everybody.")


def test_a_worker_that_is_silent_or_behind() -> None:
    assert found("worker")[:2] == (Level.BAD, "No worker has run yet.")
    heartbeat.beat()
    assert found("worker")[0] == Level.GOOD
    number = make_number(make_business())
    with system("test"), connection.cursor() as cursor:
        events.store_event(body=b"{}", account_id=number.account_id)
        cursor.execute(
            f"UPDATE {Event._meta.db_table} SET not_before = now() - interval '10 minutes'"
        )
    level, text, _ = found("worker")
    assert level == Level.WARNING
    assert text.startswith("The queue events is 6")


def test_a_storage_that_cannot_be_written(settings: Any, installation: Path) -> None:
    (installation / "file").write_text("")
    settings.MEDIA_ROOT = installation / "file"
    level, _, mend = found("storage")
    assert level == Level.BAD
    assert mend.startswith("Correct MEDIA_URL")


def test_a_schema_that_lacks_a_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MigrationRecorder, "applied_migrations", lambda _self: {})
    level, text, mend = found("migrations")
    assert level == Level.BAD
    assert "migrations are missing" in text
    assert mend == "Run `manage.py migrate`."


def test_the_command_prints_every_line_and_fails_where_something_is_bad() -> None:
    heartbeat.beat()
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", stdout=out, stderr=err)
    assert ended.value.code == 1
    lines = out.getvalue().splitlines()
    named = [line.split()[1] for line in lines if not line.strip().startswith("->")]
    assert named == list(doctor.EXAMINATIONS)
    assert err.getvalue().strip() == f"1 of {len(doctor.EXAMINATIONS)} examinations are bad."


def test_every_examination_has_a_mend_and_a_docstring() -> None:
    assert set(doctor.MENDS) == set(doctor.EXAMINATIONS)
    assert all(run.__doc__ for run in doctor.EXAMINATIONS.values())
