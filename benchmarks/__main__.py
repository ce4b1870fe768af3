"""`python -m benchmarks [name …]`: run the named benchmarks, or all."""

import importlib
import sys
from pathlib import Path

NOT_BENCHMARKS = {"__init__", "__main__", "report", "servers", "http_load", "plans"}


def main() -> None:
    """Run the benchmarks one after the other, each on servers of its own."""
    known = sorted(
        path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in NOT_BENCHMARKS
    )
    wanted = sys.argv[1:] or known
    if unknown := set(wanted) - set(known):
        sys.exit(
            f"There is no benchmark {', '.join(sorted(unknown))}. There are: {', '.join(known)}"
        )
    for name in wanted:
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
