import pickle
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from pathlib import Path

import pytest
import trustme
from h2.errors import ErrorCodes

from commons.fetching import LIMITS, PER_SECOND, Fetcher, Limits, Unfetchable
from commons.manners import backoff
from commons.pictures import Reason, Unhashable
from tests.commons.serving import FRAME, Request, Server, serving
from tests.mariadb import free_port
from tests.waiting import wait_for

FILE = bytes(range(256)) * 1000
QUICK = LIMITS._replace(backoff=0.02, tries=3)
HEAD = b"HTTP/1.1 200 OK\r\n"
ENDLESS = b"%x\r\n%b\r\n" % (FRAME, bytes(FRAME))

Answer = Callable[[Request], None]


def fetch(server: Server, path: str = "/x.jpg", limits: Limits = QUICK) -> bytes:
    with Fetcher([server.host], None, limits=limits) as fetcher:
        return fetcher.fetch(f"http://{server.host}{path}")


def failure(answer: Answer, limits: Limits = QUICK) -> tuple[Unfetchable, Server]:
    """What comes of a file that is answered for like this."""
    with serving(answer) as server, pytest.raises(Unfetchable) as failed:
        fetch(server, limits=limits)
    return failed.value, server


def file(request: Request) -> None:
    request.answer(200, FILE)


def at_first(answer: Answer, then: Answer = file) -> Answer:
    """Answer the first request otherwise than those that follow."""
    return lambda request: (then if request.number else answer)(request)


def sending(*parts: bytes) -> Answer:
    """Send these bytes and hang up."""

    def send(request: Request) -> None:
        for part in parts:
            request.socket.sendall(part)
        request.socket.shutdown(socket.SHUT_RDWR)

    return send


def dripping(head: bytes, data: bytes, *, seconds: float = 0.02) -> Answer:
    """Send some bytes, and then others for as long as anybody listens."""

    def drip(request: Request) -> None:
        request.socket.sendall(head)
        request.drip(data, seconds=seconds)

    return drip


def silent(head: bytes = b"") -> Answer:
    """Send some bytes, and nothing more, for as long as the other end waits."""

    def wait(request: Request) -> None:
        request.socket.sendall(head)
        request.socket.recv(1)

    return wait


def reset(request: Request) -> None:
    request.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.socket.close()


# What comes


def test_a_file_comes_whole_over_one_connection_that_is_kept() -> None:
    with serving(file) as server, Fetcher([server.host], "my-bot/1.0 (me@example.org)") as fetcher:
        for _ in range(3):
            assert fetcher.fetch(f"http://{server.host}/a%20b.jpg?c=1") == FILE
    assert server.connections == 1
    assert {request.path for request in server.requests} == {"/a%20b.jpg?c=1"}
    headers = server.requests[0].headers
    assert headers["user-agent"] == "my-bot/1.0 (me@example.org)"
    assert headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        HEAD + b"Content-Type: text/html\r\n\r\nabcde",
        HEAD + b"Content-Length: 5\r\nContent-Encoding: identity\r\n\r\nabcde",
        b"HTTP/1.0 200 OK\r\n\r\nabcde",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + HEAD + b"Content-Length: 5\r\n\r\nabcde",
        HEAD + b"Content-Length: 5\r\n\r\nabcdefghijk",
    ],
    ids=["chunked", "any type", "identity", "http/1.0", "hints", "more than announced"],
)
def test_all_ways_to_send_a_file_are_understood(answer: bytes) -> None:
    with serving(sending(answer)) as server:
        assert fetch(server) == b"abcde"


def test_what_came_beyond_the_announced_bytes_does_not_get_into_the_next_file() -> None:
    too_much: Answer = lambda request: request.answer(200, FILE, Content_Length="10")  # noqa: E731
    with serving(at_first(too_much)) as server, Fetcher([server.host], None, limits=QUICK) as fetcher:
        assert fetcher.fetch(f"http://{server.host}/") == FILE[:10]
        assert fetcher.fetch(f"http://{server.host}/") == FILE


def test_no_cookie_is_sent_back() -> None:
    biscuit: Answer = lambda request: request.answer(200, Set_Cookie="a=b")  # noqa: E731
    with serving(biscuit) as server, Fetcher([server.host], None) as fetcher:
        fetcher.fetch(f"http://{server.host}/")
        fetcher.fetch(f"http://{server.host}/")
    assert "cookie" not in server.requests[1].headers


