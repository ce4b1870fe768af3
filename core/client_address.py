"""Who a request comes from, where proxies stand in front.

`TRUSTED_PROXIES` names the proxies' networks. What they add to `X-Forwarded-For` and
`X-Forwarded-Proto` is believed; from everybody else these headers are removed, so that nothing
behind this middleware can take them for true.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

Network = IPv4Network | IPv6Network
FORWARDED = (
    "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT", "HTTP_X_REAL_IP", "HTTP_FORWARDED",
)  # fmt: skip
# Which of these an untrusted peer had sent: it may be a proxy that nobody has named.
UNTRUSTED = "parley.forwarded_by_untrusted"


class ClientAddressMiddleware:
    """Sets `REMOTE_ADDR` to the client's address as the last trusted proxy saw it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on, with an address and a scheme that can be believed."""
        meta = request.META
        if _is_proxy(meta.get("REMOTE_ADDR", ""), settings.TRUSTED_PROXIES):
            meta["REMOTE_ADDR"] = client_of(
                meta.get("HTTP_X_FORWARDED_FOR", ""), settings.TRUSTED_PROXIES
            ) or meta.get("REMOTE_ADDR", "")
            meta["HTTP_X_FORWARDED_PROTO"] = (
                meta.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip()
            )
        else:
            meta[UNTRUSTED] = [name for name in FORWARDED if meta.pop(name, None) is not None]
        return self.get_response(request)


def is_certain(request: HttpRequest) -> bool:
    """Whether `REMOTE_ADDR` is the client: False where an unnamed proxy may stand between."""
    return not request.META.get(UNTRUSTED)


def client_of(forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The last address of an `X-Forwarded-For` that is no trusted proxy's.

    Where all are trusted, the first; empty where the header has no valid address at that place.
    What stands before the last untrusted address was written by the client itself.
    """
    found = ""
    for part in reversed(forwarded_for.split(",")):
        address = _address(part.strip())
        if address is None:
            return found
        found = str(address)
        if not _is_proxy(found, trusted):
            return found
    return found


def _is_proxy(peer: str, trusted: Sequence[Network]) -> bool:
    # A Unix socket has no address: who may open it is decided by its folder.
    if not peer:
        return True
    address = _address(peer) if trusted else None
    return address is not None and any(address in network for network in trusted)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    # With a port, as some proxies write it: 192.0.2.1:4711, [2001:db8::1]:4711.
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    with suppress(ValueError):
        address = ip_address(text)
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return mapped or address
    return None
