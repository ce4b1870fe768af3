"""Outlives the supervisor to see that nothing else does: started by `up`, it waits for its parent's end of a pipe to close.

Linux signals each process when the supervisor dies, but a process may be slow to end without its servers, and
its children hear nothing. The guard gives each its patience, then ends its whole group.
"""

import sys
from pathlib import Path

from core.installation import read_json
from stack.supervised import end_all


def main(folder: str, supervisor: str) -> None:
    """End what `stack.json` names as that supervisor's; after an orderly stop it names nothing."""
    sys.stdin.buffer.read()
    known = read_json(Path(folder) / "stack.json")
    # A new supervisor may have come already, and has ended what the old one left.
    if known.get("supervisor", {}).get("started") == supervisor:
        end_all(known.get("processes", {}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
