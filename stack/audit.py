"""`make audit`: known faults of what the locks pin; skipped, with the reason, without an index."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.txt", "requirements-dev.txt")
SECONDS = 300


def main(program: str) -> int:
    """Ask about every lock; returns the exit code: 1 where a fault is known."""
    return max(_ask(program, lock) for lock in LOCKS)


def _ask(program: str, lock: str) -> int:
    command = [program, "--require-hashes", "--disable-pip", "--progress-spinner=off"]
    command += ["--format=json", "-r", str(ROOT / lock)]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        found = json.loads(ended.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        print(f"{lock}: skipped, the index did not answer within {SECONDS} s")
        return 0
    except (ValueError, KeyError):
        print(f"{lock}: skipped, {ended.stderr.strip()[-200:] or 'pip-audit said nothing'}")
        return 0
    asked = [one for one in found if "skip_reason" not in one]
    faulty = [one for one in asked if one["vulns"]]
    for one in faulty:
        known = ", ".join(fault["id"] for fault in one["vulns"])
        print(f"{lock}: {one['name']} {one['version']}: {known}")
    if not asked:
        print(f"{lock}: skipped, the index knows none of its {len(found)} packages")
    else:
        print(f"{lock}: {len(asked)} of {len(found)} packages asked about, {len(faulty)} faulty")
    return int(bool(faulty))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
