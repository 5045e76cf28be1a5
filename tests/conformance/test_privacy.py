import http.client
import socket
from urllib.parse import urlsplit

import pytest

from tests.programs import Served

HERE, AWAY = "127.0.0.2", "203.0.113.7"
"""Where requests come from, and where a proxy says they do."""

TOLD = {"Cookie": "session=1", "X-Forwarded-For": AWAY, "Forwarded": f"for={AWAY}"}
QUERY = "/graphql?query={index{engine}}"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", QUERY),
        ("POST", "/graphql"),
        ("GET", "/search"),
        ("GET", "/no"),
        ("PUT", "/hash"),
    ],
)
def test_there_are_no_cookies_and_no_addresses_in_the_log(served: Served, method: str, path: str) -> None:
    address = urlsplit(served.url)
    connection = http.client.HTTPConnection(
        str(address.hostname), address.port, timeout=60, source_address=(HERE, 0)
    )
    connection.request(method, path, headers=TOLD)
    response = connection.getresponse()
    response.read()
    connection.close()
    assert response.status < 500
    assert response.headers.get("Set-Cookie") is None
    assert response.headers.get("Server") is None
    log = served.log.read_text()
    assert HERE not in log
    assert AWAY not in log


def test_what_is_no_http_is_not_logged_with_an_address(served: Served) -> None:
    address = urlsplit(served.url)
    with socket.create_connection(
        (address.hostname, address.port), timeout=60, source_address=(HERE, 0)
    ) as client:
        client.sendall(b"nonsense\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 400")
    assert HERE not in served.log.read_text()


def test_there_is_no_websocket(served: Served) -> None:
    address = urlsplit(served.url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as client:
        upgrade = (
            "GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
        )
        client.sendall(upgrade.encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 400")
