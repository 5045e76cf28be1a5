"""What Prometheus is told, https://prometheus.io/docs/practices/naming/, by all worker processes together.

Where there are several, each writes its numbers into files that all can read, and whichever is asked
adds them up, see https://prometheus.github.io/client_python/multiprocess/.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Literal, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from api import errors

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that tells worker processes where their files are, as prometheus_client has it."""

_PREFIX = "imagehash-metrics-"

OUTCOMES = OK, REFUSED, LIMITED, UNAVAILABLE, FAILED = ("ok", "refused", "limited", "unavailable", "failed")
"""What can come of a request, the best first: an answer, a client's mistake or more requests than it may
have, trouble elsewhere, and our fault."""

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""The buckets of answering times."""

# When a series began is of no use, and as many lines again.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Gauges(NamedTuple):
    """How things stand in one worker process."""

    engine: str
    live_rows: int
    lag: float
    snapshot_age: float
    newest_row: float
    decoders: int
    connections: dict[str, tuple[int, int]]
    """For each database how many are in use, and how many there may be."""


class Metrics:
    """Those of one worker process, or of all, where they share a folder."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._requests = Counter(
            "imagehash_requests",
            "Requests by what they ask for and what came of them.",
            ["mode", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "imagehash_request_seconds",
            "How long requests took, by what they ask for.",
            ["mode"],
            registry=registry,
            buckets=SECONDS,
        )
        self._searches = Counter(
            "imagehash_searches", "Searches for files near a picture.", ["engine"], registry=registry
        )
        self._matches = Counter(
            "imagehash_matches", "Files found near pictures, listed or not.", ["engine"], registry=registry
        )
        self._workers = _gauge(
            registry,
            "sum",
            "imagehash_workers",
            "Worker processes, by the engine that they search with.",
            "engine",
        )
        self._live_rows = _gauge(
            registry, "max", "imagehash_live_rows", "Rows taken in since the snapshot was written."
        )
        self._lag = _gauge(
            registry, "max", "imagehash_lag_seconds", "Seconds since the database was last read for new rows."
        )
        self._snapshot_age = _gauge(
            registry, "max", "imagehash_snapshot_age_seconds", "Age of the snapshot; 0 where there is none."
        )
        self._newest_row = _gauge(
            registry, "max", "imagehash_newest_row_timestamp_seconds", "When the newest file was hashed."
        )
        self._decoders = _gauge(
            registry, "sum", "imagehash_pictures_decoding", "Pictures that are decoded or wait for it."
        )
        self._connections = _gauge(
            registry, "sum", "imagehash_connections", "Connections in use, by database.", "database"
        )
        self._most_connections = _gauge(
            registry, "sum", "imagehash_connections_limit", "Connections there may be.", "database"
        )
        # To look a series up takes longer than to count in it.
        self._answered = cache(
            lambda mode, outcome: (self._requests.labels(mode, outcome), self._seconds.labels(mode))
        )
        self._searched = cache(lambda engine: (self._searches.labels(engine), self._matches.labels(engine)))

    def answered(self, mode: str, outcome: str, seconds: float) -> None:
        """Count a request."""
        requests, times = self._answered(mode, outcome)
        requests.inc()
        times.observe(seconds)

    def searched(self, engine: str, matches: int, searches: int = 1) -> None:
        """Count searches, and what they found."""
        counted, found = self._searched(engine)
        counted.inc(searches)
        found.inc(matches)

    def show(self, now: Gauges, engines: Iterable[str]) -> None:
        """Tell how things stand in this process; ``engines`` are all there are."""
        for engine in engines:
            self._workers.labels(engine).set(engine == now.engine)
        self._live_rows.set(now.live_rows)
        self._lag.set(now.lag)
        self._snapshot_age.set(now.snapshot_age)
        self._newest_row.set(now.newest_row)
        self._decoders.set(now.decoders)
        for database, (used, most) in now.connections.items():
            self._connections.labels(database).set(used)
            self._most_connections.labels(database).set(most)

    def written(self) -> bytes:
        """All of it, over all processes, in Prometheus's text format."""
        if FOLDER not in os.environ:
            return generate_latest(self._registry)
        _bury(Path(os.environ[FOLDER]))
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def of_status(status: int) -> str:
    """What came of a request, by the status of its answer; 0 where it has none."""
    if status in {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}:
        return UNAVAILABLE
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return LIMITED
    if status == 0 or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return FAILED
    return OK if status < HTTPStatus.BAD_REQUEST else REFUSED


def of_codes(codes: Iterable[str]) -> str:
    """What came of a GraphQL request, by the codes of its errors: the worst of it."""
    return max((of_status(errors.status_of(code)) for code in codes), key=OUTCOMES.index, default=OK)


@contextmanager
def shared() -> Iterator[None]:
    """A folder that processes which are started meanwhile share their numbers in."""
    _tidy(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


def _gauge(
    registry: CollectorRegistry, over_all: Literal["sum", "max"], name: str, told: str, *labels: str
) -> Gauge:
    """A number of which only those of processes that live count."""
    mode: Literal["livesum", "livemax"] = "livesum" if over_all == "sum" else "livemax"
    return Gauge(name, told, labels, registry=registry, multiprocess_mode=mode)


def _tidy(where: Path) -> None:
    """Remove the folders of processes that were killed before they could do so."""
    if not Path("/proc/self").exists():
        return
    for folder in where.glob(f"{_PREFIX}*-*"):
        process = folder.name.removeprefix(_PREFIX).partition("-")[0]
        # In a container the one before may have had the same id as this.
        if process == str(os.getpid()) or not Path("/proc", process).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _bury(folder: Path) -> None:
    """Forget how things stood in processes that have died; what they counted still counts."""
    for path in folder.glob("gauge_live*_*.db"):
        process = path.stem.rpartition("_")[2]
        if not Path("/proc", process).exists():
            # Another process may be at it just now.
            with suppress(FileNotFoundError):
                mark_process_dead(process, folder)  # type: ignore[no-untyped-call]
