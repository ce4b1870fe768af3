"""Whether static files must be collected before `up` starts the web."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.environment import BASE_DIR
from stack.commands import COLLECT

# Beside what was collected: of which sources.
STAMP = ".collected-from"


@contextmanager
def collection(folder: Path) -> Iterator[list[list[str]]]:
    """Yield the command that collects into `folder`, or none where its sources are the same.

    What was collected is noted once the block has ended well.
    """
    stamp, sources = folder / STAMP, _sources()
    if stamp.is_file() and stamp.read_text() == sources:
        yield []
        return
    yield [COLLECT]
    stamp.write_text(sources)


def _sources() -> str:
    """A hash of our static files and of the versions of the packages that bring others."""
    found = hashlib.sha256()
    files = (path for path in (BASE_DIR / "static").rglob("*") if path.is_file())
    for path in [BASE_DIR / "requirements.txt", *sorted(files)]:
        found.update(str(path.relative_to(BASE_DIR)).encode() + path.read_bytes())
    return found.hexdigest()
