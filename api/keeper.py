"""Keeps a snapshot at hand for the workers of ``serve``: good, of the right engine, and not too old.

Whether a new one is wanted is looked at here; it is made by a process of its own, `imagehash-api
snapshot`, whose memory is free again after.
"""

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple, Self

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from api.service import PATIENCE
from api.snapshots import Snapshots
from bktree.snapshot import RefusedError
from commons.settings import Settings
from sql.database import Database
from sql.search import SqlEngine
from sql.tables import phash

LOOK_SECONDS = 2.0
"""How often it is looked whether a new snapshot is wanted."""

LOOK_AGAIN_SECONDS = 60.0
"""How often it is looked whether a snapshot that was good is still whole, and still of the database."""

LIVE_ROWS = 250_000
"""Rows since the snapshot after which a new one is made: about as many as searches do not feel."""

RETRY = (60.0, 3600.0)
"""Seconds until another attempt where one failed: after the first, and at the most."""

# What serves goes first.
COMMAND = ("nice", "-n", "10", sys.executable, "-m", "api", "snapshot")

logger = logging.getLogger(__name__)


class Keeper:
    """Runs from when it is entered until it is left. ``engine`` is the one that is set."""

    def __init__(
        self,
        database: Database,
        snapshots: Snapshots,
        engine: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._snapshots = snapshots
        self._engine = engine
        self._clock = clock
        self._good: _Good | None = None
        self._wait = RETRY[0]
        self._not_before = clock()
        self._ended = Event()
        self._child: subprocess.Popen[str] | None = None
        self._thread = Thread(target=self._run, name="keeper")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        if child := self._child:
            child.terminate()
        self._thread.join()

    def wanted(self) -> str | None:
        """Why a new snapshot is wanted; None if it is not.

        One that is damaged, or not of this database, is withdrawn. Raises SQLAlchemyError where the
        database cannot be read.
        """
        newest = self._snapshots.newest()
        if newest is None:
            return "there is none" if self._database.tables() >= {"phash", "dhash"} else None
        if self._good is None or newest != self._good.path or self._clock() >= self._good.until:
            try:
                base = self._snapshots.base(newest)
                if self._good is None or newest != self._good.path:
                    self._snapshots.verify(newest)
            except RefusedError as error:
                if newest != self._snapshots.newest():
                    return None
                self._snapshots.withdraw(newest)
                return str(error)
            self._good = _Good(newest, base.engine, base.phash.mark, self._clock() + LOOK_AGAIN_SECONDS)
        if self._engine not in {"auto", self._good.engine}:
            return f"there is one for the engine {self._good.engine}"
        with self._database.read() as connection:
            top = connection.scalar(select(func.max(phash.c.id))) or 0
        since = top - self._good.mark
        return f"{since:,} rows have come since the last one" if since > LIVE_ROWS else None

    def _run(self) -> None:
        while True:
            try:
                self._look()
            except SQLAlchemyError:
                # While the database cannot be read the workers say so.
                pass
            except Exception:
                logger.exception("snapshots are not looked after for %.0f s", self._wait)
                self._put_off()
            if self._ended.wait(LOOK_SECONDS):
                return

    def _look(self) -> None:
        if self._clock() < self._not_before:
            return
        reason = self.wanted()
        if reason is None or self._ended.is_set():
            return
        logger.info("writing a snapshot: %s", reason)
        # In a session of its own, as Ctrl-C is for this process alone, which then ends the other.
        self._child = subprocess.Popen(  # noqa: S603
            COMMAND, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if self._ended.is_set():
            self._child.terminate()
        for line in self._child.stdout or ():
            logger.info("snapshot: %s", line.rstrip())
        self._child.communicate()
        if self._child.returncode == 0:
            self._wait = RETRY[0]
        elif not self._ended.is_set():
            logger.warning("no snapshot was written; the next attempt is in %.0f s", self._wait)
            self._put_off()

    def _put_off(self) -> None:
        self._not_before = self._clock() + self._wait
        self._wait = min(2 * self._wait, RETRY[1])


@contextmanager
def keeping(settings: Settings) -> Iterator[None]:
    """Keep a snapshot at hand while the block runs, unless the engine needs none."""
    if settings.engine == SqlEngine.name:
        yield
        return
    database = Database(settings.database_url, pool=1, patience=PATIENCE)
    try:
        with Keeper(database, Snapshots(settings.snapshot_dir, database), settings.engine):
            yield
    finally:
        database.close()


class _Good(NamedTuple):
    """A snapshot that was found to be whole: its engine, and the last row of phash that it has."""

    path: Path
    engine: str
    mark: int
    until: float
    """When it is to be looked at again."""
