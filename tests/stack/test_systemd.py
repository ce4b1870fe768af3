"""Units for systemd: they verify, are hardened, and are removed again."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stack import systemd

ROOT = Path(__file__).parents[2]
URLS = {"DATABASE_URL": "postgresql://parley_app:secret@db/parley", "REDIS_URL": "redis://r/0"}
PROCESSES = ["beat", "live", "migrate", "web", "worker"]


def run(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT, env=clean | environment, capture_output=True, text=True,
    )  # fmt: skip


@pytest.fixture(params=["own servers", "given servers"])
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    given = URLS if request.param == "given servers" else {}
    ended = run("install-service", "--root", str(tmp_path), "--user", "daemon", **given)
    assert ended.returncode == 0, ended.stderr
    return tmp_path / "etc" / "systemd" / "system"


def test_each_unit_is_hardened_and_systemd_verifies_it(installed: Path) -> None:
    found = sorted(installed.glob("*.service"))
    assert found
    for path in found:
        text = path.read_text()
        assert "\nNoNewPrivileges=yes\n" in text
        assert "\nProtectSystem=strict\n" in text
        assert "\nUser=daemon\n" in text
        # No secret stands in a unit, which everybody may read.
        assert "secret" not in text
    if not shutil.which("systemd-analyze"):
        pytest.skip("this machine has no systemd-analyze")
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *found], capture_output=True, text=True
    )
    about_ours = [line for line in verified.stderr.splitlines() if "parley" in line]
    assert about_ours == []


def test_one_unit_runs_everything_or_each_process_has_its_own(tmp_path: Path) -> None:
    assert run("install-service", "--print").stdout.count("[Unit]") == 1
    printed = run("install-service", "--print", **URLS).stdout
    named = re.findall(r"^# parley-(\w+)\.service$", printed, re.MULTILINE)
    assert sorted(set(named) - {"front"}) == PROCESSES
    assert "# parley.target" in printed
    assert not list(tmp_path.iterdir())


def test_only_what_listens_on_low_ports_may_do_so() -> None:
    for name, text in systemd.units("daemon", Path("/var/lib/parley")).items():
        assert ("AmbientCapabilities=CAP_NET_BIND_SERVICE" in text) == (
            name.removesuffix(".service") in systemd.LISTENS_LOW
        )


def test_settings_are_kept_for_root_alone_and_stay(tmp_path: Path) -> None:
    asked = ["install-service", "--root", str(tmp_path)]
    worker = {"DATABASE_WORKER_URL": "postgresql://parley_worker:hidden@db/parley"}
    run(*asked, **URLS, **worker, DOMAIN="chat.example.com", ACME_EMAIL="ops@example.com")
    units = tmp_path / "etc" / "systemd" / "system"
    # The web has no login of the workers.
    assert "workers.env" in (units / "parley-worker.service").read_text()
    assert "workers.env" not in (units / "parley-web.service").read_text()
    assert "hidden" in (tmp_path / "etc" / "parley" / "workers.env").read_text()
    file = tmp_path / "etc" / "parley" / "parley.env"
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    kept = file.read_text()
    assert 'DATABASE_URL="postgresql://parley_app:secret@db/parley"\n' in kept
    assert 'SITE="chat.example.com"\n' in kept
    assert "PATH=" not in kept
    assert "hidden" not in kept
    run(*asked, **URLS, DOMAIN="other.example.com")
    assert file.read_text() == kept


def test_removing_leaves_settings_and_other_units(installed: Path) -> None:
    (installed / "other.service").write_text("")
    ended = run("remove-service", "--root", str(installed.parents[2]))
    assert ended.returncode == 0, ended.stderr
    assert [path.name for path in installed.iterdir()] == ["other.service"]
    assert (installed.parents[2] / "etc" / "parley" / "parley.env").exists()
