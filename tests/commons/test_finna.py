import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from commons import finna
from commons.fetching import Limits, Unfetchable
from commons.finna import AT_ONCE, LIMITS, LONGEST_ID, RECORD_SIZE, SECONDS, Finna, Picture, Record
from commons.pictures import Reason
from tests.commons.serving import FRAME, Request, Server, serving
from tests.mariadb import free_port

ID = "museovirasto.A1B2"
QUICK = LIMITS._replace(backoff=0.02)
JPEG = b"\xff\xd8\xff and so on"

Answer = Callable[[Request], None]


def image(index: int, *sizes: str) -> dict[str, Any]:
    """A picture as the API tells of it, with some of what is not asked for."""
    cover = f"/Cover/Show?source=Solr&id={ID}&index={index}&size="
    urls = {size: cover + size for size in sizes or ("small", "medium", "large")}
    return {"urls": urls, "description": "", "rights": {"copyright": "CC BY 4.0"}}


def found(*images: Any, **fields: Any) -> dict[str, Any]:
    record = {"id": ID, "title": "Näkymä", "imagesExtended": list(images)} | fields
    return {"resultCount": 1, "records": [record], "status": "OK"}


MISSING = {"status": "ERROR", "statusMessage": "Error loading record"}


def telling(answer: Any, status: int = 200, **headers: str) -> Answer:
    body = json.dumps(answer).encode()
    return lambda request: request.answer(
        status, body, **{"Content_Type": "application/json; charset=utf-8"} | headers
    )


def saying(status: int, body: bytes = b"", **headers: str) -> Answer:
    return lambda request: request.answer(status, body, **headers)


def in_turn(*answers: Answer) -> Answer:
    """Answer each request in its own way, and those that follow as the last."""
    return lambda request: answers[min(request.number, len(answers) - 1)](request)


def silent(request: Request) -> None:
    request.socket.recv(1)


def dripping(request: Request) -> None:
    request.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    request.drip(b" ")


def endless(request: Request) -> None:
    request.socket.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    request.drip(bytes(FRAME), seconds=0)


def cut(request: Request) -> None:
    request.answer(200, b'{"status"', Content_Length="1000")
    request.socket.close()


NOT_ASKED = saying(500)


@contextmanager
def asking(
    api: Answer, site: Answer = NOT_ASKED, *, limits: Limits = QUICK, seconds: float = SECONDS
) -> Iterator[tuple[Finna, Server, Server]]:
    """A Finna that answers like this, and what asks it."""
    with (
        serving(api) as one,
        serving(site) as other,
        Finna(f"http://{one.host}", f"http://{other.host}", None, limits=limits, seconds=seconds) as client,
    ):
        yield client, one, other


def failure(api: Answer, limits: Limits = QUICK) -> Unfetchable:
    """What comes of a record that is answered for like this."""
    with asking(api, limits=limits) as (client, _, _), pytest.raises(Unfetchable) as failed:
        client.record(ID)
    return failed.value


def failure_of_picture(site: Answer, limits: Limits = QUICK) -> Unfetchable:
    with asking(NOT_ASKED, site, limits=limits) as (client, _, other), pytest.raises(Unfetchable) as failed:
        client.picture(f"http://{other.host}/Cover/Show")
    return failed.value


@pytest.fixture(scope="module")
def empty() -> Iterator[tuple[Finna, Server]]:
    """A Finna without records."""
    with asking(telling(MISSING, 400)) as (client, api, _):
        yield client, api


@pytest.fixture(scope="module")
def fickle() -> Iterator[tuple[Finna, list[Answer]]]:
    """A Finna that answers like the last of a list."""
    answers: list[Answer] = []

    def last(request: Request) -> None:
        answers[-1](request)

    with asking(last) as (client, _, _):
        yield client, answers


def check_not_understood(fickle: tuple[Finna, list[Answer]], answer: Answer) -> None:
    client, answers = fickle
    answers.append(answer)
    with pytest.raises(Unfetchable, match=r"^Finna's answer is not understood\.$") as failed:
        client.record(ID)
    assert failed.value.reason is Reason.UNEXPECTED_ANSWER
    assert not failed.value.reason.transient


