"""The wiki's recent changes as it sends them, from which Wikimedia makes its stream of events.

See https://www.mediawiki.org/wiki/Manual:$wgRCFeeds.
"""

import json
import socket
from threading import Thread
from typing import Any

_LARGEST = 1 << 16


class Feed:
    """Listens at ``uri``; ``changes`` has all that came, the oldest first, in the form of the stream."""

    def __init__(self) -> None:
        self.changes: list[dict[str, Any]] = []
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        # A thread, because what does not fit into the socket's buffer is lost.
        self._thread = Thread(target=self._listen)
        self._thread.start()

    @property
    def uri(self) -> str:
        """Where the wiki is to send changes."""
        return f"udp://127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        """Listen no more."""
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while datagram := self._socket.recv(_LARGEST):
            self.changes.append(json.loads(datagram))
