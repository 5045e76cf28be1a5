"""What steps come to, written down: rows of hashes, failures, tombstones, and how far the run has come."""

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

from sqlalchemy import Connection

from commons.hashes import library_versions
from commons.imageinfo import Version
from commons.pictures import HashedPicture, Reason
from index.hashing import Outcome
from index.selection import Step
from sql import pairs, positions, results, states
from sql.database import Database
from sql.patience import patiently
from sql.results import Result
from sql.states import Attempt, State

MOST_REFUSALS = 20
"""Files in a row that are refused, or not served at all, before a run is stopped."""

MOST_FAILURES = 20
"""Failures that a run tells of one by one."""

_PAUSE = 0.05
"""Seconds to wait before looking again whether a page that comes once more is settled."""

_LONGEST_WAIT = timedelta(days=90)
_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
_FIRST_WAITS = {
    **{reason: _HOUR for reason in Reason if reason.transient},
    Reason.FORBIDDEN: _DAY,
    Reason.NOT_FOUND: _DAY,
    Reason.NO_FILE: _DAY,
    Reason.NO_THUMBNAIL: _WEEK,
    Reason.SUPPRESSED: _WEEK,
    Reason.FOREIGN_ADDRESS: _WEEK,
    Reason.UNEXPECTED_ANSWER: _WEEK,
}
"""How long to wait after the first failure, by reason; each further one doubles it. All others are final."""

_REFUSALS = {
    Reason.CONNECTION,
    Reason.RATE_LIMITED,
    Reason.FORBIDDEN,
    Reason.SERVER_ERROR,
    Reason.REFUSED,
    Reason.FOREIGN_ADDRESS,
    Reason.UNEXPECTED_ANSWER,
}


class RefusedRunError(Exception):
    """The server of the files refuses, or does not answer, time after time."""


class Graves(NamedTuple):
    """Pages that get a tombstone, and those that lose theirs, with their titles."""

    gone: dict[int, str | None]
    back: dict[int, str | None]


class Failure(NamedTuple):
    """A file that could not be hashed."""

    name: str
    reason: str
    detail: str