# How many at once, how often, and after what pause


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_so_many_are_fetched_at_once_and_no_more(at_once: int) -> None:
    all_in = threading.Barrier(at_once)
    lock = threading.Lock()
    now, most = 0, 0

    def answer(request: Request) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        all_in.wait(10)
        with lock:
            now -= 1
        request.answer(200)

    with serving(answer) as server, Fetcher([server.host], None, at_once=at_once) as fetcher:
        for future in [fetcher.submit(f"http://{server.host}/") for _ in range(4 * at_once)]:
            assert future.result() == b""
    assert at_once == most
    assert server.connections <= at_once


def test_other_hosts_are_asked_so_often_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commons.fetching.is_local", lambda _host: False)
    begun = time.monotonic()
    with serving(file) as server, Fetcher([server.host], None, at_once=1) as fetcher:
        for future in [fetcher.submit(f"http://{server.host}/") for _ in range(4)]:
            future.result()
    for request in server.requests:
        assert request.at - begun >= request.number / PER_SECOND - 0.001


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_who_is_told_to_wait_waits_and_so_do_all_others(status: int, as_date: bool) -> None:
    def told(request: Request) -> None:
        date = datetime.now(UTC) + timedelta(seconds=2)
        request.answer(status, Retry_After=format_datetime(date, usegmt=True) if as_date else "1")

    with serving(at_first(told)) as server, Fetcher([server.host], None, at_once=1, limits=QUICK) as fetcher:
        for future in [fetcher.submit(f"http://{server.host}/{number}") for number in range(4)]:
            assert future.result() == FILE
    first, *others = (request.at for request in server.requests)
    assert len(others) == 4
    assert min(others) - first > 0.9


def test_a_host_that_did_not_say_so_is_not_left_alone() -> None:
    told = at_first(lambda request: request.answer(429, Retry_After="2"))
    with (
        serving(told) as slow,
        serving(file) as other,
        Fetcher([slow.host, other.host], None, at_once=1) as fetcher,
    ):
        waiting = fetcher.submit(f"http://{slow.host}/")
        wait_for(lambda: bool(slow.requests))
        assert fetcher.fetch(f"http://{other.host}/") == FILE
        assert len(slow.requests) == 1
        assert waiting.result() == FILE


def test_nobody_waits_for_longer_than_patience() -> None:
    told: Answer = lambda request: request.answer(429, Retry_After="86400")  # noqa: E731
    with serving(told) as server, Fetcher([server.host], None) as fetcher:
        for _ in range(3):
            with pytest.raises(Unfetchable, match=r"asks to be left alone for 86\d{3} seconds") as failed:
                fetcher.fetch(f"http://{server.host}/")
            assert failed.value.reason is Reason.RATE_LIMITED
            assert failed.value.wait == pytest.approx(86400, abs=60)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (408, Reason.SERVER_ERROR),
        (429, Reason.RATE_LIMITED),
        (500, Reason.SERVER_ERROR),
        (503, Reason.SERVER_ERROR),
        (599, Reason.SERVER_ERROR),
    ],
)
def test_what_may_heal_is_tried_again_a_few_times_and_later_each_time(status: int, reason: Reason) -> None:
    limits = QUICK._replace(backoff=0.1)
    failed, server = failure(lambda request: request.answer(status, b"no"), limits)
    assert failed.reason is reason
    assert failed.reason.transient
    assert str(failed).startswith(f"The server answered {status}")
    first, second, third = (request.at for request in server.requests)
    assert second - first >= 0.05
    assert third - second >= 0.1
    assert server.connections == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 504])
def test_what_has_healed_is_fetched(status: int) -> None:
    with serving(at_first(lambda request: request.answer(status))) as server:
        assert fetch(server) == FILE


@pytest.mark.parametrize("value", ["0", "soon"])
def test_a_server_that_asks_for_no_pause_gets_one_all_the_same(value: str) -> None:
    answer: Answer = lambda request: request.answer(429, Retry_After=value)  # noqa: E731
    _, server = failure(answer, QUICK._replace(backoff=0.2))
    first, second, third = (request.at for request in server.requests)
    assert second - first >= 0.1
    assert third - second >= 0.2


