"""What happens to files on a wiki, as it happens, from Wikimedia's EventStreams.

See https://wikitech.wikimedia.org/wiki/Event_Platform/EventStreams_HTTP_Service. pywikibot reads them here,
but one connection at a time. Where one ends, the library would sleep, even if it is to stop, and then go on
after the id of the last event. That loses events: others of the same millisecond, and the first of a stream
that was quiet so far, of whose place an id tells nothing (https://github.com/wikimedia/KafkaSSE). So the next
connection is a new one, and asks for all that came since a moment.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from queue import Empty, Full, Queue
from threading import Event as Flag
from threading import Thread
from typing import Any, NamedTuple, NoReturn, Self

import requests

from commons.mediawiki import NoAnswerError, library

logger = logging.getLogger(__name__)

WIKIMEDIA = "https://stream.wikimedia.org/v2/stream/recentchange,page-delete,page-undelete,page-move"
"""Where Wikimedia tells of changes, and once more of those that have a page id to tell."""

_BUSIEST = "mediawiki.recentchange"
"""The stream that tells how far all are: where days are to be made up for, the others are through at once."""

_OVERLAP = timedelta(minutes=1)
"""What is asked for once more, since events do not come in the order of their moments."""

_FILES = 6
_LOGS = ("upload", "delete", "move")

_QUEUED = 1000
_SECONDS_TO_CONNECT = 10
_SECONDS_TO_LAST = 5
_SECONDS_TO_END = 2
_LONGEST_PAUSE = 30


class Event(NamedTuple):
    """Something happened to a file, which is told by its page id, its name (with underscores) or both.

    What it was is not told, since by now it may be otherwise: the wiki is to be asked.
    """

    at: datetime
    page_id: int | None
    name: str | None


class Events:
    """Listens, while it is entered, to what happens to the files of the wiki called ``host``.

    Iterating yields events, some of them more than once, and None where none came for ``tick`` seconds. It
    does not end, but raises NoAnswerError after trying for longer than ``patience`` seconds to get an answer.
    A connection that is silent for ``silence`` seconds is given up. The next is made after ``pause`` seconds,
    where it does not succeed after twice as many and so on. That nothing comes is logged, once until
    something does.

    ``since`` is from when to listen, first and whenever that is taken up again: all from before has been
    yielded. ``url`` is that of all streams together, of Wikimedia's by default.
    """

    def __init__(
        self,
        host: str,
        user_agent: str,
        *,
        since: datetime,
        url: str = WIKIMEDIA,
        tick: float = 1,
        silence: float = 60,
        patience: float = 300,
        pause: float = 1,
    ) -> None:
        self.since = self._reached = since
        self._host, self._url, self._tick = host, url, tick
        self._patience, self._pause = patience, pause
        self._queue: Queue[tuple[datetime, Event]] = Queue(_QUEUED)
        self._leaving = Flag()
        self._connection = _Connection(user_agent, silence, self._leaving)
        self._failure: Exception | None = None
        # What is about to connect cannot be told to stop, and shall not hold up who leaves.
        self._thread = Thread(target=self._listen, name="events", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._connection.end()
        self._thread.join(_SECONDS_TO_END)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event | None:
        # Looked at before the queue: what came until then is in there.
        reached = self._reached
        try:
            self.since, event = self._queue.get(timeout=self._tick)
        except Empty:
            if self._failure is not None:
                raise NoAnswerError(f"{self._url} does not answer: {self._failure}") from self._failure
            self.since = reached
            return None
        return event

    def _listen(self) -> None:
        trying_since, pause = time.monotonic(), self._pause
        heard = warned = False
        while not self._leaving.is_set():
            reached = self._reached
            problem = self._connection.read(self._address(), self._take)
            silent = self._reached == reached
            heard, warned = heard or not silent, warned and silent
            # A small wiki may keep silent for long, but not one from which nothing came yet.
            is_quiet = heard and self._connection.lasted
            if silent and not (warned or is_quiet or self._leaving.is_set()):
                warned = True
                logger.warning("nothing comes from %s (%s); asking again", self._url, problem)
            if not silent or self._connection.lasted:
                trying_since, pause = time.monotonic(), self._pause
            elif time.monotonic() - trying_since > self._patience:
                self._failure = problem
                return
            self._leaving.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _address(self) -> str:
        since = (self._reached - _OVERLAP).astimezone(UTC)
        return f"{self._url}{'&' if '?' in self._url else '?'}since={since:%Y-%m-%dT%H:%M:%SZ}"

    def _take(self, told: dict[str, Any]) -> None:
        meta = told["meta"]
        at = datetime.fromisoformat(meta["dt"])
        reached = self._reached
        if meta["stream"] == _BUSIEST:
            # Whoever's clock is fast shall not have us miss what comes until then.
            reached = max(reached, min(at, datetime.now(UTC)))
        if meta["domain"] == self._host:
            for page_id, name in _files(told):
                self._put(reached, Event(at, page_id, name))
        self._reached = reached

    def _put(self, reached: datetime, event: Event) -> None:
        while not self._leaving.is_set():
            with suppress(Full):
                self._queue.put((reached, event), timeout=self._tick)
                return


class _Connection:
    """A connection at a time, which another thread can end.

    ``lasted`` tells of the latest whether it was a good one, be it that nothing happened.
    """

    def __init__(self, user_agent: str, silence: float, leaving: Flag) -> None:
        library(user_agent)
        self.lasted = False
        self._headers = {"user-agent": user_agent}
        self._silence, self._leaving = silence, leaving
        self._response: requests.Response | None = None
        self._opened = float("inf")

    def read(self, url: str, take: Callable[[dict[str, Any]], None]) -> Exception:
        """Hand over all that is told; returns what ended it."""
        problem: Exception = NoAnswerError("it is over")
        self._opened = float("inf")
        try:
            with requests.Session() as session:
                session.hooks["response"].append(self._meet)
                for told in self._stream(url, session):
                    take(told)
        # The library has errors of its own, those of HTTP, and trips over what is no event.
        except Exception as error:
            problem = error
        self._close()
        self.lasted = time.monotonic() - self._opened >= min(_SECONDS_TO_LAST, self._silence)
        return problem

    def end(self) -> None:
        """Have the reading end in another thread."""
        response = self._response
        # It may have ended by itself.
        with suppress(OSError, RuntimeError, ValueError):
            if response is not None:
                response.raw.shutdown()

    def _close(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    def _stream(self, url: str, session: requests.Session) -> Iterator[dict[str, Any]]:
        from pywikibot.comms.eventstreams import EventStreams  # noqa: PLC0415  (where it has been tamed)

        stream: Iterator[dict[str, Any]] = EventStreams(
            site=None,
            url=url,
            headers=dict(self._headers),
            session=session,
            timeout=(_SECONDS_TO_CONNECT, self._silence),
            on_open=self._open,
            on_error=self._fail,
        )
        return stream

    def _meet(self, response: requests.Response, **_: object) -> None:
        self._response = response
        if self._leaving.is_set():
            self._fail()

    def _open(self) -> None:
        self._opened = time.monotonic()

    def _fail(self) -> NoReturn:
        """What the library calls before it would sleep and try again."""
        answer = self._response
        said = "" if answer is None else f"{answer.status_code} {answer.reason}, and no more events"
        raise NoAnswerError(str(sys.exc_info()[1] or said))


def _files(told: dict[str, Any]) -> Iterator[tuple[int | None, str]]:
    """The page ids and names of the files that are told of."""
    if told.get("page_namespace") == _FILES:
        yield told["page_id"], _name(told["page_title"])
    elif told.get("namespace") == _FILES and told.get("log_type") in _LOGS:
        yield None, _name(told["title"])
        if told["log_type"] == "move":
            yield None, _name(told["log_params"]["target"])


def _name(title: str) -> str:
    return title.partition(":")[2].replace(" ", "_")
