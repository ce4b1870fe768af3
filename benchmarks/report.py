"""Output of benchmarks: a table, and a line of JSON per figure for scripts."""

import json
import os
import platform
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """A figure and the limit that it is compared with; None for no limit."""

    bench: str
    figure: str
    ours: float
    limit: float | None
    unit: str

    @property
    def ratio(self) -> float | None:
        """Ours divided by the limit."""
        return round(self.ours / self.limit, 3) if self.limit else None


def show(title: str, figures: list[Figure]) -> None:
    """Print the table, then the JSON lines."""
    print(f"\n{title}  ({os.cpu_count()} cores, Python {platform.python_version()})")
    print(f"  {'figure':<58}{'ours':>14}{'limit':>14}{'ratio':>8}  unit")
    for f in figures:
        limit = f"{f.limit:,.1f}" if f.limit is not None else ""
        ratio = f"{f.ratio:.2f}" if f.ratio is not None else ""
        print(f"  {f.figure:<58}{f.ours:>14,.1f}{limit:>14}{ratio:>8}  {f.unit}")
    for f in figures:
        print(json.dumps({**asdict(f), "ours": round(f.ours, 3), "ratio": f.ratio}), flush=True)
