import gc
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest
import trustme

from commons.events import Event, Events
from commons.mediawiki import NoAnswerError
from tests.commons.serving import Request, serving
from tests.mariadb import free_port
from tests.programs import environment
from tests.waiting import wait_for
from tests.wiki.stream import Stream
from tests.wiki.wiki import Wiki

AGENT = "imagehash-tests/1 (https://example.org; {tests}@example.org)"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
HALF = b'event: message\nid: [{"topic": "eqiad.mediawiki.recentchange", "timest'
PASSED_OVER = (
    b"data: {no\n\n",
    b"event: error\ndata: {}\n\n",
    b"event: other\ndata: {}\n\n",
    b"id: x\n\n",
    b"retry: 99999\n\n",
    b"x" * 9999 + b"\n",
)
NOT_UNDERSTOOD = (b"\xff\xfe\n\n", b"data: [1]\n\n", b"data: {}\n\n")
LONG_AGO = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

Pair = tuple[int | None, str | None]


def now() -> datetime:
    return datetime.now(UTC)


def to(url: str, since: datetime | None = None, **options: Any) -> Events:
    quick = {"tick": 0.05, "pause": 0.05}
    return Events("127.0.0.1", AGENT, since=since or now(), url=url, **(quick | options))


def happen(
    stream: Stream, *names: str, at: datetime | None = None, domain: str | None = None, **otherwise: Any
) -> None:
    """Have the stream tell of uploads."""
    upload = {"type": "log", "log_type": "upload", "log_action": "upload", "namespace": 6}
    for name in names:
        change = upload | {"title": f"File:{name}"} | otherwise
        stream.tell("recentchange", change, at=at or now(), domain=domain)


def told(events: Events, *expected: Pair) -> list[Pair]:
    """All that is yielded until something has been."""
    end, missing, found = time.monotonic() + 20, set(expected), list[Pair]()
    while missing:
        assert time.monotonic() < end, f"nothing is told of {missing}, but of {found}"
        if event := next(events):
            found.append((event.page_id, event.name))
            missing.discard(found[-1])
    return found


def named(events: Events, *names: str) -> list[str | None]:
    """The names of all that is yielded until some have been."""
    return [name for _, name in told(events, *((None, name) for name in names))]


def failure(events: Events) -> str:
    with events, pytest.raises(NoAnswerError) as failed:
        assert not any(events)
    return str(failed.value)


def test_whatever_is_done_to_files_is_told(wiki: Wiki, stream: Stream, photos: Path) -> None:
    old, new = "Happens_äö_🦆.jpg", "Happened,_and_how.jpg"
    with to(stream.url) as events:
        wiki.upload({old: photos / "commons100" / "puffin.jpg"})
        assert told(events, (None, old)) == [(None, old)]
        (page,) = wiki.client.ask(titles=f"File:{old}")["pages"]
        wiki.replace({old: photos / "commons100" / "mural.jpg"})
        assert told(events, (None, old)) == [(None, old)]
        wiki.edit(old, "A new text.")
        wiki.move(old, new)
        moved = (page["pageid"], new)
        assert told(events, moved) == [(None, old), (None, new), moved]
        wiki.delete(new)
        assert told(events, moved) == [(None, new), moved]
        wiki.restore(new)
        assert told(events, moved) == [(None, new), moved]


def test_what_is_not_about_the_wikis_files_is_not_told(stream: Stream) -> None:
    with to(stream.url) as events:
        happen(stream, "Canary.jpg", domain="canary")
        happen(stream, "Elsewhere.jpg", domain="de.wikipedia.org")
        happen(stream, "Page.jpg", namespace=0)
        happen(stream, "Protected.jpg", log_type="protect")
        happen(stream, "Edited.jpg", type="edit", log_type=None)
        gone = {"page_id": 7, "page_namespace": 0, "page_title": "Gone.jpg"}
        stream.tell("page-delete", gone, at=now())
        stream.tell("page-delete", gone | {"page_namespace": 6}, at=now(), domain="canary")
        at = now().replace(microsecond=1000)
        happen(stream, "A_file: it.jpg", at=at)
        assert next(event for event in events if event) == Event(at, None, "A_file:_it.jpg")


@pytest.mark.parametrize("politely", [True, False])
def test_nothing_is_lost_when_the_server_hangs_up(stream: Stream, politely: bool) -> None:
    with to(stream.url) as events:
        for number in range(5):
            happen(stream, f"Before_{number}.jpg")
            named(events, f"Before_{number}.jpg")
            # Half of an event, id and all, must not count as one that came.
            stream.send(HALF)
            stream.hang_up(politely=politely)
            happen(stream, f"After_{number}.jpg")
            named(events, f"After_{number}.jpg")
    assert len(stream.requests) == 6
    assert {request.headers["user-agent"] for request in stream.requests} == {AGENT}
    assert not any("last-event-id" in request.headers for request in stream.requests)


