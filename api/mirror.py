"""An engine that follows the tables of a database: what appears there shows up in answers."""

from bisect import bisect_left
from collections.abc import Container

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from api.snapshots import Base
from bktree.memory import Memory
from bktree.protocol import Engine
from sql import pairs, results
from sql.changes import Follower, Reached
from sql.tables import dhash, phash, tombstone

STEP = 5_000
"""Files that an engine is given at a time, so that searches need not wait for long."""


class Deleted:
    """The deleted pages: those of a base, an ascending array of int64, and what became of pages since."""

    def __init__(self, base: NDArray[np.int64]) -> None:
        self._base = base
        self._since: dict[int, bool] = {}

    def __contains__(self, page_id: object) -> bool:
        if not isinstance(page_id, int):
            return False
        if page_id in self._since:
            return self._since[page_id]
        place = bisect_left(self._base, page_id)
        return place < len(self._base) and int(self._base[place]) == page_id

    def update(self, pages: set[int], buried: Container[int]) -> None:
        """Take in that of these pages those ``buried`` are deleted, and the others are not."""
        self._since.update({page_id: page_id in buried for page_id in pages})


class Mirror:
    """Follows the tables from where ``engine`` and ``deleted`` have them; safe to be searched meanwhile.

    Without ``hashes``, what was reached of both tables of them, the engine is left as it is.
    """

    def __init__(
        self,
        engine: Engine,
        deleted: NDArray[np.int64],
        hashes: tuple[Reached, Reached] | None,
        buried: Reached,
    ) -> None:
        self.engine = engine
        self.deleted = Deleted(deleted)
        self.added = 0
        of_hashes = zip((phash, dhash), hashes or (), strict=False)
        self._followers = [Follower(table, table.c.commons, reached) for table, reached in of_hashes]
        self._graves = Follower(tombstone, tombstone.c.page_id, buried)
        # Kept until they are merged, since the database may go away in between.
        self._changed: set[int] = set()
        self._unsettled: set[int] = set()

    @classmethod
    def over(cls, base: Base) -> "Mirror":
        """Follow the tables from where a snapshot has them."""
        engine = Memory(base.engine, base.files)
        return cls(engine, base.deleted, (base.phash, base.dhash), base.tombstone)

    def follow(self, connection: Connection, *, graves: bool) -> None:
        """Take in all that has come since the last time; ``graves`` tells whether there are tombstones.

        Raises SQLAlchemyError where the database cannot be read; what was not taken in will be the next time.
        """
        for follower in self._followers:
            self._changed |= follower.changed(connection)
        changed = sorted(self._changed)
        for start in range(0, len(changed), STEP):
            self._take_in(connection, changed[start : start + STEP])
        if graves:
            self._unsettled |= self._graves.changed(connection)
            if self._unsettled:
                self.deleted.update(self._unsettled, results.buried(connection, sorted(self._unsettled)))
                self._unsettled.clear()

    def _take_in(self, connection: Connection, pages: list[int]) -> None:
        now_hashed = pairs.of_pages(connection, pages)
        self.engine.add(
            np.array(list(now_hashed), np.int64),
            np.array([pair.phash for pair in now_hashed.values()], np.uint64),
            np.array([pair.dhash for pair in now_hashed.values()], np.uint64),
        )
        self.engine.hide(np.array([page_id for page_id in pages if page_id not in now_hashed], np.int64))
        self.added += len(now_hashed)
        self._changed.difference_update(pages)