# What cannot heal


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, Reason.REFUSED),
        (401, Reason.FORBIDDEN),
        (403, Reason.FORBIDDEN),
        (404, Reason.NOT_FOUND),
        (410, Reason.NOT_FOUND),
        (418, Reason.REFUSED),
        (451, Reason.REFUSED),
        (204, Reason.UNEXPECTED_ANSWER),
        (206, Reason.UNEXPECTED_ANSWER),
        (302, Reason.UNEXPECTED_ANSWER),
        (304, Reason.UNEXPECTED_ANSWER),
        (700, Reason.UNEXPECTED_ANSWER),
    ],
)
def test_what_cannot_heal_is_asked_for_once(status: int, reason: Reason) -> None:
    failed, server = failure(lambda request: request.answer(status, Retry_After="86400"))
    assert failed.reason is reason
    assert not failed.reason.transient
    assert failed.wait is None
    assert f"answered {status}" in str(failed)
    assert len(server.requests) == 1


def test_who_is_forbidden_is_told_where_to_look() -> None:
    failed, _ = failure(lambda request: request.answer(403))
    assert "look at IMAGEHASH_USER_AGENT" in str(failed)


@pytest.mark.parametrize(("status", "body"), [(200, FILE), (400, b"no such file")])
def test_what_comes_with_another_status_may_be_the_file(status: int, body: bytes) -> None:
    with (
        serving(lambda request: request.answer(status, body)) as server,
        Fetcher([server.host], None, limits=QUICK, taken={200, 400}) as fetcher,
    ):
        assert fetcher.fetch(f"http://{server.host}/") == body
        assert fetcher.fetch(f"http://{server.host}/") == body
    assert server.connections == 1


def test_a_file_that_was_to_come_plain_and_does_not_is_refused() -> None:
    failed, server = failure(lambda request: request.answer(200, FILE, Content_Encoding="gzip"))
    assert failed.reason is Reason.UNEXPECTED_ANSWER
    assert "encoded (gzip)" in str(failed)
    assert len(server.requests) == 1


@pytest.mark.parametrize(("size", "connections"), [(1000, 1), (100_000, 2)])
def test_a_connection_is_kept_past_a_short_error_page(size: int, connections: int) -> None:
    missing = at_first(lambda request: request.answer(404, bytes(size)))
    with serving(missing) as server, Fetcher([server.host], None) as fetcher:
        with pytest.raises(Unfetchable):
            fetcher.fetch(f"http://{server.host}/")
        assert fetcher.fetch(f"http://{server.host}/") == FILE
    assert connections == server.connections


# Connections


def test_a_server_that_is_gone_for_half_a_minute_is_waited_for() -> None:
    assert sum(backoff(failures, LIMITS.backoff) for failures in range(1, LIMITS.tries)) > 30


def test_a_server_that_is_not_there_is_tried_a_few_times() -> None:
    host = f"127.0.0.1:{free_port()}"
    begun = time.monotonic()
    with (
        Fetcher([host], None, limits=QUICK._replace(backoff=0.1)) as fetcher,
        pytest.raises(Unfetchable, match=r"^The server cannot be reached: .+") as failed,
    ):
        fetcher.fetch(f"http://{host}/")
    assert failed.value.reason is Reason.CONNECTION
    assert failed.value.reason.transient
    assert time.monotonic() - begun >= 0.15