def test_nothing_is_lost_while_the_server_is_away(stream: Stream) -> None:
    with to(stream.url) as events:
        happen(stream, "Before.jpg")
        named(events, "Before.jpg")
        stream.stop()
        happen(stream, "Meanwhile.jpg")
        assert [next(events) for _ in range(5)] == [None] * 5
        stream.start()
        named(events, "Meanwhile.jpg")

        stream.status = 500
        stream.hang_up()
        happen(stream, "Later.jpg")
        wait_for(lambda: len(stream.requests) > 5)
        stream.status = 200
        named(events, "Later.jpg")


def test_a_quiet_stream_is_asked_again_and_again(stream: Stream) -> None:
    with to(stream.url, silence=0.1, patience=0.3) as events:
        wait_for(lambda: len(stream.requests) > 6)
        assert [next(events) for _ in range(3)] == [None] * 3
        happen(stream, "At_last.jpg")
        named(events, "At_last.jpg")


def test_nonsense_is_not_the_end(stream: Stream) -> None:
    with to(stream.url) as events:
        wait_for(lambda: stream.clients == 1)
        stream.send(b"".join(PASSED_OVER))
        happen(stream, "After_all_this.jpg")
        named(events, "After_all_this.jpg")
        assert len(stream.requests) == 1
        for number, sent in enumerate(NOT_UNDERSTOOD):
            stream.send(sent)
            happen(stream, f"After_{number}.jpg")
            named(events, f"After_{number}.jpg")


def test_it_listens_from_a_moment_on(stream: Stream) -> None:
    happen(stream, "Too_early.jpg", at=LONG_AGO - 2 * MINUTE)
    # Events come in no strict order, so those of the minute before are told, too.
    happen(stream, "Just_before.jpg", at=LONG_AGO - MINUTE / 2)
    happen(stream, "Later.jpg", at=LONG_AGO + MINUTE)
    with to(stream.url, LONG_AGO) as events:
        assert named(events, "Later.jpg") == ["Just_before.jpg", "Later.jpg"]
        assert events.since == LONG_AGO + MINUTE
        # Elsewhere there are always changes, by which it is known how far the stream is.
        happen(stream, "Elsewhere.jpg", at=LONG_AGO + 9 * MINUTE, domain="en.wikipedia.org")
        wait_for(lambda: next(events) is None and events.since == LONG_AGO + 9 * MINUTE)
        stream.hang_up()
        wait_for(lambda: len(stream.requests) == 2)
    since = [request.query["since"] for request in stream.requests]
    assert since == ["2026-01-02T03:03:05Z", "2026-01-02T03:12:05Z"]


def test_the_place_is_that_of_the_stream_that_is_behind(stream: Stream) -> None:
    """Where days are made up for, the few events of other streams all come at the beginning."""
    deleted = {"page_id": 7, "page_namespace": 6, "page_title": "File:Gone.jpg"}
    stream.tell("page-delete", deleted, at=LONG_AGO + 99 * MINUTE)
    happen(stream, "First.jpg", at=LONG_AGO + MINUTE)
    with to(stream.url, LONG_AGO) as events:
        assert told(events, (7, "Gone.jpg")) == [(7, "Gone.jpg")]
        assert events.since == LONG_AGO
        named(events, "First.jpg")
        assert events.since == LONG_AGO + MINUTE


def test_a_clock_that_is_fast_does_no_harm(stream: Stream) -> None:
    with to(stream.url) as events:
        happen(stream, "Tomorrow.jpg", at=now() + timedelta(days=1))
        named(events, "Tomorrow.jpg")
        stream.hang_up()
        happen(stream, "Today.jpg")
        named(events, "Today.jpg")
        assert events.since <= now()


def test_what_was_not_yielded_is_told_the_next_time(stream: Stream) -> None:
    happen(stream, *(f"Due_{number}.jpg" for number in range(9)), at=LONG_AGO + 5 * MINUTE)
    happen(stream, "Last.jpg", at=LONG_AGO + 9 * MINUTE)
    with to(stream.url, LONG_AGO) as events:
        assert named(events, "Due_0.jpg") == ["Due_0.jpg"]
    with to(stream.url, events.since) as again:
        assert len(named(again, "Last.jpg")) == 10


def test_an_address_may_have_a_query(stream: Stream) -> None:
    with to(f"{stream.url}?x=y"):
        wait_for(lambda: len(stream.requests) == 1)
    assert stream.requests[0].query.keys() == {"x", "since"}


def test_a_stream_that_does_not_answer_is_told() -> None:
    url = f"http://127.0.0.1:{free_port()}/stream"
    assert "Connection refused" in failure(to(url, patience=0.2))


def test_that_nothing_comes_is_logged_once_until_something_does(
    stream: Stream, caplog: pytest.LogCaptureFixture
) -> None:
    def logged() -> list[str]:
        return [record.getMessage() for record in caplog.records]

    stream.status = 503
    with to(stream.url, silence=0.2) as events:
        wait_for(lambda: len(stream.requests) > 2)
        told = f"nothing comes from {stream.url} (503 Service Unavailable, and no more events); asking again"
        assert logged() == [told]
        stream.status = 200
        happen(stream, "First.jpg")
        named(events, "First.jpg")
        # What is sound and silent after that is a small wiki's.
        asked = len(stream.requests)
        wait_for(lambda: len(stream.requests) > asked + 2)
        assert logged() == [told]
        stream.status = 503
        wait_for(lambda: len(logged()) > 1)
        asked = len(stream.requests)
        wait_for(lambda: len(stream.requests) > asked + 2)
    assert len(logged()) == 2
    assert len(logged()) == 2


