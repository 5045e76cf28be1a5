"""What has come since one last looked: new rows of append-only tables, late ones included.

A row's id is handed out before its transaction commits, so rows can become visible in another order
than that of their ids. Ids that are missing below the newest one seen are asked for again for ten
minutes; after that they are taken to be rolled back.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Column, Connection, Table, or_, select

PATIENCE = 600
"""Seconds for which a missing id is asked for."""

_CHUNK = 10_000
"""Rows in one statement."""

_RECENT = 100_000
"""Rows at the end of a table among which missing ids may still be on their way."""


class _Gap(NamedTuple):
    """Ids from ``low`` to ``high`` (both missing), as first noticed at ``since``."""

    low: int
    high: int
    since: float


class Follower:
    """Follows one append-only table by its ``id``; ``clock`` tells seconds.

    ``seen`` are the ids that were read before, in ascending order.
    """

    def __init__(
        self,
        table: Table,
        page_id: Column[int],
        seen: NDArray[np.int64],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._id = table.c.id
        self._page_id = page_id
        self._clock = clock
        self._mark = 0
        self._gaps: list[_Gap] = []
        recent = seen[-_RECENT:].tolist()
        if recent:
            self._mark = recent[0]
            self._note(recent)

    def changed(self, connection: Connection) -> set[int]:
        """The page ids of rows that became visible since the last call."""
        pages: set[int] = set()
        while rows := self._read(connection):
            pages.update(page_id for _, page_id in rows if page_id is not None)
            self._note([row_id for row_id, _ in rows])
        self._gaps = [gap for gap in self._gaps if self._clock() - gap.since < PATIENCE]
        return pages

    def _read(self, connection: Connection) -> Sequence[tuple[int, int | None]]:
        late = [self._id.between(gap.low, gap.high) for gap in self._gaps]
        new = or_(self._id > self._mark, *late)
        columns = select(self._id, self._page_id)
        return connection.execute(columns.where(new).order_by(self._id).limit(_CHUNK)).all()

    def _note(self, ids: list[int]) -> None:
        """Cross ids off the gaps, advance the mark, and note what was passed over on the way."""
        now = self._clock()
        newest = max(self._mark, ids[-1])
        if newest > self._mark:
            self._gaps.append(_Gap(self._mark + 1, newest, now))
        self._mark = newest
        found = np.array(ids, np.int64)
        self._gaps = [piece for gap in self._gaps for piece in _without(gap, found)]


def _without(gap: _Gap, found: NDArray[np.int64]) -> list[_Gap]:
    """What remains of a gap once some ids were found."""
    inside = found[(found >= gap.low) & (found <= gap.high)]
    lows = np.concatenate(([gap.low], inside + 1))
    highs = np.concatenate((inside - 1, [gap.high]))
    return [
        _Gap(int(low), int(high), gap.since) for low, high in zip(lows, highs, strict=True) if low <= high
    ]
