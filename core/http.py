"""HTTP requests to URLs that users set.

Only public hosts are reached, verified at connect time; time, size and ports are limited.
"""

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

from core import outbound

MAX_URL = 2048
PORTS = {"http": 80, "https": 443}
CONNECT_SECONDS = 5.0
# Addresses with this prefix contain an IPv4 address.
NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNWANTED = re.compile(r"[^\x21-\x7e]|\\")


class FetchFailed(Exception):
    """The request failed; the text says why and reveals nothing about the host behind the URL."""


class NotReached(FetchFailed):
    """No connection was made: the host has certainly not received the request."""


class AddressRefused(NotReached):
    """The URL is one that Parley does not connect to."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A response: status, headers by lower-case name, body, and seconds taken.

    `truncated` where the body was longer than the `max_bytes` of the request.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Address:
    """Scheme, host and port of a URL that may be requested."""

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
    """Send one request and return the response, within `timeout` seconds in all.

    Inside of a web request it is shorter, and needs a slot (`core.outbound`). Redirects are
    returned, not followed; bodies are not decompressed. A `body` that is an iterator needs a
    content-length header. Raises AddressRefused for a URL or host that is not public
    http(s), NotReached where no connection was made, FetchFailed for every other failure.
    """
    check_url(url)
    timeout = outbound.limited(timeout)
    if timeout <= 0:
        raise NotReached("the time for it was used up")
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
        raise FetchFailed(f"no answer within {round(timeout, 1):g} s") from None
    except Exception as error:
        raise FetchFailed(_describe(error)) from None


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"


def check_url(url: str) -> Address:
    """Parse a URL without resolving its host; AddressRefused where it may not be requested."""
    if len(url) > MAX_URL or _UNWANTED.search(url):
        raise AddressRefused(
            f"a URL has at most {MAX_URL} characters, all of them printable ASCII"
            " (names in punycode)"
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
    """Whether an IP address is public, also where an IPv6 address contains an IPv4 address."""
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
    """All addresses of a host; NotReached where the resolver fails or takes too long.

    The look-up runs in a thread, since getaddrinfo has no timeout.
    """
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
    """Connects to the IP address that was verified, so that DNS cannot change it in between."""

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
                fault = NotReached(_describe(error))
        raise fault


@dataclass
class _TimedStream(httpcore.NetworkStream):
    """A connection with one deadline for all steps, so that a slow host cannot hold a worker."""

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
            raise NotReached(_describe(error)) from None
        return _TimedStream(secured, self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
