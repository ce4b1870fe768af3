"""Secrets and personal data that tests send to servers, and that no log may hold afterwards."""

import re
from pathlib import Path

NAME = "Zdravka-Canary Kowalczykova"
NUMBER = "4915203344551"
TEXT = "meet me behind the canary cage"
ADDRESS = "canary.cage@example.com"
TOKEN = "canarytoken-Zm9yYmlkZGVuIHRva2VuIGluIGxvZ3M"
KEY = "parley_0a1b2c3d_canaryCANARYcanaryCANARYcanaryCANARYcanary1"
CANARIES = (NAME, "Kowalczykova", NUMBER, TEXT, ADDRESS, TOKEN, KEY)
# A key of whatever test.
ANY_KEY = re.compile(rb"parley_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")


def found_in(text: str) -> list[str]:
    """Those that are in a text."""
    return [one for one in CANARIES if one in text]


def found_in_logs(folder: Path) -> list[str]:
    """`file: canary` of all logs below a folder, and `file: a key` for any API key."""
    found = []
    for log in sorted(folder.rglob("*.log*")):
        held = log.read_bytes()
        found += [f"{log}: {one}" for one in CANARIES if one.encode() in held]
        found += [f"{log}: a key"] * bool(ANY_KEY.search(held))
    return found
