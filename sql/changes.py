"""What has come since one last looked: new rows of append-only tables, late ones included.

A row's id is handed out before its transaction commits, so rows can become visible in another order
than that of their ids. Ids that are missing below the newest one seen are asked for again for ten
minutes; after that they are taken to be rolled back.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Column, ColumnElement, Connection, Table, or_, select

from sql.pairs import batches

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
        self._mark = int(seen[-_RECENT - 1]) if len(seen) > _RECENT else 0
        self._gaps: list[_Gap] = []
        self._pages: set[int] = set()
        self._note(seen[-_RECENT:])

    def changed(self, connection: Connection) -> set[int]:
        """The page ids of rows that became visible since the last call that did not raise."""
        for gaps in batches(self._gaps):
            self._read(connection, or_(*(self._id.between(gap.low, gap.high) for gap in gaps)))
        while self._read(connection, self._id > self._mark, _CHUNK):
            pass
        self._gaps = [gap for gap in self._gaps if self._clock() - gap.since < PATIENCE]
        pages, self._pages = self._pages, set()
        return pages

    def _read(self, connection: Connection, rows: ColumnElement[bool], limit: int | None = None) -> bool:
        """Take in rows; False where there were none."""
        wanted = select(self._id, self._page_id).where(rows).order_by(self._id).limit(limit)
        found = connection.execute(wanted).all()
        self._pages.update(page_id for _, page_id in found if page_id is not None)
        self._note(np.array([row_id for row_id, _ in found], np.int64))
        return bool(found)

    def _note(self, ids: NDArray[np.int64]) -> None:
        """Cross ids off the gaps, advance the mark, and note what was passed over on the way."""
        if not len(ids):
            return
        if ids[-1] > self._mark:
            self._gaps.append(_Gap(self._mark + 1, int(ids[-1]), self._clock()))
            self._mark = int(ids[-1])
        self._gaps = [piece for gap in self._gaps for piece in _without(gap, ids)]


def _without(gap: _Gap, found: NDArray[np.int64]) -> list[_Gap]:
    """What remains of a gap once some ids were found."""
    inside = found[np.searchsorted(found, gap.low) : np.searchsorted(found, gap.high, "right")]
    lows = np.concatenate(([gap.low], inside + 1))
    highs = np.concatenate((inside - 1, [gap.high]))
    return [
        _Gap(int(low), int(high), gap.since) for low, high in zip(lows, highs, strict=True) if low <= high
    ]
