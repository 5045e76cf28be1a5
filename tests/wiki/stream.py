"""The wiki's changes as Wikimedia streams those of its wikis.

What is streamed: https://wikitech.wikimedia.org/wiki/Event_Platform/EventStreams_HTTP_Service, and how:
https://github.com/wikimedia/KafkaSSE. Its ids are followed in what they do not tell, too.
"""

import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from sqlalchemy import text

from sql.database import Database
from tests.mariadb import free_port
from tests.wiki.wiki import Wiki

STREAMS = ("recentchange", "page-delete", "page-undelete", "page-move")

_OF_LOGS: dict[tuple[Any, Any], str] = {
    ("delete", "delete"): "page-delete",
    ("delete", "delete_redir"): "page-delete",
    ("delete", "restore"): "page-undelete",
    ("move", "move"): "page-move",
    ("move", "move_redir"): "page-move",
}
_THERE = "SELECT page_id FROM page WHERE page_namespace = :namespace AND page_title = :title"
_DELETED = """
    SELECT ar_page_id FROM archive WHERE ar_namespace = :namespace AND ar_title = :title
    ORDER BY ar_id DESC LIMIT 1
"""
_END = -1
"""The offset of what comes next: all that an id tells of a topic where nothing has come yet."""

_SECONDS = 0.02
_SECONDS_TO_ASK = 10


class Request(NamedTuple):
    """What a client asked for: the query's parameters, and the headers, whose names have small letters."""

    query: dict[str, str]
    headers: dict[str, str]


class Stream:
    """Serves all that happens from now on at ``url``, again and again to whoever asks ``since`` when.

    ``host`` is the wiki's name in it. While ``status`` is not 200, that is all it answers.
    """

    def __init__(self, wiki: Wiki) -> None:
        self.host = "127.0.0.1"
        self.status = 200
        self.requests: list[Request] = []
        self._port = free_port()
        self._told: list[dict[str, Any]] = []
        self._lock = Lock()
        self._clients: set[_Client] = set()
        self._feed = wiki.feed
        self._pages = _Pages(wiki)
        self._closed = Event()
        self._relay = Thread(target=self._listen, args=[len(wiki.feed.changes)])
        self._relay.start()
        self.start()

    @property
    def url(self) -> str:
        """The address of all streams together."""
        return f"http://127.0.0.1:{self._port}/v2/stream/{','.join(STREAMS)}"

    @property
    def clients(self) -> int:
        """How many are connected; that they have gone is noticed when they are told something."""
        return len(self._clients)

    def start(self) -> None:
        """Take connections again."""
        self._takes = True
        self._server = _Server(("127.0.0.1", self._port), _handler(self))
        self._thread = Thread(target=self._server.serve_forever, args=[_SECONDS])
        self._thread.start()

    def stop(self) -> None:
        """End all connections, and refuse others."""
        self._server.shutdown()
        self._thread.join()
        with self._lock:
            self._takes = False
        self.hang_up()
        self._server.server_close()

    def close(self) -> None:
        """End for good."""
        self.stop()
        self._closed.set()
        self._relay.join()
        self._pages.close()

    def hang_up(self, *, politely: bool = True) -> None:
        """End all connections, in the middle of the answer unless it is done politely."""
        with self._lock:
            for client in self._clients:
                client.end(politely=politely)

    def send(self, data: bytes) -> None:
        """Send something to all clients, whatever it is."""
        with self._lock:
            for client in self._clients:
                client.send(data)

    def tell(self, stream: str, event: dict[str, Any], *, at: datetime, domain: str | None = None) -> None:
        """Stream an event."""
        with self._lock:
            meta = _meta(stream, at, domain or self.host, len(self._told))
            self._told.append(event | {"meta": meta})
            for client in self._clients:
                client.tell(self._told[-1])

    def add(self, client: "_Client") -> None:
        """Tell a client what it has missed, and all that follows."""
        with self._lock:
            client.begin(self._told)
            self._clients.add(client)
            if not self._takes:
                client.end(politely=True)

    def remove(self, client: "_Client") -> None:
        """Tell a client no more."""
        with self._lock:
            self._clients.discard(client)

    def _listen(self, heard: int) -> None:
        while not self._closed.wait(_SECONDS):
            for change in self._feed.changes[heard:]:
                heard += 1
                at = datetime.fromtimestamp(change["timestamp"], UTC)
                self.tell("recentchange", change, at=at)
                if stream := _OF_LOGS.get((change.get("log_type"), change.get("log_action"))):
                    self.tell(stream, self._pages.event(stream, change), at=at)


