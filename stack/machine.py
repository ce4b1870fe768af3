"""What the machine answers: free ports, living processes, and who can reach a folder."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether we could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def leash(number: int = signal.SIGTERM) -> Callable[[], None]:
    """What a child calls before exec, so that Linux sends it `number` when we die, even by kill -9.

    Elsewhere there is no such thing: the next start stops what a killed supervisor left behind.
    """
    parent = os.getpid()

    def hold() -> None:
        if LIBC is None:
            return
        LIBC.prctl(PR_SET_PDEATHSIG, number)
        # The parent may have died between fork and prctl.
        if os.getppid() != parent:
            os._exit(1)

    return hold


def signal_group(pid: int, number: int) -> None:
    """Signal a process and the children of its group, if any still lives."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def reachable(path: Path, uid: int, gid: int) -> bool:
    """Whether that user could open the path; asked by a child that is that user, so no permission has to change."""
    asked = subprocess.run(
        ["/bin/sh", "-c", 'test -r "$1" && test -x "$1"', "sh", str(path)],
        cwd="/",
        user=uid,
        group=gid,
        extra_groups=[],
    )
    return asked.returncode == 0
