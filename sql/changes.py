"""What has come since one last looked: new rows of append-only tables, late ones included.

A row's id is handed out before its transaction commits, so rows can become visible in another order
than that of their ids. Ids that are missing below the newest one seen are asked for again for ten
minutes; after that they are taken to be rolled back.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Column, ColumnElement, Connection, Table, func, or_, select

PATIENCE = 600
"""Seconds for which a missing id is asked for."""

_CHUNK = 10_000
"""Rows in one statement."""

_RANGES = 20
"""Ranges of ids in one statement; a server compares each row to all of them."""

_RECENT = 100_000
"""Rows at the end of a table among which missing ids may still be on their way."""


class Reached(NamedTuple):
    """How far a table was read: the highest row id seen, and the ranges (first, last) of ids missing below.

    Of the latter only those among the table's last rows. It can be kept as JSON.
    """

    mark: int = 0
    missing: Sequence[Sequence[int]] = ()

    @classmethod
    def of(cls, ids: NDArray[np.integer[Any]]) -> "Reached":
        """Tell it from the row ids that were read, in ascending order."""
        if not len(ids):
            return cls()
        before = ids[-_RECENT - 1] if len(ids) > _RECENT else 0
        edges = np.concatenate(([before], ids[-_RECENT:])).astype(np.int64)
        gaps = np.flatnonzero(np.diff(edges) > 1)
        first, last = (edges[gaps] + 1).tolist(), (edges[gaps + 1] - 1).tolist()
        return cls(int(ids[-1]), tuple(zip(first, last, strict=True)))


class Follower:
    """Follows one append-only table by its ``id``, from where it was reached; ``clock`` tells seconds."""

    def __init__(
        self,
        table: Table,
        page_id: Column[int],
        reached: Reached,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._id = table.c.id
        self._page_id = page_id
        self._clock = clock
        self._mark = reached.mark
        # Ascending ranges of missing ids with a row between any two, and when each was first noticed.
        self._low, self._high = np.array(reached.missing, np.int64).reshape(-1, 2).T
        self._since = np.full(len(self._low), clock())
        self._pages: set[int] = set()

    def changed(self, connection: Connection) -> set[int]:
        """The page ids of rows that became visible since the last call that did not raise."""
        if len(self._low):
            self._look_again(connection)
        self._read(connection, self._id > self._mark)
        hope = self._clock() - self._since < PATIENCE
        self._low, self._high, self._since = self._low[hope], self._high[hope], self._since[hope]
        pages, self._pages = self._pages, set()
        return pages

    def _look_again(self, connection: Connection) -> None:
        """Read what has come of the missing ids, in one statement however many there are."""
        starts, ends = _cover(self._low, self._high, _RANGES)
        ranges = zip(starts.tolist(), ends.tolist(), strict=True)
        there = or_(*(self._id.between(start, end) for start, end in ranges))
        seen = _length(starts, ends) - _length(self._low, self._high)
        # What is not missing here was seen, for gaps are given up from the lowest on, and rows of an
        # append-only table stay: as long as there are no more, none has come.
        if connection.scalar(select(func.count()).where(there)) != seen:
            self._read(connection, there)

    def _read(self, connection: Connection, rows: ColumnElement[bool]) -> None:
        """Take in rows, some at a time; ones that were seen before may be among them."""
        wanted = select(self._id, self._page_id).where(rows).order_by(self._id).limit(_CHUNK)
        past = 0
        while found := connection.execute(wanted.where(self._id > past)).all():
            new = self._note(np.array([row_id for row_id, _ in found], np.int64))
            self._pages.update(found[place][1] for place in new if found[place][1] is not None)
            past = found[-1][0]

    def _note(self, ids: NDArray[np.int64]) -> NDArray[np.intp]:
        """Advance the mark and cross ids off those missing; the places of the ones not seen before."""
        if ids[-1] > self._mark:
            self._low = np.append(self._low, self._mark + 1)
            self._high = np.append(self._high, ids[-1])
            self._since = np.append(self._since, self._clock())
            self._mark = int(ids[-1])
        at = np.searchsorted(self._low, ids, "right") - 1
        new = np.flatnonzero((at >= 0) & (ids <= self._high[at]))
        # An id found parts its range in two, be they empty.
        low = np.sort(np.append(self._low, ids[new] + 1))
        high = np.sort(np.append(self._high, ids[new] - 1))
        since = self._since[np.searchsorted(self._low, low, "right") - 1]
        left = low <= high
        self._low, self._high, self._since = low[left], high[left], since[left]
        return new


def _cover(
    low: NDArray[np.int64], high: NDArray[np.int64], most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ranges themselves or, where there are more than so many, that many which cover them closely."""
    between = low[1:] - high[:-1]
    cuts = np.sort(np.argsort(-between, kind="stable")[: most - 1])
    return np.append(low[0], low[1:][cuts]), np.append(high[:-1][cuts], high[-1])


def _length(low: NDArray[np.int64], high: NDArray[np.int64]) -> int:
    """How many ids are in ranges."""
    return int((high - low + 1).sum())
