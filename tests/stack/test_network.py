"""No test reaches beyond this machine."""

import socket

import httpx
import pytest

from tests.network import NetworkBlocked


@pytest.mark.parametrize(
    "url", ["https://example.com/", "http://192.0.2.1/", "http://[2001:db8::1]/"]
)
def test_other_machines_are_out_of_reach(url: str) -> None:
    with pytest.raises(NetworkBlocked):
        httpx.get(url)


def test_loopback_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        socket.create_connection(("localhost", port)).close()
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) == 0