# What Finna tells


def test_a_record_with_its_pictures_in_their_order() -> None:
    with asking(telling(found(image(0), image(1)))) as (client, api, site):
        record = client.record(ID)
    start = f"http://{site.host}/Cover/Show?source=Solr&id={ID}&index="
    pictures = [Picture(f"{start}{index}&size=large", f"{start}{index}&size=small") for index in (0, 1)]
    assert record == Record(ID, "Näkymä", tuple(pictures))
    (request,) = api.requests
    assert urlsplit(request.path).path == "/v1/record"
    assert parse_qsl(urlsplit(request.path).query) == [
        ("id", ID),
        ("field[]", "id"),
        ("field[]", "title"),
        ("field[]", "imagesExtended"),
    ]
    assert not site.requests


def test_a_record_may_go_by_another_id() -> None:
    with asking(telling(found(id="museovirasto.C3"))) as (client, _, _):
        assert client.record(ID) == Record("museovirasto.C3", "Näkymä", ())


def test_fields_without_a_value_are_left_out() -> None:
    answer = {"resultCount": 1, "records": [{}], "status": "OK"}
    with asking(telling(answer)) as (client, _, _):
        assert client.record(ID) == Record(ID, None, ())


@pytest.mark.parametrize(
    ("sizes", "best", "small"),
    [
        (("small", "medium", "large", "master"), "large", "small"),
        (("small", "medium", "master"), "master", "small"),
        (("medium", "small"), "medium", "small"),
        (("small",), "small", "small"),
        (("large", "master"), "large", "large"),
    ],
)
def test_pictures_are_large_and_small_where_they_can_be(
    sizes: tuple[str, ...], best: str, small: str
) -> None:
    with asking(telling(found(image(0, *sizes)))) as (client, _, _):
        record = client.record(ID)
    assert record
    (picture,) = record.pictures
    assert picture.url.endswith(f"&size={best}")
    assert picture.small.endswith(f"&size={small}")


@pytest.mark.parametrize(
    "answer",
    [telling(MISSING, 400), telling(MISSING), telling({"status": "OK", "resultCount": 0})],
    ids=["400", "200", "no result"],
)
def test_a_record_that_is_not_there(answer: Answer) -> None:
    with asking(answer) as (client, _, _):
        assert client.record(ID) is None


def test_the_announced_type_does_not_matter() -> None:
    with asking(telling(found(), Content_Type="text/html")) as (client, _, _):
        assert client.record(ID)


def test_a_picture() -> None:
    with asking(telling(found(image(0))), saying(200, JPEG)) as (client, _, site):
        record = client.record(ID)
        assert record
        assert client.picture(record.pictures[0].small) == JPEG
    assert [request.path for request in site.requests] == [
        f"/Cover/Show?source=Solr&id={ID}&index=0&size=small"
    ]


# What it fails to tell


@pytest.mark.parametrize(
    ("status", "reason", "transient"),
    [
        (401, Reason.FORBIDDEN, False),
        (403, Reason.FORBIDDEN, False),
        (404, Reason.NOT_FOUND, False),
        (418, Reason.REFUSED, False),
        (429, Reason.RATE_LIMITED, True),
        (500, Reason.SERVER_ERROR, True),
        (503, Reason.SERVER_ERROR, True),
    ],
)
def test_another_status_is_a_failure(status: int, reason: Reason, transient: bool) -> None:
    for failed in (failure(telling(MISSING, status)), failure_of_picture(saying(status, JPEG))):
        assert failed.reason is reason
        assert failed.reason.transient is transient
        assert failed.wait is None
        assert str(failed).startswith("Finna")
        assert str(failed).endswith("Try again later.") is transient
        assert "IMAGEHASH" not in str(failed)


