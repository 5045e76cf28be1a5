"""Connections as uvicorn has them, which are closed where no request comes.

Uvicorn waits for ever for a request's head, https://github.com/encode/uvicorn/issues/157: clients that send
theirs a byte at a time could hold all connections that the system allows.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

SECONDS = 10.0
"""How long a request's head may take, from when the connection is made or the answer before it is given."""


class Connection(HttpToolsProtocol):
    """Gives up on a client whose request has not begun in time; what is asked already is answered."""

    _wait: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._await_head()

    def on_headers_complete(self) -> None:
        """Answer a request, however long that takes."""
        self._end_wait()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._end_wait()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._end_wait()
        self._wait = self.loop.call_later(SECONDS, self._give_up)

    def _end_wait(self) -> None:
        if self._wait is not None:
            self._wait.cancel()

    def _give_up(self) -> None:
        # A request that came before the one before it was answered is at work.
        if self.cycle is None or self.cycle.response_complete:
            self.timeout_keep_alive_handler()