@contextmanager
def running(wiki: Wiki) -> Iterator[Stream]:
    """Stream a wiki's changes."""
    with closing(Stream(wiki)) as stream:
        yield stream


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that they are waited for

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Clients may go whenever they like.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Pages:
    """What is told of pages beside their recent changes, from the wiki's tables.

    The form is that of https://schema.wikimedia.org/repositories/primary/jsonschema/mediawiki/page.
    """

    def __init__(self, wiki: Wiki) -> None:
        self._tables = Database(wiki.replica)

    def close(self) -> None:
        self._tables.close()

    def event(self, stream: str, change: dict[str, Any]) -> dict[str, Any]:
        old = change["title"].replace(" ", "_")
        moved = stream == "page-move"
        title = change["log_params"]["target"].replace(" ", "_") if moved else old
        told = {
            "$schema": f"/mediawiki/page/{stream.removeprefix('page-')}/1.0.0",
            "database": change["wiki"],
            "page_id": self._id(change["namespace"], title, gone=stream == "page-delete"),
            "page_title": title,
            "page_namespace": change["namespace"],
            "page_is_redirect": False,
        }
        return told | ({"prior_state": {"page_title": old}} if moved else {})

    def _id(self, namespace: int, title: str, *, gone: bool) -> int:
        named = {"namespace": namespace, "title": title.partition(":")[2] if namespace else title}
        # It may have come back by now, or have gone again.
        for query in (_DELETED, _THERE) if gone else (_THERE, _DELETED):
            with self._tables.read() as connection:
                if (page_id := connection.execute(text(query), named).scalar()) is not None:
                    return int(page_id)
        raise LookupError(f"there is no page {title}, and there was none")


class _Client:
    """Somebody who listens to topics, each from a position on: a moment in milliseconds, or an offset."""

    def __init__(self, positions: list[dict[str, Any]]) -> None:
        self._positions = {position["topic"]: position for position in positions}
        self._outgoing: SimpleQueue[bytes | None] = SimpleQueue()
        self.politely = True

    def begin(self, told: list[dict[str, Any]]) -> None:
        """Tell what came after the positions."""
        for position in self._positions.values():
            if "timestamp" in position:
                position["offset"] = _offset(told, position["topic"], position.pop("timestamp"))
        first = {topic: position["offset"] for topic, position in self._positions.items()}
        for event in told:
            meta = event["meta"]
            if 0 <= first.get(meta["topic"], _END) <= meta["offset"]:
                self.tell(event)

    def tell(self, event: dict[str, Any]) -> None:
        topic = event["meta"]["topic"]
        if topic in self._positions:
            self._positions[topic] = _position(topic, timestamp=_milliseconds(event) + 1)
            positions = json.dumps(list(self._positions.values()))
            self.send(f"event: message\nid: {positions}\ndata: {json.dumps(event)}\n\n".encode())

    def send(self, data: bytes) -> None:
        self._outgoing.put(data)

    def end(self, *, politely: bool) -> None:
        self.politely = politely
        self._outgoing.put(None)

    def outgoing(self) -> Iterator[bytes]:
        return iter(self._outgoing.get, None)


def _offset(told: list[dict[str, Any]], topic: str, timestamp: float) -> int:
    """Where a topic's first event from a moment on is."""
    for offset, event in enumerate(told):
        if event["meta"]["topic"] == topic and _milliseconds(event) >= timestamp:
            return offset
    return _END


def _position(topic: str, **place: float) -> dict[str, Any]:
    return {"topic": topic, "partition": 0, **place}


def _positions(request: Request, streams: list[str]) -> list[dict[str, Any]]:
    if unknown := set(streams).difference(STREAMS):
        raise ValueError(f"there are no streams {unknown}")
    if (last := request.headers.get("last-event-id")) is not None:
        positions: list[dict[str, Any]] = json.loads(last)
        return positions
    if (since := request.query.get("since")) is None:
        return [_position(_topic(stream), offset=_END) for stream in streams]
    timestamp = datetime.fromisoformat(since).timestamp() * 1000
    return [_position(_topic(stream), timestamp=timestamp) for stream in streams]


def _topic(stream: str) -> str:
    return f"eqiad.mediawiki.{stream}"


def _meta(stream: str, at: datetime, domain: str, offset: int) -> dict[str, Any]:
    return {
        "stream": f"mediawiki.{stream}",
        "topic": _topic(stream),
        "partition": 0,
        "offset": offset,
        "dt": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "domain": domain,
        "id": str(uuid.uuid4()),
    }


def _milliseconds(event: dict[str, Any]) -> int:
    return round(datetime.fromisoformat(event["meta"]["dt"]).timestamp() * 1000)


def _handler(stream: Stream) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = _SECONDS_TO_ASK

        def do_GET(self) -> None:
            self.close_connection = True
            address = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(query, headers)
            stream.requests.append(request)
            if stream.status != 200:
                self.send_error(stream.status)
                return
            try:
                streams = unquote(address.path).removeprefix("/v2/stream/").split(",")
                client = _Client(_positions(request, streams))
            except (LookupError, TypeError, ValueError):
                self.send_error(400)
                return
            try:
                self._serve(client)
            finally:
                stream.remove(client)

        def _serve(self, client: _Client) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream; charset=utf-8")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            client.send(b":ok\n\n")
            stream.add(client)
            for data in client.outgoing():
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            if client.politely:
                self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: object) -> None:
            pass

    return Handler