@pytest.mark.parametrize(("status", "reason"), [(429, Reason.RATE_LIMITED), (503, Reason.SERVER_ERROR)])
def test_finna_is_left_alone_for_as_long_as_it_asks(status: int, reason: Reason) -> None:
    with asking(saying(status, Retry_After="600")) as (client, api, _):
        for expected in (reason, Reason.RATE_LIMITED):
            with pytest.raises(Unfetchable, match=r"Try again in \d{3} seconds\.$") as failed:
                client.record(ID)
            assert failed.value.reason is expected
            assert failed.value.wait == pytest.approx(600, abs=60)
    assert len(api.requests) == 1


@pytest.mark.parametrize("trouble", [saying(500), saying(429, Retry_After="0"), cut])
def test_trouble_that_passes_is_not_noticed(trouble: Answer) -> None:
    with asking(in_turn(trouble, telling(found()))) as (client, _, _):
        assert client.record(ID)


@pytest.mark.parametrize("slow", [silent, dripping])
def test_what_is_slow_is_given_up(slow: Answer) -> None:
    limits = QUICK._replace(whole=0.3)
    for failed in (failure(slow, limits), failure_of_picture(slow, limits)):
        assert failed.reason is Reason.TIMEOUT
        assert str(failed) == "Finna took too long to answer. Try again later."


def test_what_takes_too_long_in_all_is_given_up_and_makes_room() -> None:
    released = threading.Event()

    def late(request: Request) -> None:
        released.wait(5)
        telling(found())(request)

    with (
        asking(in_turn(*[late] * AT_ONCE, telling(found())), seconds=1) as (client, api, _),
        ThreadPoolExecutor(AT_ONCE) as threads,
    ):
        for waiting in [threads.submit(client.record, ID) for _ in range(AT_ONCE)]:
            failed = waiting.exception()
            assert isinstance(failed, Unfetchable)
            assert failed.reason is Reason.TIMEOUT
        assert client.record(ID)
        released.set()
    assert len(api.requests) == AT_ONCE + 1


def test_what_is_endless_is_given_up() -> None:
    for failed in (failure(endless), failure_of_picture(endless)):
        assert failed.reason is Reason.TOO_LARGE
        assert not failed.reason.transient
        assert str(failed) == "What Finna has there is too large to be fetched."


def test_pictures_may_be_larger_than_records() -> None:
    body = bytes(RECORD_SIZE + 1)
    with asking(saying(200, body), saying(200, body)) as (client, _, site):
        with pytest.raises(Unfetchable) as failed:
            client.record(ID)
        assert client.picture(f"http://{site.host}/") == body
    assert failed.value.reason is Reason.TOO_LARGE


def test_what_breaks_off_again_and_again_is_a_failure() -> None:
    failed = failure(cut)
    assert failed.reason is Reason.CUT_OFF
    assert str(failed) == "Finna's answer broke off. Try again later."


def test_a_finna_that_is_not_there() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with Finna(url, url, None, limits=QUICK) as client:
        for ask in (lambda: client.record(ID), lambda: client.picture(f"{url}/x.jpg")):
            with pytest.raises(Unfetchable, match=r"^Finna cannot be reached\. Try again later\.$") as failed:
                ask()
            assert failed.value.reason is Reason.CONNECTION


# What is no answer of Finna's


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!DOCTYPE html><title>Finna</title>",
        b'{"status": "OK", "resultCount": 1, "reco',
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b"9" * 10_000,
        b'{"status": "ERROR", "statusMessage": "\\ud800"}',
    ],
    ids=["nothing", "html", "cut", "bytes", "deep", "number", "surrogate"],
)
def test_what_is_not_json_is_not_understood(fickle: tuple[Finna, list[Answer]], body: bytes) -> None:
    for status in (200, 400):
        check_not_understood(fickle, saying(status, body, Content_Type="application/json"))


