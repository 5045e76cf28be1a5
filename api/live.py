"""The index that answers, kept true to the database.

It begins as the database itself, is taken over by an engine in memory once all hashes are loaded, and
from then on follows the tables: rows and tombstones that appear there show up in answers.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import Connection, Table, select

from bktree.engines import build
from bktree.protocol import Engine
from sql import pairs, results
from sql.changes import Follower
from sql.database import Database
from sql.search import SqlEngine
from sql.tables import dhash, own, phash, tombstone

SQL_SECONDS = 5.0
"""How long the database may take over a search that no index of its tables answers."""

STALE = 60.0
"""Seconds without news from the database after which answers are called degraded."""

logger = logging.getLogger(__name__)


class Live:
    """Holds the engine and the deleted pages; ``poll`` brings both up to date.

    ``engine`` is the name of an engine, see ``IMAGEHASH_ENGINE``.
    """

    def __init__(
        self, database: Database, engine: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._name = engine
        self._clock = clock
        self._heard: float | None = None
        self._followers: list[Follower] = []
        self._graves = _follower(tombstone, np.array([], np.int64))
        # Kept until they are merged, since the database may go away in between.
        self._changed: set[int] = set()
        self._unsettled: set[int] = set()
        self.engine: Engine = SqlEngine(database, seconds=SQL_SECONDS)
        self.loaded = False
        self.has_own_tables = False
        self.deleted: frozenset[int] = frozenset()
        self.added = 0
        self.as_of: datetime | None = None
        self.indexed_through: datetime | None = None

    @property
    def in_memory(self) -> bool:
        """Whether searches use memory and a core rather than the database."""
        return not isinstance(self.engine, SqlEngine)

    @property
    def stale(self) -> bool:
        """Whether the database has not answered for so long that answers may be out of date."""
        return self._heard is None or self._clock() - self._heard > STALE

    def look_for_own_tables(self) -> None:
        """See whether the project's own tables are there, which tell of deletions and failures."""
        self.has_own_tables = self._database.tables() >= own.tables.keys()

    def poll(self) -> None:
        """Load what is not loaded yet, then take in what has changed; safe to repeat.

        Raises SQLAlchemyError where the database cannot be read; answers then go on as of before.
        """
        now = datetime.now(UTC)
        if not self.has_own_tables:
            self.look_for_own_tables()
        with self._database.read() as connection:
            if not self._followers and self._name != SqlEngine.name:
                self._load(connection)
            self._follow(connection)
            if self.has_own_tables:
                self._follow_graves(connection)
            self.indexed_through = _newest(connection)
        self.as_of = now
        self._heard = self._clock()
        self.loaded = True

    def _load(self, connection: Connection) -> None:
        begun = self._clock()
        loaded, (phash_ids, dhash_ids) = pairs.load(connection)
        self.engine = build(self._name, *loaded)
        self._followers = [_follower(phash, phash_ids), _follower(dhash, dhash_ids)]
        seconds = self._clock() - begun
        logger.info("loaded %d files into %s in %.1f s", len(self.engine), self.engine.name, seconds)

    def _follow(self, connection: Connection) -> None:
        for follower in self._followers:
            self._changed |= follower.changed(connection)
        if not self._changed:
            return
        changed = sorted(self._changed)
        now_hashed = pairs.of_pages(connection, changed)
        self.engine.add(
            np.array(list(now_hashed), np.int64),
            np.array([pair.phash for pair in now_hashed.values()], np.uint64),
            np.array([pair.dhash for pair in now_hashed.values()], np.uint64),
        )
        self.engine.hide(np.array([page_id for page_id in changed if page_id not in now_hashed], np.int64))
        self.added += len(now_hashed)
        self._changed.clear()

    def _follow_graves(self, connection: Connection) -> None:
        self._unsettled |= self._graves.changed(connection)
        if self._unsettled:
            buried = results.buried(connection, sorted(self._unsettled)).keys()
            self.deleted = (self.deleted - self._unsettled) | buried
            self._unsettled.clear()


def _follower(table: Table, seen: pairs.RowIds) -> Follower:
    page_id = table.c.page_id if table is tombstone else table.c.commons
    return Follower(table, page_id, seen)


def _newest(connection: Connection) -> datetime | None:
    created: datetime | None = connection.scalar(select(phash.c.created).order_by(phash.c.id.desc()).limit(1))
    return created
