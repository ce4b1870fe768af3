"""Guard: ends the processes of a supervisor that was killed.

`up` starts it; it waits until its parent's end of a pipe closes. Linux signals each process when
the supervisor dies, but a process may be slow to end without its servers, and its children get no
signal. The guard waits for each as long as its `patience`, then kills its group.
"""

import sys
from pathlib import Path

from core.installation import read_json
from stack.process import end_all


def main(folder: str, supervisor: str) -> None:
    """End the processes that `stack.json` lists for this supervisor; none after an orderly stop."""
    sys.stdin.buffer.read()
    known = read_json(Path(folder) / "stack.json")
    # A new supervisor may have started already, and has ended what the old one left.
    if known.get("supervisor", {}).get("started") == supervisor:
        end_all(known.get("processes", {}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