@pytest.mark.parametrize(
    "answer",
    [
        None,
        7,
        "OK",
        [],
        {},
        {"status": 400},
        {"status": "OK"},
        {"status": "OK", "resultCount": None},
        {"status": "OK", "resultCount": 1},
        {"status": "OK", "resultCount": 1, "records": []},
        {"status": "OK", "resultCount": 1, "records": {}},
        {"status": "OK", "resultCount": 1, "records": ["x"]},
        found(id=7),
        found(title=["Näkymä"]),
        found(imagesExtended=None),
        found(imagesExtended={"urls": {}}),
        found("/Cover/Show"),
        found({}),
        found({"urls": ["/Cover/Show"]}),
        found({"urls": {}}),
        found({"urls": {"large": None}}),
        found({"urls": {"large": ["/Cover/Show"]}}),
        found({"urls": {"large": "/Cover/Show", "small": 7}}),
    ],
)
def test_json_of_another_shape_is_not_understood(fickle: tuple[Finna, list[Answer]], answer: Any) -> None:
    check_not_understood(fickle, telling(answer))


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:image/png;base64,AA",
        "ftp://finna.fi/",
        "https:///x",
        "http://[::1",
        "/\0",
    ],
)
def test_pictures_that_are_not_on_the_web_are_not_told_of(
    fickle: tuple[Finna, list[Answer]], address: str
) -> None:
    check_not_understood(fickle, telling(found({"urls": {"large": address}})))


# Elsewhere


@pytest.mark.parametrize(
    "address", ["http://{elsewhere}/x.jpg", "//{elsewhere}/x.jpg", "http://{site}@{elsewhere}/x.jpg"]
)
def test_pictures_that_are_elsewhere_are_told_of_and_not_fetched(address: str) -> None:
    def tell(request: Request) -> None:
        url = address.format(site=site.host, elsewhere=elsewhere.host)
        telling(found(image(0), {"urls": {"large": url}}))(request)

    with serving(saying(200, JPEG)) as elsewhere, asking(tell) as (client, _, site):
        record = client.record(ID)
        assert record
        assert urlsplit(record.pictures[1].url).hostname == "127.0.0.1"
        assert record.pictures[1].url.endswith(f"{elsewhere.host}/x.jpg")
        with pytest.raises(Unfetchable) as failed:
            client.picture(record.pictures[1].url)
    assert failed.value.reason is Reason.FOREIGN_ADDRESS
    assert str(failed.value) == "That address leads away from Finna, and was not followed."
    assert not elsewhere.requests


@pytest.mark.parametrize("url", ["", "/Cover/Show", "file:///etc/passwd", "http://169.254.169.254/", "\0"])
def test_nothing_else_passes_for_a_picture(url: str) -> None:
    with asking(NOT_ASKED) as (client, _, site), pytest.raises(Unfetchable) as failed:
        client.picture(url)
    assert failed.value.reason is Reason.FOREIGN_ADDRESS
    assert not site.requests


def test_redirects_elsewhere_are_not_followed() -> None:
    with serving(telling(found())) as elsewhere:
        moved = saying(302, Location=f"http://{elsewhere.host}/")
        for failed in (failure(moved), failure_of_picture(moved)):
            assert failed.reason is Reason.FOREIGN_ADDRESS
            assert not failed.reason.transient
            assert elsewhere.host not in str(failed)
    assert not elsewhere.requests


def test_redirects_within_finna_are_followed() -> None:
    there = in_turn(saying(302, Location="/new.jpg"), saying(200, JPEG))
    with asking(NOT_ASKED, there) as (client, _, site):
        assert client.picture(f"http://{site.host}/old.jpg") == JPEG

    def moved(request: Request) -> None:
        request.answer(301, Location=f"http://{site.host}/v1/record")

    with asking(moved, telling(found())) as (client, _, site):
        assert client.record(ID)


# Ids


@pytest.mark.parametrize(
    "record_id",
    [
        "museovirasto.A1&id=other&field[]=rawData",
        "x#fragment",
        "x?y=z",
        "../../admin",
        "//elsewhere.example/",
        "http://elsewhere.example/",
        "@elsewhere.example",
        "fmp.http%3A%2F%2Fmuseo24.fi%2F1",
        "sls.%25C3%2596TA+335_foto 81",
        "ä/ö\\å;'\"<>%00{}$",
        "é" * LONGEST_ID,
        "😀",
    ],
)
def test_an_id_is_one_value_of_the_query_whatever_it_holds(
    empty: tuple[Finna, Server], record_id: str
) -> None:
    client, api = empty
    assert client.record(record_id) is None
    request = api.requests[-1]
    assert request.headers["host"] == api.host
    assert request.path.startswith("/v1/record?id=")
    asked = parse_qsl(urlsplit(request.path).query, strict_parsing=True)
    assert asked[0] == ("id", record_id)
    assert [value for _, value in asked[1:]] == ["id", "title", "imagesExtended"]