def test_other_answers_are_told(stream: Stream) -> None:
    stream.status = 503
    said = failure(to(stream.url, patience=0.5))
    assert said == f"{stream.url} does not answer: 503 Service Unavailable, and no more events"
    # Neither does it give up at once, nor ask as fast as it can.
    assert 1 < len(stream.requests) < 9


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "Connection aborted"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "204 No Content"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", "200 OK"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", "200 OK"),
        (b"nonsense\r\n\r\n", "nonsense"),
        (HEAD + b"\xff\n\n", "invalid start byte"),
    ],
)
def test_what_is_no_stream_is_told(answer: bytes, said: str) -> None:
    def send(request: Request) -> None:
        request.socket.sendall(answer)
        request.socket.close()

    with serving(send) as server:
        assert said in failure(to(f"http://{server.host}/stream", patience=0.1))


def test_a_server_without_a_word_is_told() -> None:
    with serving(lambda _: None) as server:
        assert "timed out" in failure(to(f"http://{server.host}/stream", patience=0.1, silence=0.1))


def listens() -> bool:
    return any(thread.name == "events" for thread in threading.enumerate())


def left(events: Events) -> bool:
    """Whether a listener is gone once it is left, which does not wait long for it."""
    events.__exit__()
    # Warnings are errors, and there is one where a socket has not been closed.
    gc.collect()
    return not listens()


def test_it_ends_while_it_listens(stream: Stream) -> None:
    events = to(stream.url).__enter__()
    wait_for(lambda: stream.clients == 1)
    assert next(events) is None
    assert left(events)


def test_it_ends_while_nobody_takes_what_came(stream: Stream) -> None:
    happen(stream, *(f"One_of_many_{number}.jpg" for number in range(2000)))
    events = to(stream.url).__enter__()
    wait_for(events._queue.full)
    assert left(events)


def test_it_ends_while_it_waits_to_try_again(stream: Stream) -> None:
    stream.status = 500
    events = to(stream.url, pause=30).__enter__()
    wait_for(lambda: len(stream.requests) == 1)
    assert next(events) is None
    assert left(events)


def test_it_ends_before_it_has_begun(stream: Stream) -> None:
    for _ in range(5):
        assert left(to(stream.url).__enter__())


def test_nobody_waits_for_a_server_without_a_word() -> None:
    with serving(lambda _: None) as server:
        with to(f"http://{server.host}/stream"):
            wait_for(lambda: len(server.requests) == 1)
        assert listens()
    wait_for(lambda: not listens())


@pytest.fixture
def secure_url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[str, Flag]]:
    """The address of a stream without events, over TLS, and whether somebody listens."""
    met = Flag()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(HEAD + b":ok\n\n")
            met.set()
            with suppress(OSError):
                self.rfile.read(1)

        def log_message(self, *_: object) -> None:
            pass

    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever).start()
        yield f"https://127.0.0.1:{server.server_port}/stream", met
        server.shutdown()


def test_it_ends_over_tls(secure_url: tuple[str, Flag]) -> None:
    url, met = secure_url
    events = to(url).__enter__()
    wait_for(met.is_set)
    assert next(events) is None
    assert left(events)


PROGRAM = """
import sys
from datetime import UTC, datetime
from commons.events import Events
from commons.mediawiki import NoAnswerError
options = {"since": datetime.now(UTC), "tick": 0.05, "pause": 0.01, "patience": 0.1}
with Events("127.0.0.1", "x (a@b.c)", url=sys.argv[1], **options) as events:
    try:
        print(next(event.name for event in events if event))
    except NoAnswerError as error:
        print("no answer")
"""


def run(url: str, folder: Path) -> str:
    """What a program with a home of its own prints; it must leave nothing there."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, url],
        env=environment(folder, TMPDIR=str(folder)),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert list(folder.iterdir()) == []
    assert all(line.startswith(f"nothing comes from {url} (") for line in done.stderr.splitlines())
    return done.stdout


def test_nothing_is_left_behind_or_printed(stream: Stream, tmp_path: Path) -> None:
    happen(stream, "Printed.jpg")
    assert run(stream.url, tmp_path) == "Printed.jpg\n"
    stream.status = 500
    assert run(stream.url, tmp_path) == "no answer\n"


def test_nonsense_is_not_printed(tmp_path: Path) -> None:
    def send(request: Request) -> None:
        request.socket.sendall(HEAD + b"".join(PASSED_OVER) + NOT_UNDERSTOOD[0])
        request.socket.close()

    with serving(send) as server:
        assert run(f"http://{server.host}/stream", tmp_path) == "no answer\n"
