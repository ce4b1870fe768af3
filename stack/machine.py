"""The operating system: free ports, signals to processes, access of users to folders."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def free_port() -> int:
    """A TCP port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on this port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def status_on_socket(path: str, url: str) -> int:
    """Status of a GET from the server on a Unix socket; raises what a connection raises."""
    asking = HTTPConnection("localhost", timeout=2)
    asking.sock = socket.socket(socket.AF_UNIX)
    with contextlib.closing(asking):
        asking.sock.settimeout(2)
        asking.sock.connect(path)
        asking.request("GET", url)
        return asking.getresponse().status


def end_with_parent(number: int = signal.SIGTERM) -> Callable[[], None]:
    """A `preexec_fn` by which Linux sends a child signal `number` when this process dies.

    Also after kill -9. Other systems have no such signal: there the next start ends what a killed
    supervisor left behind.
    """
    parent = os.getpid()

    def request_signal() -> None:
        if LIBC is None:
            return
        LIBC.prctl(PR_SET_PDEATHSIG, number)
        # The parent may have died between fork and prctl.
        if os.getppid() != parent:
            os._exit(1)

    return request_signal


def signal_group(pid: int, number: int) -> None:
    """Signal the process group of a process; does nothing where none of it lives."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def reachable(path: Path, uid: int, gid: int) -> bool:
    """Whether a user can enter a folder, or read and run a file; a child of that user tests it."""
    asked = subprocess.run(
        ["/bin/sh", "-c", 'test -x "$1" && { test -d "$1" || test -r "$1"; }', "sh", str(path)],
        cwd="/",
        user=uid,
        group=gid,
        extra_groups=[],
    )
    return asked.returncode == 0