@pytest.mark.parametrize(
    "record_id",
    ["", "x" * (LONGEST_ID + 1), "a\r\nHost: x", "a\0", "a\x7f", "a\x85", "a\u2028b", "a\u202eb", "\ud800"],
)
def test_what_cannot_be_an_id_is_not_asked_for(empty: tuple[Finna, Server], record_id: str) -> None:
    client, api = empty
    before = len(api.requests)
    with pytest.raises(ValueError, match="Finna record") as refused:
        client.record(record_id)
    assert str(refused.value).isprintable()
    assert len(api.requests) == before


# What is kept


@pytest.mark.parametrize(
    "answer", [telling(found(image(0))), telling(MISSING, 400)], ids=["there", "missing"]
)
def test_an_answer_is_kept(answer: Answer) -> None:
    with asking(answer) as (client, api, _):
        assert client.record(ID) == client.record(ID)
        assert len(api.requests) == 1
        client.record("another")
        assert len(api.requests) == 2


@pytest.mark.parametrize("answer", [saying(403), saying(500), saying(200, b"nonsense")])
def test_a_failure_is_not_kept(answer: Answer) -> None:
    limits = QUICK._replace(tries=1)
    with asking(in_turn(answer, telling(found())), limits=limits) as (client, _, _):
        with pytest.raises(Unfetchable):
            client.record(ID)
        assert client.record(ID)


def test_an_answer_is_not_kept_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finna, "KEPT_SECONDS", 0)
    with asking(in_turn(telling(MISSING, 400), telling(found()))) as (client, _, _):
        assert client.record(ID) is None
        assert client.record(ID)


def test_only_the_newest_answers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finna, "MOST_KEPT", 2)
    with asking(telling(found())) as (client, api, _):
        for record_id in ("a", "b", "c", "c", "b", "a"):
            client.record(record_id)
    asked = [dict(parse_qsl(urlsplit(request.path).query))["id"] for request in api.requests]
    assert asked == ["a", "b", "c", "a"]


# Threads


def test_many_threads_ask_through_one() -> None:
    def echo(request: Request) -> None:
        telling(found(id=dict(parse_qsl(urlsplit(request.path).query))["id"]))(request)

    ids = [f"museovirasto.{number}" for number in range(20)] * 3
    with asking(echo) as (client, _, _), ThreadPoolExecutor(12) as threads:
        records = list(threads.map(client.record, ids))
    assert [record and record.id for record in records] == ids


def test_a_slow_record_holds_up_no_other() -> None:
    asked, released = threading.Event(), threading.Event()

    def slow(request: Request) -> None:
        asked.set()
        released.wait(5)
        telling(found())(request)

    with (
        asking(in_turn(slow, telling(found()))) as (client, _, _),
        ThreadPoolExecutor(1) as threads,
    ):
        waiting = threads.submit(client.record, "slow")
        asked.wait(5)
        assert client.record(ID)
        assert not waiting.done()
        released.set()
        assert waiting.result()


def test_nobody_is_asked_without_a_contact() -> None:
    with pytest.raises(ValueError, match="IMAGEHASH_USER_AGENT"):
        Finna("https://api.finna.fi", "https://finna.fi", None)


def test_the_usual_port_may_be_named() -> None:
    url = "http://127.0.0.1:80"
    with Finna(url, url, None, limits=QUICK._replace(whole=0.3, tries=1)) as client:
        reason = None
        try:
            client.picture(f"{url}/")
        except Unfetchable as failed:
            reason = failed.reason
    assert reason is not Reason.FOREIGN_ADDRESS
