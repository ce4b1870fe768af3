"""Fetching addresses that users chose: only public hosts, checked at the moment of connecting, within hard limits."""

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import certifi
import httpcore
from django.conf import settings

MAX_URL = 2048
PORTS = {"http": 80, "https": 443}
CONNECT_SECONDS = 5.0
# Prefixes that carry an IPv4 address inside, or lead nowhere of their own.
NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNWANTED = re.compile(r"[^\x21-\x7e]|\\")


class FetchFailed(Exception):
    """The address could not be fetched; the text says why, without saying what stands behind it."""


class NotReached(FetchFailed):
    """No connection came about: the host has certainly not seen the request."""


class AddressRefused(NotReached):
    """The address is not one that Parley connects to."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer: HTTP status, headers with lower-case names, the first `max_bytes` of the body, seconds taken."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Address:
    """A URL that may be asked, split."""

    scheme: str
    host: str
    port: int


def fetch(
    url: str,
    *,
    method: str = "GET",
    body: bytes | Iterator[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    max_bytes: int = 64 * 1024,
    timeout: float = 10.0,
) -> Fetched:
    """Ask one URL once, within `timeout` seconds in all; redirects are answers, not followed, nothing is unpacked.

    A body in pieces needs its content-length among the headers.
    Raises AddressRefused for a URL or host that is not public http(s), FetchFailed for everything that goes wrong.
    """
    check_url(url)
    started = time.monotonic()
    deadline = started + timeout
    backend = _CheckedBackend(deadline)
    try:
        with (
            httpcore.ConnectionPool(ssl_context=_trust(), network_backend=backend) as pool,
            pool.stream(method, url, headers=_header_list(headers), content=body) as response,
        ):
            kept, truncated = _first(response.iter_stream(), max_bytes)
            named = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in response.headers
            }
            return Fetched(response.status, named, kept, truncated, time.monotonic() - started)
    except FetchFailed:
        raise
    except (httpcore.TimeoutException, TimeoutError):
        raise FetchFailed(f"no answer within {timeout:g} s") from None
    except Exception as error:
        raise FetchFailed(_words(error)) from None


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"


def check_url(url: str) -> Address:
    """Split a URL that may be asked, without looking its host up; raises AddressRefused."""
    if len(url) > MAX_URL or _UNWANTED.search(url):
        raise AddressRefused(
            f"a URL has at most {MAX_URL} characters, all of them printable ASCII (names in punycode)"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("not a URL") from None
    if parts.scheme not in PORTS:
        raise AddressRefused("a URL begins with http:// or https://")
    if not parts.hostname or "@" in parts.netloc:
        raise AddressRefused("a URL names a host, and no user")
    port = port or PORTS[parts.scheme]
    if port not in PORTS.values() and not settings.ALLOW_PRIVATE_URLS:
        raise AddressRefused("only ports 80 and 443 are asked")
    return Address(parts.scheme, parts.hostname, port)


def is_public(text: str) -> bool:
    """Whether an IP address leads to the public internet, also when it is wrapped in another."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address in NAT64:
            return False
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return is_public(str(inner))
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )


def _header_list(headers: Mapping[str, str] | None) -> list[tuple[str, str]]:
    given = {"user-agent": "Parley/1", "accept": "*/*"} | {
        k.lower(): v for k, v in (headers or {}).items()
    }
    return list(given.items())


def _first(chunks: Iterable[bytes], limit: int) -> tuple[bytes, bool]:
    kept = bytearray()
    for chunk in chunks:
        kept += chunk
        if len(kept) > limit:
            return bytes(kept[:limit]), True
    return bytes(kept), False


@cache
def _trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _addresses(host: str, port: int, deadline: float) -> list[str]:
    """Every address of a host, looked up once; a resolver that hangs is left behind."""
    found: dict[str, Any] = {}

    def look_up() -> None:
        try:
            found["rows"] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            found["error"] = error

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(min(CONNECT_SECONDS, max(deadline - time.monotonic(), 0)))
    if "rows" not in found:
        raise NotReached("the host's name was not found")
    return list(dict.fromkeys(str(row[4][0]) for row in found["rows"]))


@dataclass
class _CheckedBackend(httpcore.SyncBackend):
    """Connects to the very address that was checked; what the name means later does not matter."""

    deadline: float
    inner: httpcore.SyncBackend = field(default_factory=httpcore.SyncBackend)

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        addresses = _addresses(host, port, self.deadline)
        if not settings.ALLOW_PRIVATE_URLS and not all(map(is_public, addresses)):
            raise AddressRefused("the host is not on the public internet")
        fault = NotReached("the host has no address")
        for address in addresses:
            try:
                left = min(CONNECT_SECONDS, _left(self.deadline))
                return _TimedStream(
                    self.inner.connect_tcp(address, port, timeout=left), self.deadline
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout, TimeoutError) as error:
                fault = NotReached(_words(error))
        raise fault


@dataclass
class _TimedStream(httpcore.NetworkStream):
    """A connection whose every step ends at one deadline, so that dripping bytes cannot hold a worker."""

    inner: httpcore.NetworkStream
    deadline: float

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.inner.read(max_bytes, _left(self.deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.inner.write(buffer, _left(self.deadline))

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        try:
            secured = self.inner.start_tls(ssl_context, server_hostname, _left(self.deadline))
        except (httpcore.ConnectError, httpcore.ConnectTimeout, TimeoutError) as error:
            raise NotReached(_words(error)) from None
        return _TimedStream(secured, self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
