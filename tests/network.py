"""No test reaches beyond this machine: one that tries fails, and says where to."""

import ipaddress
import socket
from typing import Any

_connect, _connect_ex, _getaddrinfo = (
    socket.socket.connect,
    socket.socket.connect_ex,
    socket.getaddrinfo,
)


class NetworkBlocked(RuntimeError):
    """A test tried to reach beyond this machine."""


def block() -> None:
    """From now on this process reaches loopback and sockets in files only."""
    socket.socket.connect = _guarded_connect  # type: ignore[method-assign, assignment]
    socket.socket.connect_ex = _guarded_connect_ex  # type: ignore[method-assign, assignment]
    socket.getaddrinfo = _guarded_getaddrinfo


def _guarded_connect(self: socket.socket, address: Any) -> None:
    _require_loopback(self.family, address)
    _connect(self, address)


def _guarded_connect_ex(self: socket.socket, address: Any) -> int:
    _require_loopback(self.family, address)
    return _connect_ex(self, address)


def _guarded_getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    # An address needs no look-up; whether it may be connected to is asked when somebody does.
    if name is not None and name != "localhost" and not _address(name) and not _old_address(name):
        raise NetworkBlocked(f"a test looked up {name!r}")
    return _getaddrinfo(host, *rest, **named)


def _require_loopback(family: int, address: Any) -> None:
    if family not in (socket.AF_INET, socket.AF_INET6) or address[0] == "localhost":
        return
    found = _address(address[0])
    if found is None or not (found.is_loopback or found.is_unspecified):
        raise NetworkBlocked(f"a test tried to connect to {address}")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _old_address(text: str) -> bool:
    """Whether the C library reads it as an IPv4 address: `0x7f.1` and `2130706433` are loopback."""
    try:
        return bool(socket.inet_aton(text))
    except OSError:
        return False
