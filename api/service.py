"""What every request shares: the index, the databases, and the threads and processes that use them."""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from sqlalchemy.exc import SQLAlchemyError

from api.decoders import Decoders
from api.errors import reason
from api.finna import Records
from api.gathering import Gathering, Turn
from api.live import Live
from api.metrics import Gauges, Metrics
from api.snapshots import Snapshots
from api.wiki import Wiki
from bktree.engines import compile_kernels
from commons.settings import ENGINES, Settings
from sql import schema
from sql.database import Database
from sql.links import Links
from sql.replica import Replica

POLL_SECONDS = 2.0
"""How often the database is asked for new rows."""

TOOLSDB_CONNECTIONS = 16
REPLICA_CONNECTIONS = 8
"""To each database, by all worker processes together: what Toolforge allows a tool, 20 and 10, less a few
for the indexer."""

_SEARCHES = 16
"""Searches side by side, which share the cores: a short one need not wait until a long one is over."""

LINKS_SECONDS = 10.0
"""How long a search through links may take."""

PATIENCE = 30.0
"""Seconds that a database may take over a statement; loading reads a piece at a time."""

_FORESEEN = (SQLAlchemyError, TimeoutError, schema.NewerSchemaError)
"""Trouble that its message tells all about."""

WORKERS = "WEB_CONCURRENCY"
"""The variable that tells each worker process how many there are, as uvicorn has it."""

PARENT = "IMAGEHASH_PARENT"
"""The variable that tells each worker process the id of its parent, which may be gone before it can look."""

logger = logging.getLogger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")
_K = TypeVar("_K")
_R = TypeVar("_R")


class Service:
    """Opens the databases of ``settings``; ``running`` keeps the index up to date."""

    def __init__(self, settings: Settings, *, poll_seconds: float = POLL_SECONDS) -> None:
        pool = _share(TOOLSDB_CONNECTIONS)
        self.database = Database(settings.database_url, pool=pool, patience=PATIENCE)
        self._commons = self._replica_database(settings)
        self.replica = Replica(self._commons)
        self.links = Links(self.replica, seconds=LINKS_SECONDS)
        self.has_commons = self._commons is not None
        snapshots = Snapshots(settings.snapshot_dir, self.database) if settings.engine != "sql" else None
        self.live = Live(self.database, snapshots)
        self.wiki = Wiki(settings)
        self.decoders = Decoders()
        self.finna = Records(settings, self.decoders)
        self.poll_seconds = poll_seconds
        self.metrics = Metrics()
        self._begun = datetime.now(UTC)
        self._trouble = False
        self._parent = int(os.environ.get(PARENT, os.getppid()))
        # Reads wait for the database, searches for a core: neither may hold up the other.
        self._reads = CapacityLimiter(pool)
        self._searches = CapacityLimiter(_SEARCHES)
        self._long_reads = CapacityLimiter(max(1, _share(REPLICA_CONNECTIONS) // 2))
        self._gatherings: dict[Any, Gathering[int, Any]] = {}
        self._turns: dict[Any, Turn[Any, Any, Any]] = {}

    def _replica_database(self, settings: Settings) -> Database | None:
        if settings.commons_url is None or settings.commons_url == settings.database_url:
            return self.database if settings.commons_url else None
        return Database(settings.commons_url, pool=_share(REPLICA_CONNECTIONS), patience=PATIENCE)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Prepare the tables, follow them while the block runs, and close everything after it."""
        prepared = await self._try(self._prepare)
        works = (self._follow(prepared=prepared), self.wiki.ask(), self._watch())
        tasks = [asyncio.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.close()
            gc.unfreeze()

    def close(self) -> None:
        """End processes and connections."""
        self.finna.close()
        self.decoders.close()
        self.database.close()
        if self._commons is not None:
            self._commons.close()

    async def read(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call a function that waits for a database, off the event loop."""
        return await to_thread.run_sync(lambda: function(*args, **kwargs), limiter=self._reads)

    async def look_through(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call a function that may take seconds in the replica, and leaves connections to the others."""
        return await to_thread.run_sync(lambda: function(*args, **kwargs), limiter=self._long_reads)

    async def gather(
        self, function: Callable[["Service", Sequence[int]], Mapping[int, _T]], page_ids: Sequence[int]
    ) -> Mapping[int, _T]:
        """Call a function that reads about pages, for all who ask at the same time together."""
        if function not in self._gatherings:
            self._gatherings[function] = Gathering(lambda keys: self.read(function, self, keys))
        return await self._gatherings[function].load(page_ids)

    def ask(
        self, function: Callable[["Service", _R, Sequence[_K]], Sequence[_T]], rule: _R, question: _K
    ) -> Awaitable[_T]:
        """Call a function that is quick for all who ask under one rule in one turn of the event loop."""
        if function not in self._turns:
            self._turns[function] = Turn(partial(function, self))
        return self._turns[function].ask(rule, question)

    async def search(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call a function that searches, off the event loop."""
        limiter = self._searches if self.live.in_memory else self._reads
        return await to_thread.run_sync(lambda: function(*args, **kwargs), limiter=limiter)

    async def _follow(self, *, prepared: bool) -> None:
        await to_thread.run_sync(compile_kernels)
        # What is there by now stays: to look through it for garbage would stop all requests for 80 ms a time.
        gc.collect()
        gc.freeze()
        while True:
            self._stop_if_orphaned()
            prepared = prepared or await self._try(self._prepare)
            if prepared:
                await self._try(self.live.poll)
            await asyncio.sleep(self.poll_seconds)

    async def _watch(self) -> None:
        """Show how things stand again and again, also while the database keeps silent."""
        while True:
            self.show()
            await asyncio.sleep(self.poll_seconds)

    def show(self) -> None:
        """Show in the metrics how things stand."""
        now, live = datetime.now(UTC), self.live
        connections = {"hashes": self.database.connections}
        if self._commons is not None and self._commons is not self.database:
            connections["commons"] = self._commons.connections
        self.metrics.show(
            Gauges(
                engine=live.engine.name,
                live_rows=live.added,
                lag=(now - (live.as_of or self._begun)).total_seconds(),
                snapshot_age=(now - live.snapshot_at).total_seconds() if live.snapshot_at else 0,
                newest_row=live.indexed_through.timestamp() if live.indexed_through else 0,
                decoders=self.decoders.on_their_way,
                connections=connections,
            ),
            [name for name in ENGINES if name != "auto"],
        )

    async def _try(self, function: Callable[[], None]) -> bool:
        """Call a function that needs the database; trouble is logged when it begins and when it ends."""
        try:
            await to_thread.run_sync(function)
        except Exception as error:
            # Whatever it is: if the task ended with it, answers would grow old in silence.
            if not self._trouble:
                trace = None if isinstance(error, _FORESEEN) else error
                told = "the database cannot be read, answers stay as they are: %s"
                logger.warning(told, reason(error), exc_info=trace)
            self._trouble = True
            return False
        if self._trouble:
            logger.warning("the database can be read again")
        self._trouble = False
        return True

    def _stop_if_orphaned(self) -> None:
        """Do not go on serving, at a port that a new server would want, where the parent was killed."""
        if _workers() > 1 and os.getppid() != self._parent:
            os.kill(os.getpid(), signal.SIGTERM)

    def _prepare(self) -> None:
        schema.prepare(self.database)
        self.live.look_for_own_tables()


def _share(connections: int) -> int:
    """The share of one process; preparing the tables takes two at once."""
    return max(2, connections // _workers())


def _workers() -> int:
    return int(os.environ.get(WORKERS, "1"))
