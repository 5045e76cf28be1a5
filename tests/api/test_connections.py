"""What a client may take its time over, at a real server."""

import asyncio
import socket
from collections.abc import Iterator
from threading import Thread

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from api import connections
from api.connections import Connection
from tests.mariadb import free_port
from tests.waiting import wait_for

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
SECONDS = 2.0


async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that takes longer over an answer than a client may over a request's head."""
    await asyncio.sleep(2 * SECONDS)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A connection to a server."""
    monkeypatch.setattr(connections, "SECONDS", SECONDS)
    port = free_port()
    config = uvicorn.Config(slow, port=port, http=Connection, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started)
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connected:
            yield connected
    finally:
        server.should_exit = True
        thread.join()


def test_a_client_that_says_nothing_is_not_waited_for(client: socket.socket) -> None:
    assert client.recv(100) == b""


def test_nor_one_that_never_ends_its_head(client: socket.socket) -> None:
    client.settimeout(SECONDS / 10)
    client.sendall(REQUEST[:-2])
    told = None
    for number in range(1000):
        try:
            client.sendall(b"X-%d: more\r\n" % number)
            told = client.recv(100)
            break
        except TimeoutError:
            continue
        except ConnectionError:
            told = b""
            break
    assert told == b""


def test_an_answer_may_take_longer_and_the_next_request_be_asked_meanwhile(client: socket.socket) -> None:
    client.sendall(REQUEST * 2)
    answers = b""
    while part := client.recv(1000):
        answers += part
    assert answers.count(b"HTTP/1.1 204 ") == 2


def test_after_an_answer_the_next_request_is_waited_for_as_long(client: socket.socket) -> None:
    client.sendall(REQUEST)
    assert client.recv(1000).startswith(b"HTTP/1.1 204 ")
    client.sendall(b"GET ")
    assert client.recv(1000) == b""
