"""Where PostgreSQL's files lie, and as whom it runs: it refuses root, and nobody cannot enter a private folder."""

import hashlib
import os
import pwd
import shutil
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stack.lock import StackError, only_one
from stack.machine import reachable

LIMITED_USER = "nobody"
PUBLIC = Path("/var/tmp")


@dataclass(frozen=True)
class Place:
    """Programs, data folder, and the keywords of Popen that give up root."""

    bin: Path
    data: Path
    limits: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    def own(self, folder: Path) -> None:
        """Make a private folder of the user that PostgreSQL runs as."""
        folder.mkdir(mode=0o700, parents=True)
        self.give(folder)

    def give(self, path: Path) -> None:
        """Give a file or folder to that user."""
        if self.limits:
            os.chown(path, self.limits["user"], self.limits["group"])


def place(root: Path, programs: Path) -> Place:
    """Below `root`; for root in a private folder, in a folder of our own that nobody can reach."""
    if os.geteuid() != 0:
        return Place(programs, root / "pg")
    user = pwd.getpwnam(LIMITED_USER)
    limits = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    if all(
        reachable(path, user.pw_uid, user.pw_gid)
        for path in (root, programs, programs / "postgres")
    ):
        return Place(programs, root / "pg", limits)
    folder = _public_folder(root)
    note = f"Root's private folder: the database's files are in {folder}."
    return Place(_copied(programs, folder), folder / "pg", limits, note)


def forget(root: Path) -> None:
    """Remove what `place` put outside of `root`."""
    shutil.rmtree(_outside(root), ignore_errors=True)


def _outside(root: Path) -> Path:
    return PUBLIC / f"parley-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:12]}"


def _public_folder(root: Path) -> Path:
    folder = _outside(root)
    folder.mkdir(exist_ok=True)
    found = folder.lstat()
    # Everybody may write to /var/tmp: somebody else's folder of this name is not ours to trust.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0:
        raise StackError(f"{folder} is not root's own folder. Remove it, or set DATABASE_URL.")
    folder.chmod(0o711)
    return folder


def _copied(programs: Path, folder: Path) -> Path:
    package = programs.parent.parent
    found = (programs / "postgres").stat()
    version = hashlib.sha256(
        f"{programs} {found.st_size} {found.st_mtime_ns}".encode()
    ).hexdigest()[:12]
    home = folder / f"programs-{version}"
    copied = home / package.name / programs.parent.name
    if not home.exists():
        for older in folder.glob("programs-*"):
            shutil.rmtree(older)
        unfinished = folder / "programs-unfinished"
        shutil.copytree(
            programs.parent, unfinished / package.name / programs.parent.name, symlinks=True
        )
        for libraries in package.parent.glob(f"{package.name}.libs"):
            shutil.copytree(libraries, unfinished / libraries.name)
        _open_to_all(unfinished)
        unfinished.rename(home)
    return copied / programs.name


def _open_to_all(folder: Path) -> None:
    """A strict umask may have made the wheel's files private to root."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(
                path.stat().st_mode
                | (0o055 if path.is_dir() or os.access(path, os.X_OK) else 0o044)
            )


def main(folder: str) -> None:
    """`make clean`: what lies outside of the folder goes with it, unless Parley runs on it."""
    try:
        with only_one(Path(folder)):
            forget(Path(folder))
    except StackError as error:
        sys.exit(f"parley: {error} Stop it first.")


if __name__ == "__main__":
    main(sys.argv[1])