@pytest.mark.parametrize(
    "answer",
    [
        sending(),
        reset,
        sending(b"nonsense\r\n\r\n"),
        sending(HEAD[:9]),
        sending(HEAD + b"Content-Length: many\r\n\r\n"),
        sending(HEAD + b"Content-Length: %b\r\n\r\n" % (b"9" * 5000)),
        sending(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        dripping(HEAD + b"X: ", bytes(FRAME), seconds=0),
        silent(),
        silent(HEAD),
    ],
    ids=[
        "gone",
        "reset",
        "nonsense",
        "cut head",
        "no number",
        "no such number",
        "two lengths",
        "endless head",
        "mute",
        "half mute",
    ],
)
def test_an_answer_that_is_none_is_tried_again(answer: Answer) -> None:
    limits = QUICK._replace(quiet=0.2)
    with serving(at_first(answer)) as server:
        assert fetch(server, limits=limits) == FILE
    failed, server = failure(answer, limits)
    assert failed.reason is Reason.CONNECTION
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        sending(HEAD + b"Content-Length: 100\r\n\r\n" + bytes(99)),
        sending(HEAD + b"Content-Length: 100\r\n\r\n"),
        sending(HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
        sending(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc"),
        sending(HEAD + b"Transfer-Encoding: chunked\r\n\r\nmany\r\nabc"),
        silent(HEAD + b"Content-Length: 100\r\n\r\nabc"),
    ],
    ids=["cut", "nothing", "chunks", "chunk", "no chunk", "mute"],
)
def test_a_file_that_broke_off_is_tried_again(answer: Answer) -> None:
    limits = QUICK._replace(quiet=0.2)
    with serving(at_first(answer)) as server:
        assert fetch(server, limits=limits) == FILE
    failed, server = failure(answer, limits)
    assert failed.reason is Reason.CUT_OFF
    assert failed.reason.transient
    assert "broke off" in str(failed)
    assert len(server.requests) == 3


# Size and time


@pytest.mark.parametrize(
    "answer",
    [
        silent(HEAD + b"Content-Length: 1000001\r\n\r\n"),
        silent(HEAD + b"Content-Length: 99999999999999999999\r\n\r\n"),
        dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", ENDLESS, seconds=0),
        dripping(HEAD + b"\r\n", bytes(FRAME), seconds=0),
    ],
    ids=["announced", "endless by its own account", "endless chunks", "endless"],
)
def test_a_file_that_is_too_large_is_given_up_at_once(answer: Answer) -> None:
    failed, server = failure(answer, QUICK._replace(size=1_000_000))
    assert failed.reason is Reason.TOO_LARGE
    assert "more than 1,000,000 bytes" in str(failed)
    assert len(server.requests) == 1


def test_a_file_may_be_as_large_as_the_limit() -> None:
    with serving(file) as server:
        assert fetch(server, limits=QUICK._replace(size=len(FILE))) == FILE


@pytest.mark.parametrize(
    "answer",
    [
        dripping(HEAD + b"Content-Length: 1000\r\n\r\n", b"x"),
        dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        dripping(HEAD, b"X: y\r\n"),
        dripping(b"HTTP/1.1 404 Not Found\r\n\r\n", b"x"),
    ],
    ids=["body", "chunks", "head", "error page"],
)
def test_a_file_that_comes_drop_by_drop_is_given_up_in_time(answer: Answer) -> None:
    begun = time.monotonic()
    failed, server = failure(answer, QUICK._replace(whole=0.5, quiet=0.3))
    assert time.monotonic() - begun >= 0.5
    assert failed.reason is Reason.TIMEOUT
    assert failed.reason.transient
    assert "longer than 0.5 seconds" in str(failed)
    assert len(server.requests) == 1


def test_others_are_fetched_after_one_that_was_given_up() -> None:
    endless = dripping(HEAD + b"\r\n", bytes(FRAME), seconds=0)
    either: Answer = lambda request: (endless if "bad" in request.path else file)(request)  # noqa: E731
    limits = QUICK._replace(size=len(FILE))
    with serving(either) as server, Fetcher([server.host], None, limits=limits) as fetcher:
        urls = [f"http://{server.host}/{name}" for name in ("bad", "good") * 5]
        futures = [fetcher.submit(url) for url in urls]
        errors = [future.exception() for future in futures]
    assert [getattr(error, "reason", None) for error in errors] == [Reason.TOO_LARGE, None] * 5


# Redirects and addresses


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/new.jpg", "new.jpg", "//{host}/new.jpg", "http://{host}/new.jpg"])
def test_redirects_to_the_same_host_are_followed(status: int, location: str) -> None:
    def moved(request: Request) -> None:
        request.answer(status, Location=location.format(host=server.host))

    with serving(at_first(moved)) as server:
        assert fetch(server, "/old.jpg") == FILE
    assert [request.path for request in server.requests] == ["/old.jpg", "/new.jpg"]


def test_redirects_among_the_allowed_hosts_are_followed() -> None:
    with (
        serving(file) as new,
        serving(lambda request: request.answer(301, Location=f"http://{new.host}/")) as old,
        Fetcher([old.host, new.host], None) as fetcher,
    ):
        assert fetcher.fetch(f"http://{old.host}/") == FILE


@pytest.mark.parametrize(
    "location",
    [
        "http://localhost:{port}/",
        "http://127.0.0.1:1/",
        "http://127.0.0.1/",
        "https://upload.wikimedia.org/",
        "ftp://{host}/",
        "file:///etc/passwd",
        "http://user:secret@{host}/",
        "http://[",
        "http://{host}:x/",
        "",
    ],
)
def test_redirects_elsewhere_are_not(location: str) -> None:
    def moved(request: Request) -> None:
        host, port = server.host, server.host.split(":")[1]
        request.answer(301, Location=location.format(host=host, port=port))

    with serving(moved) as server, pytest.raises(Unfetchable) as failed:
        fetch(server)
    # An empty address is the very page.
    expected = Reason.FOREIGN_ADDRESS if location else Reason.UNEXPECTED_ANSWER
    assert failed.value.reason is expected
    assert "secret" not in str(failed.value)
    assert len(server.requests) == (1 if location else 6)


@pytest.mark.parametrize(
    "url", ["", "x.jpg", "http://", "http://[", "//{host}/", "http://{host}.org/", "ws://{host}/", "\0"]
)
def test_only_addresses_at_the_hosts_are_asked_for(url: str) -> None:
    with (
        serving(file) as server,
        Fetcher([server.host], None) as fetcher,
        pytest.raises(Unfetchable) as failed,
    ):
        fetcher.fetch(url.format(host=server.host))
    assert failed.value.reason is Reason.FOREIGN_ADDRESS
    assert not server.requests


def test_nobody_is_asked_without_a_contact() -> None:
    with pytest.raises(ValueError, match=r"^upload\.wikimedia\.org is asked only by .* IMAGEHASH_USER_AGENT"):
        Fetcher(["upload.wikimedia.org"], None)


# Threads, ends and errors


def test_many_threads_fetch_through_one() -> None:
    echo: Answer = lambda request: request.answer(200, request.path.encode())  # noqa: E731
    paths = [f"/{number}" for number in range(50)]
    with (
        serving(echo) as server,
        Fetcher([server.host], None, at_once=4) as fetcher,
        ThreadPoolExecutor(16) as threads,
    ):
        bodies = list(threads.map(lambda path: fetcher.fetch(f"http://{server.host}{path}"), paths))
    assert [path.encode() for path in paths] == bodies


def test_what_does_not_fit_into_memory_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(size: int, limit: int) -> None:
        raise MemoryError

    monkeypatch.setattr("commons.fetching._check_size", full)
    failed, server = failure(file)
    assert failed.reason is Reason.OUT_OF_MEMORY
    assert len(server.requests) == 1


def test_leaving_waits_for_what_is_under_way() -> None:
    with serving(at_first(lambda request: request.answer(429))) as server:
        with Fetcher([server.host], None, limits=QUICK) as fetcher:
            futures = [fetcher.submit(f"http://{server.host}/") for _ in range(5)]
        assert all(future.done() for future in futures)
        assert [future.result() for future in futures] == [FILE] * 5


@pytest.mark.parametrize("answer", [silent(), lambda request: request.answer(429, Retry_After="500")])
def test_leaving_in_error_drops_what_is_under_way(answer: Answer) -> None:
    futures: list[Future[bytes]] = []

    def interrupted(server: Server) -> None:
        with Fetcher([server.host], None, at_once=1) as fetcher:
            futures.extend(fetcher.submit(f"http://{server.host}/") for _ in range(5))
            wait_for(lambda: bool(server.requests))
            raise KeyboardInterrupt

    with serving(answer) as server, pytest.raises(KeyboardInterrupt):
        interrupted(server)
    assert all(future.cancelled() for future in futures)


def test_a_fetch_that_is_cancelled_makes_room() -> None:
    with serving(at_first(silent())) as server, Fetcher([server.host], None, at_once=1) as fetcher:
        hanging = fetcher.submit(f"http://{server.host}/")
        wait_for(lambda: bool(server.requests))
        assert hanging.cancel()
        assert fetcher.fetch(f"http://{server.host}/") == FILE
        with pytest.raises(CancelledError):
            hanging.result()


def test_a_failure_survives_the_way_between_processes() -> None:
    failed = pickle.loads(pickle.dumps(Unfetchable(Reason.RATE_LIMITED, "Wait.", 3.5)))  # noqa: S301
    assert (failed.reason, str(failed), failed.wait) == (Reason.RATE_LIMITED, "Wait.", 3.5)
    assert isinstance(failed, Unhashable)


def test_every_status_has_a_reason() -> None:
    """Whatever a server answers, it is no bare exception that comes of it."""
    statuses = [int(status) for status in HTTPStatus if status > 200]
    with (
        serving(lambda request: request.answer(int(request.path[1:]))) as server,
        Fetcher([server.host], None, limits=QUICK._replace(tries=1)) as fetcher,
    ):
        for status in statuses:
            with pytest.raises(Unfetchable, match=f"answered {status}"):
                fetcher.fetch(f"http://{server.host}/{status}")


# HTTP/2


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's certificate, of an authority that the client trusts."""
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["h2"])
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def fetch_twice(server: Server, limits: Limits = QUICK) -> list[bytes | BaseException | None]:
    """Fetch the same file two times, one after the other: what came, or the failure."""
    with Fetcher([server.host], None, limits=limits) as fetcher:
        futures = []
        for _ in range(2):
            futures.append(fetcher.submit(f"https://{server.host}/x.jpg"))
            futures[-1].exception()
        return [future.exception() or future.result() for future in futures]


