"""Hamming search by the database itself: exact, always current, and slow where no hash is equal.

Rules that ask for an equal hash are answered through the tables' indexes, wider ones by a pass over
all rows. :class:`SqlEngine` keeps the protocol of the engines in memory.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, Subquery, and_, func, or_, select, union

from sql import hamming
from sql.database import Database
from sql.pairs import hashed, of_pages
from sql.tables import dhash as dhash_table
from sql.tables import phash as phash_table

Tolerance = tuple[int, int, int | None]
"""Inclusive distances: of phash, of dhash, and of the closer one (None: no such bound)."""

BOUND = 10_000
"""Distinct hash pairs after which a search goes no further outward, unless told otherwise."""


class Found(NamedTuple):
    """The answer to one query: (page id, phash distance, dhash distance) of the files listed."""

    listed: list[tuple[int, int, int]]
    total: int
    truncated: bool


class SqlEngine:
    """Searches the tables of ``database``; statements that take too long end in TimeoutError.

    ``left`` tells how many seconds the next one may take, or raises TimeoutError if there is no time for one.
    One that an index answers is let end.
    """

    name = "sql"

    def __init__(self, database: Database, *, left: Callable[[], float] | None = None) -> None:
        self._database = database
        self._left: Callable[[], float | None] = left or (lambda: None)

    def __len__(self) -> int:
        with self._database.read(seconds=self._left()) as connection:
            count: int = connection.execute(hashed(func.count())).scalar_one()
            return count

    def add(self, page_id: NDArray[np.int64], phash: NDArray[np.uint64], dhash: NDArray[np.uint64]) -> None:
        """Nothing to do: rows can be found as soon as they are in the tables."""

    def hide(self, page_id: NDArray[np.int64]) -> None:
        """Nothing to do: a page's newest row says that it is not hashed."""

    def hashes(self, page_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Phash and dhash of those of the files that are hashed."""
        with self._database.read() as connection:
            pairs = of_pages(connection, page_ids)
        return {page_id: (pair.phash, pair.dhash) for page_id, pair in pairs.items()}

    def search(
        self,
        phash: int,
        dhash: int,
        tolerance: Tolerance,
        *,
        first: int | None = None,
        after: tuple[int, int] | None = None,
        bound: int | None = BOUND,
        within: float = math.inf,
    ) -> Found:
        """Find the files near a pair of hashes, as every engine does.

        Raises TimeoutError where a wide rule takes the database too long, and at once where ``within`` sets
        a limit: nobody knows how long a database takes.
        """
        if within < math.inf:
            raise TimeoutError(f"a database may take longer than {within:g} seconds")
        near = _near(phash, dhash, tolerance)
        with self._reading(tolerance) as connection:
            total, reach = _count(connection, near, bound)
        with self._reading(tolerance) as connection:
            listed = _list(connection, near, reach, first, after)
        return Found(listed, total, truncated=reach is not None and reach < _widest(tolerance))

    def _reading(self, tolerance: Tolerance) -> AbstractContextManager[Connection]:
        """Lend a connection for one statement, which has the time that is left."""
        left = self._left()
        return self._database.read(seconds=None if 0 in tolerance else left)

    def search_many(
        self,
        phash: NDArray[np.uint64],
        dhash: NDArray[np.uint64],
        tolerance: Tolerance,
        *,
        first: int | None = None,
        bound: int | None = BOUND,
        within: float = math.inf,
    ) -> list[Found]:
        """Answer many queries under one tolerance, in the order they were asked.

        Raises TimeoutError as `search` does.
        """
        return [
            self.search(int(p), int(d), tolerance, first=first, bound=bound, within=within)
            for p, d in zip(phash, dhash, strict=True)
        ]


def _widest(tolerance: Tolerance) -> int:
    """The largest sum of both distances that a match can have."""
    phash, dhash, closest = tolerance
    return max(phash, dhash) + min(phash, dhash, 64 if closest is None else closest)


def _near(phash: int, dhash: int, tolerance: Tolerance) -> Subquery:
    """Every match: page_id, phash and dhash, both distances and their sum."""
    to_phash = hamming.to(phash_table.c.hash, phash)
    to_dhash = hamming.to(dhash_table.c.hash, dhash)
    phash_radius, dhash_radius, closest = tolerance
    matches = hashed(
        phash_table.c.commons.label("page_id"),
        phash_table.c.hash.label("phash"),
        dhash_table.c.hash.label("dhash"),
        to_phash.label("phash_distance"),
        to_dhash.label("dhash_distance"),
        (to_phash + to_dhash).label("distance"),
    ).where(to_phash <= phash_radius, to_dhash <= dhash_radius)
    if closest is not None:
        matches = matches.where(or_(to_phash <= closest, to_dhash <= closest))
    equal = _equal(phash, dhash, tolerance)
    if equal is not None:
        matches = matches.join(equal, equal.c.commons == phash_table.c.commons)
    return matches.subquery()


def _equal(phash: int, dhash: int, tolerance: Tolerance) -> Subquery | None:
    """The pages with an equal hash, through the tables' indexes, where the rule asks for one."""
    same_phash = select(phash_table.c.commons).where(phash_table.c.hash == phash)
    same_dhash = select(dhash_table.c.commons).where(dhash_table.c.hash == dhash)
    if tolerance[0] == 0:
        return same_phash.distinct().subquery()
    if tolerance[1] == 0:
        return same_dhash.distinct().subquery()
    return union(same_phash, same_dhash).subquery() if tolerance[2] == 0 else None


def _count(connection: Connection, near: Subquery, bound: int | None) -> tuple[int, int | None]:
    """How many files match, up to the distance sum where the bound was met, and that sum if it was."""
    pairs = (
        select(near.c.distance, func.count().label("files"))
        .group_by(near.c.distance, near.c.phash, near.c.dhash)
        .subquery()
    )
    levels = (
        select(pairs.c.distance, func.count(), func.sum(pairs.c.files))
        .group_by(pairs.c.distance)
        .order_by(pairs.c.distance)
    )
    total = met = 0
    for distance, pairs_here, files_here in connection.execute(levels):
        total += int(files_here)
        met += pairs_here
        if bound is not None and met >= bound:
            return total, distance
    return total, None


def _list(
    connection: Connection,
    near: Subquery,
    reach: int | None,
    first: int | None,
    after: tuple[int, int] | None,
) -> list[tuple[int, int, int]]:
    listed: Select[Any] = select(near.c.page_id, near.c.phash_distance, near.c.dhash_distance)
    if reach is not None:
        listed = listed.where(near.c.distance <= reach)
    if after is not None:
        distance, page_id = after
        listed = listed.where(
            or_(
                near.c.distance > distance,
                and_(near.c.distance == distance, near.c.page_id > page_id),
            )
        )
    rows = connection.execute(listed.order_by(near.c.distance, near.c.page_id).limit(first))
    return [(row.page_id, row.phash_distance, row.dhash_distance) for row in rows]
