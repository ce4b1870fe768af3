"""The development mailbox: only with the demo on a loopback address, for readers on this
machine.
"""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from core import outbox
from core.tenancy import scope
from tests.factories import make_business


@pytest.fixture
def mailbox(settings: Any, tmp_path: Path, db: None) -> Path:
    settings.EMAIL_BACKEND = "core.outbox.files.EmailBackend"
    settings.EMAIL_FILE_PATH = settings.MAIL_FOLDER = str(tmp_path / "mail")
    business = make_business()
    with scope(business.pk):
        outbox.write(
            outbox.Content("test", "Your code", "Code 123456\n"),
            key="1",
            recipients=["ann@example.com"],
            business_id=business.pk,
        )
    assert outbox.send_due() == 1
    return tmp_path / "mail"


def test_mails_are_files_that_nobody_else_can_read(mailbox: Path) -> None:
    (file,) = mailbox.iterdir()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (mailbox, file)]
    assert modes == [0o700, 0o600]
    assert b"Code 123456" in file.read_bytes()


def test_the_page_shows_the_mails_whatever_host_is_named(mailbox: Path, client: Client) -> None:
    for host in ("localhost", "127.0.0.1:9000", "[::1]"):
        page = client.get("/mails/", HTTP_HOST=host).content.decode()
        assert "Code 123456" in page
        assert "<title>Development mailbox" in page


@pytest.mark.parametrize(
    "request_of_another",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"HTTP_X_FORWARDED_FOR": "203.0.113.5"},
        {"HTTP_X_FORWARDED_FOR": "203.0.113.5, 127.0.0.1"},
        {"HTTP_FORWARDED": "for=203.0.113.5"},
        # Nobody trusts this proxy, so it may say what its client made up.
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        # By the socket of the front, which is trusted.
        {"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "203.0.113.5"},
        {"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "127.0.0.1, 203.0.113.5"},
    ],
)
def test_nobody_elsewhere_is_shown_any(
    mailbox: Path, client: Client, request_of_another: dict[str, Any]
) -> None:
    answer = client.get("/mails/", HTTP_HOST="127.0.0.1", **request_of_another)
    assert answer.status_code == 404
    assert b"123456" not in answer.content
    here = client.get("/mails/", REMOTE_ADDR="", HTTP_X_FORWARDED_FOR="127.0.0.1")
    assert here.status_code == 200


def test_without_the_setting_there_is_no_page(mailbox: Path, client: Client, settings: Any) -> None:
    settings.MAIL_FOLDER = ""
    assert client.get("/mails/").status_code == 404
    assert "/mails/" not in client.get("/account/login/").content.decode()
    settings.MAIL_FOLDER = str(mailbox)
    assert "Development mailbox" in client.get("/account/login/").content.decode()


@pytest.mark.parametrize(
    ("environment", "is_shown"),
    [
        ({}, True),
        ({"BASE_URL": "http://localhost:9000"}, True),
        ({"PARLEY_DEMO": "0"}, False),
        ({"BASE_URL": "https://chat.example"}, False),
        ({"EMAIL_URL": "smtp://mail.example:25/folder"}, False),
    ],
)
def test_settings_decide_whether_there_is_one(
    environment: dict[str, str], is_shown: bool, tmp_path: Path
) -> None:
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    known = {"PARLEY_VAR": str(tmp_path), "PARLEY_SERVERS": "none", "DEBUG": "1"}
    code = "from config import settings; print(settings.MAIL_FOLDER)"
    reported = subprocess.run(
        [sys.executable, "-c", code],
        env=clean | known | environment,
        cwd=django_settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    assert reported.stdout.strip() == (str(tmp_path / "mail") if is_shown else "")