def test_http2_is_spoken_over_one_connection_that_is_kept(tls: ssl.SSLContext) -> None:
    with serving(file, tls=tls) as server:
        assert fetch_twice(server) == [FILE, FILE]
    assert server.connections == 1
    assert all(request.http2 is not None for request in server.requests)
    assert server.requests[0].headers["accept-encoding"] == "identity"


def test_a_pause_holds_over_http2(tls: ssl.SSLContext) -> None:
    with serving(at_first(lambda request: request.answer(429, b"wait", Retry_After="1")), tls=tls) as server:
        assert fetch_twice(server) == [FILE, FILE]
    assert server.requests[1].at - server.requests[0].at >= 0.9
    assert server.connections == 1


def cut(request: Request) -> None:
    request.answer(200, FILE[:1000], Content_Length="2000")


def stream_reset(request: Request) -> None:
    assert request.http2
    request.http2.send_headers(request.stream, [(":status", "200")])
    request.http2.send_data(request.stream, b"abc")
    request.http2.reset_stream(request.stream, ErrorCodes.INTERNAL_ERROR)


def goodbye(request: Request) -> None:
    assert request.http2
    request.http2.send_headers(request.stream, [(":status", "200")])
    request.http2.close_connection()


def hung_up(request: Request) -> None:
    request.socket.close()


