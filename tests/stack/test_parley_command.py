"""`python -m parley`: every command that its help names is one that there is."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import get_commands

import parley


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "parley", *arguments],
        cwd=settings.BASE_DIR,
        env=os.environ | {"PARLEY_SERVERS": "none"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_command_is_one_of_manage() -> None:
    known = {*get_commands(), "up", "install-service", "remove-service"}
    assert {command.name or name for name, command in parley.COMMANDS.items()} <= known


def test_help_and_what_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert parley.main([]) == 0
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in parley.COMMANDS)
    assert parley.main(["bake"]) == 2
    assert capsys.readouterr().err.startswith("parley: there is no command 'bake'.")
    assert parley.main(["serve"]) == 2


def test_a_command_runs_under_its_own_name() -> None:
    ended = run("close-period", "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "month" in ended.stdout
