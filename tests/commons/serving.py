"""Servers that answer as badly as a test wants, over HTTP/1.1 and, with TLS, HTTP/2."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived
from h2.exceptions import ProtocolError

FRAME = 16384


class Request(NamedTuple):
    """A request as it came, when (monotonic seconds), and the ways to answer it.

    ``number`` counts the server's requests from 0. Over HTTP/2 an answer is made with ``http2`` and
    ``stream``.
    """

    number: int
    path: str
    headers: dict[str, str]
    at: float
    socket: socket.socket
    http2: H2Connection | None = None
    stream: int = 0

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Send a whole answer; headers are given as ``Retry_After="1"``, the length in place of its own."""
        named = {"Content-Length": str(len(body))} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        if self.http2 is None:
            lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in named.items())]
            self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            return
        pairs = [(":status", str(status)), *((name.lower(), value) for name, value in named.items())]
        self.http2.send_headers(self.stream, pairs)
        for start in range(0, len(body), FRAME):
            self.http2.send_data(self.stream, body[start : start + FRAME])
        self.http2.end_stream(self.stream)

    def drip(self, data: bytes, *, seconds: float = 0.02) -> None:
        """Send the same over and over, until the other end has had enough."""
        with contextlib.suppress(OSError):
            while True:
                self.socket.sendall(data)
                time.sleep(seconds)


class Server:
    """What a server has been asked, and over how many connections."""

    def __init__(self, listener: socket.socket, answer: Callable[[Request], None]) -> None:
        self.host = f"127.0.0.1:{listener.getsockname()[1]}"
        self.requests: list[Request] = []
        self.connections = 0
        self._listener = listener
        self._answer = answer
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def accept(self, tls: ssl.SSLContext | None) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(connection, tls))
                self._threads.append(thread)
                thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _serve(self, plain: socket.socket, tls: ssl.SSLContext | None) -> None:
        with self._lock:
            self.connections += 1
        # A client may go on speaking where the test had HTTP/2 closed.
        with contextlib.suppress(OSError, ProtocolError), plain:
            connection = tls.wrap_socket(plain, server_side=True) if tls else plain
            self._open.add(connection)
            with connection:
                if tls:
                    self._serve_http2(connection)
                else:
                    self._serve_http1(connection)

    def _serve_http1(self, connection: socket.socket) -> None:
        came = b""
        while data := connection.recv(FRAME):
            came += data
            while b"\r\n\r\n" in came:
                head, came = came.split(b"\r\n\r\n", 1)
                first, *lines = head.decode().split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines)
                self._ask(first.split()[1], headers, connection)

    def _serve_http2(self, connection: socket.socket) -> None:
        http2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        http2.initiate_connection()
        connection.sendall(http2.data_to_send())
        while data := connection.recv(FRAME):
            for event in http2.receive_data(data):
                if isinstance(event, RequestReceived):
                    headers = {str(name): str(value) for name, value in event.headers or ()}
                    self._ask(headers[":path"], headers, connection, http2, event.stream_id or 0)
            connection.sendall(http2.data_to_send())

    def _ask(
        self,
        path: str,
        headers: dict[str, str],
        connection: socket.socket,
        http2: H2Connection | None = None,
        stream: int = 0,
    ) -> None:
        with self._lock:
            number = len(self.requests)
            request = Request(number, path, headers, time.monotonic(), connection, http2, stream)
            self.requests.append(request)
        self._answer(request)


@contextmanager
def serving(answer: Callable[[Request], None], *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Start a server whose every request goes to ``answer``; with ``tls`` it speaks HTTP/2 only."""
    server = Server(socket.create_server(("127.0.0.1", 0)), answer)
    thread = threading.Thread(target=server.accept, args=(tls,))
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()
