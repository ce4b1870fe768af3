"""The client's address and scheme come from trusted proxies only."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from core.client_address import ClientAddressMiddleware, client_of, is_certain

PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48")]


@pytest.fixture(autouse=True)
def proxies(settings: Any) -> None:
    settings.TRUSTED_PROXIES = PROXIES


def passed_on(**meta: str) -> HttpRequest:
    """The request as a view sees it."""
    seen = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    ClientAddressMiddleware(view)(RequestFactory().get("/", **meta))  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize(
    ("header", "client"),
    [
        ("203.0.113.5", "203.0.113.5"),
        # The client wrote the first itself; the proxy added the second.
        ("6.6.6.6, 203.0.113.5", "203.0.113.5"),
        ("6.6.6.6, 203.0.113.5, 10.1.2.3", "203.0.113.5"),
        ("10.9.9.9, 10.1.2.3", "10.9.9.9"),
        ("2001:db8:2::7", "2001:db8:2::7"),
        ("[2001:db8:2::7]:4711", "2001:db8:2::7"),
        ("203.0.113.5:4711", "203.0.113.5"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("203.0.113.5, 2001:db8:1::9", "203.0.113.5"),
        ("203.0.113.5, unknown", ""),
        ("203.0.113.5, unknown, 10.0.0.1", "10.0.0.1"),
        ("", ""),
        ("'; DROP TABLE", ""),
        ("203.0.113.999", ""),
    ],
)
def test_the_client_is_the_last_that_is_no_proxy(header: str, client: str) -> None:
    assert client_of(header, PROXIES) == client


@pytest.mark.parametrize("peer", ["10.1.2.3", "2001:db8:1::1", "::ffff:10.1.2.3", ""])
def test_a_trusted_peer_is_believed(peer: str) -> None:
    seen = passed_on(
        REMOTE_ADDR=peer,
        HTTP_X_FORWARDED_FOR="6.6.6.6, 203.0.113.5",
        HTTP_X_FORWARDED_PROTO="http, https",
    )
    assert seen.META["REMOTE_ADDR"] == "203.0.113.5"
    assert seen.is_secure()
    assert is_certain(seen)


@pytest.mark.parametrize("peer", ["203.0.113.9", "127.0.0.1", "11.0.0.1", "garbage"])
def test_what_others_say_is_removed(peer: str) -> None:
    seen = passed_on(
        REMOTE_ADDR=peer,
        HTTP_X_FORWARDED_FOR="10.1.2.3",
        HTTP_X_FORWARDED_PROTO="https",
        HTTP_X_FORWARDED_HOST="evil.example",
        HTTP_FORWARDED="for=10.1.2.3;proto=https",
    )
    assert seen.META["REMOTE_ADDR"] == peer
    assert not seen.is_secure()
    assert not [name for name in seen.headers if "Forwarded" in name]
    assert not is_certain(seen)


def test_a_trusted_peer_that_says_nothing_is_itself() -> None:
    seen = passed_on(REMOTE_ADDR="10.1.2.3")
    assert seen.META["REMOTE_ADDR"] == "10.1.2.3"
    assert not seen.is_secure()
