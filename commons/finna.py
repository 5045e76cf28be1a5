"""Records of Finna and their pictures (https://api.finna.fi/swagger-ui/), for somebody who waits for them.

Another source is to be another module like this one: `record` and `picture`, with the same types and errors.
"""

import json
from contextlib import ExitStack, suppress
from http import HTTPStatus
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

import httpx2

from commons.fetching import Fetcher, Limits, Unfetchable
from commons.kept import Kept
from commons.pictures import Reason

LONGEST_ID = 255
"""Characters."""

SECONDS = 10.0
"""What a record or a picture may take in all: its turn, every try and every redirect."""

LIMITS = Limits(size=20 * 2**20, whole=8, quiet=8, connect=3, tries=2, backoff=0.25, patience=2)
"""What a picture may cost; a record has a size of its own."""

RECORD_SIZE = 4 * 2**20
"""Bytes; some records have hundreds of pictures, with a kilobyte or two about each."""

AT_ONCE = 4
"""Records, and as many pictures."""

MOST_KEPT = 1000
"""Records that are not asked for again, for KEPT_SECONDS."""

KEPT_SECONDS = 3600.0

_FIELDS = ("id", "title", "imagesExtended")
_BEST_FIRST = ("large", "master", "medium", "small")
"""A master may be the very original, and too large to be fetched."""

_NONSENSE = "Finna's answer is not understood."
_SENTENCES = {
    Reason.FORBIDDEN: "Finna does not let this service read that.",
    Reason.NOT_FOUND: "Finna has nothing at that address.",
    Reason.FOREIGN_ADDRESS: "That address leads away from Finna, and was not followed.",
    Reason.TOO_LARGE: "What Finna has there is too large to be fetched.",
    Reason.OUT_OF_MEMORY: "What Finna has there does not fit into memory.",
    Reason.TIMEOUT: "Finna took too long to answer.",
    Reason.CONNECTION: "Finna cannot be reached.",
    Reason.CUT_OFF: "Finna's answer broke off.",
    Reason.SERVER_ERROR: "Finna has trouble of its own.",
    Reason.RATE_LIMITED: "Finna asks to be left alone.",
}


class Picture(NamedTuple):
    """Where a picture is: large, or else in the best size there is; and small, or else the same."""

    url: str
    small: str


class Record(NamedTuple):
    """A record under its own id, which may be another than was asked for, and its pictures in their order."""

    id: str
    title: str | None
    pictures: tuple[Picture, ...]


class Finna:
    """Asks Finna at the addresses of its API and its site, and nowhere else.

    To be used as a context, from any thread. `record` and `picture` block, for `seconds` at the most, and
    raise Unfetchable with a sentence for the client: `reason.transient` tells whether trying later may help,
    `wait` after how many seconds, where Finna says so. Raises ValueError where a host is not local and the
    user `agent` names no contact.
    """

    def __init__(
        self, api: str, site: str, agent: str | None, *, limits: Limits = LIMITS, seconds: float = SECONDS
    ) -> None:
        self._api = api
        self._site = httpx2.URL(site)
        self._seconds = seconds
        hosts = {url.netloc.decode() for url in (httpx2.URL(api), self._site)}
        self._for_records = Fetcher(
            hosts,
            agent,
            at_once=AT_ONCE,
            limits=limits._replace(size=RECORD_SIZE),
            taken={HTTPStatus.OK, HTTPStatus.BAD_REQUEST},
        )
        self._for_pictures = Fetcher(hosts, agent, at_once=AT_ONCE, limits=limits)
        self._known: Kept[str, Record | None] = Kept(MOST_KEPT, KEPT_SECONDS)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self._for_records)
        self._stack.enter_context(self._for_pictures)
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def record(self, record_id: str) -> Record | None:
        """The record, as it was within the last hour; None where Finna has no such record.

        Raises Unfetchable, and ValueError for what cannot be an id.
        """
        _check_id(record_id)
        with suppress(KeyError):
            return self._known[record_id]
        record = self._known[record_id] = self._ask(record_id)
        return record

    def picture(self, url: str) -> bytes:
        """The bytes of a picture of a record, whatever they are; raises Unfetchable."""
        return self._fetch(self._for_pictures, url)

    def _ask(self, record_id: str) -> Record | None:
        query = urlencode([("id", record_id), *(("field[]", field) for field in _FIELDS)])
        body = self._fetch(self._for_records, f"{self._api}/v1/record?{query}")
        try:
            return _read(_parse(body), record_id, self._site)
        except (ValueError, RecursionError) as error:
            raise _failure(Reason.UNEXPECTED_ANSWER) from error

    def _fetch(self, fetcher: Fetcher, url: str) -> bytes:
        future = fetcher.submit(url)
        try:
            return future.result(self._seconds)
        except Unfetchable as failure:
            raise _failure(failure.reason, failure.wait) from failure
        except TimeoutError:
            future.cancel()
            raise _failure(Reason.TIMEOUT) from None


def _check_id(record_id: str) -> None:
    if not 0 < len(record_id) <= LONGEST_ID:
        raise ValueError(f"the id of a Finna record has 1 to {LONGEST_ID} characters, not {len(record_id)}")
    if not record_id.isprintable():
        raise ValueError(f"{record_id!r} holds characters that the id of a Finna record cannot have")


def _parse(body: bytes) -> Any:
    answer = json.loads(body)
    # JSON can hold half a character (a lone surrogate), which could not be passed on.
    json.dumps(answer, ensure_ascii=False).encode()
    return answer


def _read(answer: Any, asked: str, site: httpx2.URL) -> Record | None:
    """Read what the API answers; raises ValueError where it is something else."""
    match answer:
        case {"status": "OK", "resultCount": 1, "records": [dict(told)]}:
            return _record(told, asked, site)
        case {"status": "ERROR"}:
            return None
        case {"status": "OK", "resultCount": int(count)} if count != 1:
            return None
    raise ValueError("neither a record nor an error")


def _record(told: dict[str, Any], asked: str, site: httpx2.URL) -> Record:
    # The API leaves out fields that have no value.
    match {"id": asked, "title": None, "imagesExtended": []} | told:
        case {"id": str(own), "title": str() | None as title, "imagesExtended": list(images)}:
            return Record(own, title, tuple(_picture(image, site) for image in images))
    raise ValueError("fields of another kind")


def _picture(image: Any, site: httpx2.URL) -> Picture:
    match image:
        case {"urls": dict(urls)}:
            best = next((urls[size] for size in _BEST_FIRST if size in urls), None)
            return Picture(_address(best, site), _address(urls.get("small", best), site))
    raise ValueError("a picture without addresses")


def _address(told: Any, site: httpx2.URL) -> str:
    """An address in full, which may lead anywhere on the web: what is fetched is checked then."""
    try:
        url = site.join(told)
    except (httpx2.InvalidURL, TypeError) as error:
        raise ValueError("no address") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError("no address on the web")
    return str(url)


def _failure(reason: Reason, wait: float | None = None) -> Unfetchable:
    sentence = _SENTENCES.get(reason, _NONSENSE)
    if reason.transient:
        sentence += " Try again later." if wait is None else f" Try again in {wait:.0f} seconds."
    return Unfetchable(reason, sentence, wait)
