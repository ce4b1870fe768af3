"""What is installed is pinned by hash and names no host."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def pins(name: str) -> dict[str, str]:
    entries = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    found = {}
    for entry in entries:
        pin = re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*])?==(\S+)( ;[^-]*)?( +--hash=sha256:[0-9a-f]{64})+ *$", entry)
        assert pin, entry[:100]
        found[f"{pin[1]}{(pin[3] or '').rstrip()}"] = pin[2]
    return found


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_line_is_a_pin_with_hashes_and_no_host(name: str) -> None:
    assert len(pins(name)) > 100
    assert "://" not in (ROOT / name).read_text()


def test_what_is_tested_is_what_runs() -> None:
    tested = pins("requirements-dev.txt")
    assert {key: tested.get(key) for key in pins("requirements.txt")} == pins("requirements.txt")