def no_status(request: Request) -> None:
    assert request.http2
    request.http2.send_headers(request.stream, [(":status", "fine")], end_stream=True)


@pytest.mark.parametrize("answer", [cut, stream_reset, goodbye, hung_up, no_status])
def test_what_breaks_off_over_http2_is_tried_again(tls: ssl.SSLContext, answer: Answer) -> None:
    with serving(at_first(answer), tls=tls) as server:
        assert fetch_twice(server) == [FILE, FILE]
    assert len(server.requests) == 3


@pytest.mark.parametrize("answer", [cut, stream_reset, goodbye, no_status])
def test_what_breaks_off_over_http2_again_and_again_is_a_failure(tls: ssl.SSLContext, answer: Answer) -> None:
    with serving(answer, tls=tls) as server:
        reasons = [getattr(failed, "reason", None) for failed in fetch_twice(server)]
    # A length that is wrong shows at once where all of the answer comes at once.
    assert set(reasons) <= {Reason.CUT_OFF, Reason.CONNECTION}


def endless(request: Request) -> None:
    """Send as much as the window of a whole connection takes."""
    assert request.http2
    request.http2.send_headers(request.stream, [(":status", "200")])
    while request.http2.local_flow_control_window(request.stream) >= FRAME:
        request.http2.send_data(request.stream, bytes(FRAME))
        request.socket.sendall(request.http2.data_to_send())


def begun_and_left(request: Request) -> None:
    assert request.http2
    request.http2.send_headers(request.stream, [(":status", "200")])


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(endless, Reason.TOO_LARGE), (begun_and_left, Reason.TIMEOUT)],
    ids=["size", "time"],
)
def test_what_is_given_up_over_http2_does_not_stop_others(
    tls: ssl.SSLContext, answer: Answer, reason: Reason
) -> None:
    limits = QUICK._replace(size=len(FILE), whole=1)
    with serving(at_first(answer), tls=tls) as server:
        given_up, came = fetch_twice(server, limits)
    assert getattr(given_up, "reason", None) is reason
    assert came == FILE
    assert (len(server.requests), server.connections) == (2, 2)


def test_no_redirect_leads_from_a_secure_address_to_an_open_one(tls: ssl.SSLContext) -> None:
    with serving(lambda request: request.answer(301, Location=f"http://{server.host}/"), tls=tls) as server:
        failed = fetch_twice(server)[0]
    assert getattr(failed, "reason", None) is Reason.FOREIGN_ADDRESS


def test_a_server_that_cannot_prove_its_name_is_not_believed(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "another.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "another.pem"))
    with serving(file, tls=tls) as server:
        failed = fetch_twice(server)[0]
    assert getattr(failed, "reason", None) is Reason.CONNECTION
    assert "certificate" in str(failed).lower()
    assert not server.requests