class _Open:
    """A step of which something is under way."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.waiting = len(step.versions)


class Ledger:
    """Hands out the versions of steps, up to ``limit``, and writes what comes of them.

    A position is written only once all before it is settled: hashed, or failed for a reason that is
    written down. Counts files ``seen`` and ``hashed``, and the ``reasons`` of failures; knows pages
    that are ``gone``, or ``back``.
    """

    def __init__(self, database: Database, *, limit: int | None = None) -> None:
        self.seen = self.hashed = 0
        self.gone: set[int] = set()
        self.back: set[int] = set()
        self.reasons: Counter[str] = Counter()
        self.failures: list[Failure] = []
        self.positions: dict[str, int] = {}
        self._database = database
        self._left = limit
        self._libraries = library_versions()
        self._steps: deque[_Open] = deque()
        self._under_way: dict[int | None, _Open] = {}
        self._refusals = 0

    def jobs(self, steps: Iterable[Step | None]) -> Iterator[Version | None]:
        """The versions of steps one by one; None now and then, as for ``pipeline.run``."""
        for step in steps:
            yield None
            if step is None:
                continue
            self.seen += step.seen
            opened = _Open(step)
            self._steps.append(opened)
            for version in step.versions:
                while version.page_id in self._under_way:
                    time.sleep(_PAUSE)
                    yield None
                if self._left == 0:
                    return
                self._left = None if self._left is None else self._left - 1
                self._under_way[version.page_id] = opened
                yield version

    def write(self, outcomes: Sequence[Outcome[Version]]) -> None:
        """Write a batch of outcomes, and whatever is settled by them.

        Raises RefusedRunError, after that, where the server of the files refuses time after time.
        """
        # The keyboard may cut this short, after which the same outcomes come again.
        for outcome in outcomes:
            if opened := self._under_way.pop(outcome.job.page_id, None):
                opened.waiting -= 1
        settled = [opened.step for opened in takewhile(lambda opened: not opened.waiting, self._steps)]
        if outcomes or settled:
            patiently(lambda: self._save(outcomes, settled))
        for _ in settled:
            self._steps.popleft()
        self._count(outcomes, settled)

    def graves(self, step: Step) -> Graves:
        """What would be told of pages by a step, if it were settled now."""

        def found() -> Graves:
            with self._database.read() as connection:
                return graves_of(connection, [step])

        return patiently(found)

    def _save(self, outcomes: Sequence[Outcome[Version]], settled: Sequence[Step]) -> None:
        """Write all of it, or nothing; what is there already, as after a commit of unknown fate, stays."""
        reached = {keyword: position for step in settled for keyword, position in step.positions.items()}
        with self._database.lock("pages"), self._database.write() as connection:
            results.save(connection, self._news(connection, outcomes))
            graves = graves_of(connection, settled)
            results.bury(connection, graves.gone, deleted=True)
            results.bury(connection, graves.back, deleted=False)
            positions.save(connection, reached)
        self.gone |= graves.gone.keys()
        self.back |= graves.back.keys()

    def _news(self, connection: Connection, outcomes: Sequence[Outcome[Version]]) -> list[Result]:
        """What is still to be written, since another run may have met the same files meanwhile."""
        now = datetime.now(UTC)
        page_ids = [outcome.job.page_id for outcome in outcomes if outcome.job.page_id is not None]
        known = states.of_pages(connection, page_ids)
        return [
            self._result(outcome, page_id, known[page_id], now)
            for page_id, outcome in zip(page_ids, outcomes, strict=True)
            if states.is_due(outcome.job, known[page_id], now)
        ]

    def _result(self, outcome: Outcome[Version], page_id: int, state: State, now: datetime) -> Result:
        version, picture = outcome.job, outcome.picture
        result = Result(
            page_id,
            version.sha1,
            self._libraries,
            width=version.width,
            height=version.height,
            file_timestamp=version.uploaded_at,
            reason=outcome.reason,
            detail=outcome.detail,
        )
        if picture is None:
            return result._replace(next_try=_next_try(outcome, state.attempt, now))
        thumb_width, thumb_type = _thumbnail(version, picture)
        return result._replace(
            phash=picture.hashes.phash,
            dhash=picture.hashes.dhash,
            thumb_width=thumb_width,
            thumb_type=thumb_type,
        )

    def _count(self, outcomes: Sequence[Outcome[Version]], settled: Sequence[Step]) -> None:
        for outcome in outcomes:
            self._refusals = self._refusals + 1 if outcome.reason in _REFUSALS else 0
            if outcome.reason is None:
                self.hashed += 1
                continue
            self.reasons[outcome.reason] += 1
            if len(self.failures) < MOST_FAILURES:
                name = outcome.job.name or f"page {outcome.job.page_id}"
                self.failures.append(Failure(name, outcome.reason, outcome.detail or ""))
        for step in settled:
            self.positions |= step.positions
        if self._refusals >= MOST_REFUSALS:
            raise RefusedRunError(
                f"stopped after {self._refusals} files in a row that could not be fetched; "
                f"the last time this was said: {outcomes[-1].detail}"
            )


def graves_of(connection: Connection, steps: Iterable[Step]) -> Graves:
    """What has to be told of pages, whose hashes are written by now; the last step that knows one counts."""
    titles: dict[int, str | None] = {}
    there: dict[int, bool] = {}
    for step in steps:
        for pages, has_file in ((step.missing, False), (step.there, True)):
            titles |= pages
            there |= dict.fromkeys(pages, has_file)
    missing = {page_id for page_id, has_file in there.items() if not has_file}
    hashed = pairs.of_pages(connection, missing).keys()
    buried = results.buried(connection, there).keys()
    return Graves(
        {page_id: titles[page_id] for page_id in hashed - buried},
        {page_id: titles[page_id] for page_id in buried - missing},
    )


def _thumbnail(version: Version, picture: HashedPicture) -> tuple[int | None, str | None]:
    """Width in pixels and type of what was hashed, as the tables have them; both None of an original."""
    told = version.address and version.address.thumb_type
    if told is None:
        # Only what has no thumbnail is fetched larger than is hashed, and reduced here as if to one.
        return picture.thumb_width, None if picture.thumb_width is None else "default"
    return picture.thumb_width or picture.width, told


def _next_try(outcome: Outcome[Version], last: Attempt | None, now: datetime) -> datetime | None:
    """When to try again, twice as long after each failure of the same version; None where that is no use."""
    reason, version = outcome.reason, outcome.job
    if reason not in _FIRST_WAITS or (reason is Reason.NO_FILE and version.name is None):
        return None
    wait = _FIRST_WAITS[reason]
    if last and last.next_try and last.at and not states.differs(version, last):
        wait = max(wait, min(_LONGEST_WAIT, 2 * (last.next_try - last.at)))
    return now + wait
