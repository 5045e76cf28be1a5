from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest

from commons.fetching import LIMITS, Fetcher
from commons.imageinfo import Address, Version
from commons.pictures import Reason, hash_picture
from commons.workers import CrashedError
from index.download import Download
from tests.commons.serving import Request, Server, serving

PUFFIN = "commons100/puffin.jpg"


def digest(data: bytes) -> str:
    return sha1(data, usedforsecurity=False).hexdigest()


@contextmanager
def files(threads: Executor, *bodies: bytes, status: int = 200) -> Iterator[tuple[Server, Download]]:
    """A server that answers with bodies, one for each request, and what fetches from it."""

    def answer(request: Request) -> None:
        request.answer(status, bodies[request.number])

    limits = LIMITS._replace(tries=1)
    with serving(answer) as server, Fetcher([server.host], None, limits=limits) as fetcher:
        yield server, Download(fetcher, threads)


def version(server: Server, **facts: Any) -> Version:
    address = Address(f"http://{server.host}/A.jpg", "image/jpeg")._replace(**facts)
    return Version(5, "A.jpg", address)


def test_an_original(threads: Executor, photos: Path) -> None:
    data = (photos / PUFFIN).read_bytes()
    with files(threads, data) as (server, download):
        asked = version(server, size=len(data), sha1=digest(data))
        outcome = download.take(asked)
    assert outcome.job is asked
    assert (outcome.size, outcome.sha1, outcome.reason) == (len(data), digest(data), None)
    assert outcome.picture == hash_picture(data)


def test_a_thumbnail_of_which_nothing_is_known(threads: Executor, photos: Path) -> None:
    data = (photos / PUFFIN).read_bytes()
    with files(threads, data) as (server, download):
        outcome = download.take(version(server, thumb_width=960, thumb_type="default"))
    assert (outcome.picture, outcome.sha1) == (hash_picture(data), digest(data))


@pytest.mark.parametrize("name", ["commons100/mural.jpg", "formats/truncated_jpeg.jpg"])
def test_other_bytes_than_the_wiki_told_of(threads: Executor, photos: Path, name: str) -> None:
    told, data = (photos / PUFFIN).read_bytes(), (photos / name).read_bytes()
    with files(threads, data) as (server, download):
        outcome = download.take(version(server, size=len(told), sha1=digest(told)))
    assert (outcome.reason, outcome.picture) == (Reason.OTHER_VERSION, None)
    assert outcome.detail
    assert digest(data) in outcome.detail


def test_a_picture_that_is_broken(threads: Executor, photos: Path) -> None:
    data = (photos / "formats" / "truncated_jpeg.jpg").read_bytes()
    with files(threads, data) as (server, download):
        outcome = download.take(version(server, sha1=digest(data)))
    assert (outcome.reason, outcome.picture) == (Reason.TRUNCATED, None)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, Reason.NOT_FOUND),
        (403, Reason.FORBIDDEN),
        (429, Reason.RATE_LIMITED),
        (503, Reason.SERVER_ERROR),
    ],
)
def test_a_file_that_cannot_be_had(threads: Executor, status: int, reason: Reason) -> None:
    with files(threads, b"no", status=status) as (server, download):
        outcome = download.take(version(server))
    assert (outcome.reason, outcome.sha1, outcome.picture) == (reason, None, None)
    assert str(status) in (outcome.detail or "")


def test_an_address_elsewhere_is_not_asked(threads: Executor) -> None:
    with files(threads) as (server, download):
        outcome = download.take(version(server, url="http://127.0.0.1:9/A.jpg"))
        assert server.requests == []
    assert outcome.reason is Reason.FOREIGN_ADDRESS


def test_a_file_that_is_too_large_is_not_fetched(threads: Executor) -> None:
    with files(threads, b"no picture") as (server, download):
        outcome = download.take(version(server, size=LIMITS.size + 1))
        assert server.requests == []
        assert outcome.reason is Reason.TOO_LARGE
        assert outcome.detail == "the file has 268,435,457 bytes; at most 268,435,456 are fetched"
        assert download.take(version(server, size=LIMITS.size)).reason is Reason.NOT_AN_IMAGE


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        (Reason.NO_FILE, "no file"),
        (Reason.SUPPRESSED, "hidden"),
        (Reason.SOUND_OR_VIDEO, "sounds"),
        (Reason.UNSUPPORTED_TYPE, "type"),
        (Reason.NO_THUMBNAIL, "no thumbnail"),
    ],
)
def test_what_has_no_address_is_told_in_words(threads: Executor, reason: Reason, word: str) -> None:
    with files(threads) as (server, download):
        outcome = download.take(Version(5, "A.jpg", reason=reason))
        assert server.requests == []
    assert (outcome.reason, outcome.picture) == (reason, None)
    assert word in (outcome.detail or "")


@pytest.mark.parametrize("error", [CrashedError, TimeoutError])
def test_what_becomes_of_the_executor_is_the_pipelines_to_tell(error: type[Exception], photos: Path) -> None:
    class Failing(Executor):
        def submit(self, *_: Any, **__: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_exception(error())
            return future

    with files(Failing(), (photos / PUFFIN).read_bytes()) as (server, download), pytest.raises(error):
        download.take(version(server))
