"""Location of PostgreSQL's files and the user that runs it.

PostgreSQL refuses to run as root, and the user `nobody` cannot enter a private folder.
"""

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
# Its owner is checked.
PUBLIC = Path("/var/tmp")  # nosec B108


@dataclass(frozen=True)
class Location:
    """Programs, data folder, and the arguments of Popen that drop root's rights."""

    bin: Path
    data: Path
    limits: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    def make_folder(self, folder: Path) -> None:
        """Create a private folder for the user that runs PostgreSQL."""
        folder.mkdir(mode=0o700, parents=True)
        self.change_owner(folder)

    def change_owner(self, path: Path) -> None:
        """Change the owner of a file or folder to that user."""
        if self.limits:
            os.chown(path, self.limits["user"], self.limits["group"])


def locate(root: Path, programs: Path) -> Location:
    """The location below `root`; for the root user in a private folder, one below /var/tmp."""
    if os.geteuid() != 0:
        return Location(programs, root / "pg")
    user = pwd.getpwnam(LIMITED_USER)
    limits = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    if all(
        reachable(path, user.pw_uid, user.pw_gid)
        for path in (root, programs, programs / "postgres")
    ):
        return Location(programs, root / "pg", limits)
    folder = _public_folder(root)
    note = f"Root's private folder: the database's files are in {folder}."
    return Location(_copied(programs, folder), folder / "pg", limits, note)


def remove_outside(root: Path) -> None:
    """Remove what `locate` created outside of `root`."""
    shutil.rmtree(_outside(root), ignore_errors=True)


def _outside(root: Path) -> Path:
    return PUBLIC / f"parley-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:12]}"


def _public_folder(root: Path) -> Path:
    folder = _outside(root)
    folder.mkdir(exist_ok=True)
    found = folder.lstat()
    # Every user may write to /var/tmp: a folder of this name may belong to another user.
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
    """Make the files readable by all; with a strict umask the wheel's are private to root."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(
                path.stat().st_mode
                | (0o055 if path.is_dir() or os.access(path, os.X_OK) else 0o044)
            )


def main(folder: str) -> None:
    """`make clean`: remove what lies outside of the folder, unless Parley runs on it."""
    try:
        with only_one(Path(folder)):
            remove_outside(Path(folder))
    except StackError as error:
        sys.exit(f"parley: {error} Stop it first.")


if __name__ == "__main__":
    main(sys.argv[1])
