"""One run of the batch indexer, watched from outside: its rows, its memory, and where the time goes."""

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from benchmarks.processes import below, cost
from sql.database import Database
from sql.tables import dhash
from tests import programs

COMMAND = ("index", "page")
"""The module that is run, and the source that it is given."""

INTERVAL = 0.5
"""Seconds between two looks."""

INDEXER, HASHING = "indexer", "its processes that hash"

_EARLY = 0.1
"""Share of the files from which on memory shall not grow."""


class IndexerError(Exception):
    """The indexer failed, or did not do what it was to do; the text says what."""


class Look(NamedTuple):
    """What is seen at a time, in seconds: rows written, bytes held by the indexer, seconds worked by whom."""

    at: float
    rows: int
    memory: int
    worked: Mapping[str, float]


class Run(NamedTuple):
    """All looks at a run over so many files."""

    files: int
    looks: Sequence[Look]

    @property
    def rate(self) -> float:
        """Files a second, once it is at work."""
        first, last = self._at_work
        return (last.rows - first.rows) / (last.at - first.at)

    @property
    def worked(self) -> dict[str, float]:
        """Seconds that each has worked for one file."""
        first, last = self._at_work
        return {
            name: (seconds - first.worked[name]) / (last.rows - first.rows)
            for name, seconds in last.worked.items()
        }

    @property
    def memory(self) -> tuple[int, int, int]:
        """Bytes held after a tenth of the files, near the end, and at the most."""
        early = next(look for look in self.looks if look.rows >= _EARLY * self.files)
        return early.memory, self._at_work[1].memory, max(look.memory for look in self.looks)

    @property
    def _at_work(self) -> tuple[Look, Look]:
        """Between start-up and end; all of a run that is too short for that."""
        between = [look for look in self.looks if 0 < look.rows < self.files]
        looks = between if len(between) > 1 else self.looks
        return looks[0], looks[-1]


def index(
    files: int, folder: Path, database_url: str, servers: Mapping[str, int], *options: str, **settings: str
) -> Run:
    """Have the indexer hash so many files, and watch it and the servers, given by their process ids.

    Raises IndexerError.
    """
    settings |= {"IMAGEHASH_DATABASE_URL": database_url}
    process = programs.start(*COMMAND, *options, folder=folder, log=folder / "log", **settings)
    database = Database(database_url)
    try:
        looks = list(_looks(process, database, servers))
        rows = _rows(database)
        looks.append(looks[-1]._replace(at=time.monotonic(), rows=rows))
    finally:
        process.terminate()
        code = process.wait()
        database.close()
    if rows != files or code:
        told = (folder / "log").read_text(errors="replace")[-2000:]
        raise IndexerError(f"{rows:,} of {files:,} files were indexed, the exit code was {code}:\n{told}")
    return Run(files, looks)


def _looks(
    process: "subprocess.Popen[bytes]", database: Database, servers: Mapping[str, int]
) -> Iterator[Look]:
    while process.poll() is None:
        look = _look(process.pid, _rows(database), servers)
        if look.memory:  # none is held by a process that has just ended
            yield look
        time.sleep(INTERVAL)


def _look(pid: int, rows: int, servers: Mapping[str, int]) -> Look:
    own, others = cost(pid), list(below(pid))
    worked = {INDEXER: own.seconds, HASHING: sum(other.seconds for other in others)}
    worked |= {name: cost(server).seconds for name, server in servers.items()}
    return Look(time.monotonic(), rows, own.memory + sum(other.memory for other in others), worked)


def _rows(database: Database) -> int:
    """How many files are written; none as long as there is no table."""
    try:
        with database.read() as connection:
            return connection.scalar(select(func.max(dhash.c.id))) or 0
    except SQLAlchemyError:
        return 0
