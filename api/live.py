"""The index that answers, kept true to the database.

It begins as the database itself, is taken over by an engine over a snapshot as soon as there is one,
and from then on follows the tables. A newer snapshot takes the place of an older one.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, select

from api.mirror import Deleted, Mirror
from api.requests import Current, current
from api.snapshots import Snapshots, written_at
from bktree.protocol import Engine
from bktree.snapshot import RefusedError
from sql.changes import Reached
from sql.database import Database
from sql.search import SqlEngine
from sql.tables import own, phash

SQL_SECONDS = 5.0
"""How long the database may take over the searches of one request that no index of its tables answers."""

STALE = 60.0
"""Seconds without news from the database after which answers are called degraded."""

logger = logging.getLogger(__name__)


class Live:
    """Holds the engine and the deleted pages; ``poll`` brings both up to date.

    Without ``snapshots`` the database goes on answering by itself; if ``patient``, for as long as it takes.
    """

    def __init__(
        self,
        database: Database,
        snapshots: Snapshots | None,
        *,
        patient: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._patient = patient
        self._snapshots = snapshots
        self._clock = clock
        self._heard: float | None = None
        self._mapped: Path | None = None
        self._refused: Path | None = None
        self._mirror = self._database_itself()
        self.loaded = False
        self.has_own_tables = False
        self.as_of: datetime | None = None
        self.indexed_through: datetime | None = None

    @property
    def engine(self) -> Engine:
        """What searches are answered by."""
        return self._mirror.engine

    @property
    def deleted(self) -> Deleted:
        """The pages that are deleted."""
        return self._mirror.deleted

    @property
    def added(self) -> int:
        """How many files have come since the snapshot."""
        return self._mirror.added

    @property
    def snapshot_at(self) -> datetime | None:
        """When the snapshot was written that answers; None where there is none."""
        return None if self._mapped is None else written_at(self._mapped)

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
        """Take in the newest snapshot, then what has changed since; safe to repeat.

        Raises SQLAlchemyError where the database cannot be read; answers then go on as of before.
        """
        now = datetime.now(UTC)
        if not self.has_own_tables:
            self.look_for_own_tables()
        with self._database.read() as connection:
            if self._snapshots is not None:
                self._look_for_snapshots(self._snapshots, connection)
            self._mirror.follow(connection, graves=self.has_own_tables)
            self.indexed_through = _newest(connection)
        self.as_of = now
        self._heard = self._clock()
        self.loaded = self.in_memory or self._snapshots is None

    def _look_for_snapshots(self, snapshots: Snapshots, connection: Connection) -> None:
        newest = snapshots.newest()
        if newest not in {None, self._mapped, self._refused}:
            self._change_over(snapshots, newest, connection)
        elif self._mapped is not None and snapshots.is_withdrawn(self._mapped):
            logger.warning("%s is not used any longer: it was found to be damaged", self._mapped)
            self._mirror, self._mapped = self._database_itself(), None

    def _change_over(self, snapshots: Snapshots, newest: Path, connection: Connection) -> None:
        """Go on with another snapshot, once the engine over it is as far as the one before."""
        begun = self._clock()
        try:
            mirror = Mirror.over(snapshots.base(newest))
        except RefusedError as error:
            logger.warning("a snapshot is not used: %s", error)
            self._refused = newest
            return
        mirror.follow(connection, graves=self.has_own_tables)
        self._mirror, self._mapped = mirror, newest
        told = "%d files by %s from %s, %d of them since, after %.1f s"
        seconds = self._clock() - begun
        logger.info(told, len(mirror.engine), mirror.engine.name, newest, mirror.added, seconds)

    def _database_itself(self) -> Mirror:
        engine = SqlEngine(self._database, left=None if self._patient else _seconds_left)
        return Mirror(engine, np.zeros(0, np.int64), None, Reached())


def _seconds_left() -> float:
    """What the request that is being answered has left of them; raises TimeoutError where it has nothing."""
    now, request = time.monotonic(), current.get() or Current()
    if request.deadline is None:
        request.deadline = now + SQL_SECONDS
    if now >= request.deadline:
        raise TimeoutError(f"the searches took longer than {SQL_SECONDS:g} seconds together")
    return request.deadline - now


def _newest(connection: Connection) -> datetime | None:
    created: datetime | None = connection.scalar(select(phash.c.created).order_by(phash.c.id.desc()).limit(1))
    return created
