"""The snapshots of one database: where they are, how one is made, and whether one is still of it."""

import fcntl
import hashlib
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from operator import index
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, select

from bktree.engines import ENGINES, chosen
from bktree.frozen import Frozen
from bktree.snapshot import HALF_WRITTEN, RefusedError, Snapshot, load, save, verify
from commons.hashes import library_versions
from sql import loading
from sql.changes import Reached
from sql.database import Database
from sql.loading import Progress
from sql.tables import dhash, own, phash, tombstone

LOCK = ".lock"

_NAMING = "%Y%m%dT%H%M%S.%fZ"

NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z")
"""What snapshots are called; anything else in the folder is not theirs."""

MOST = 1 << 63
"""Above any row id."""

REFUSED = ".refused-"
"""What the name of the mark that a snapshot was withdrawn begins with."""


class Base(NamedTuple):
    """What a snapshot has of a database, and up to which rows of its tables."""

    engine: str
    files: Frozen
    deleted: NDArray[np.int64]
    phash: Reached
    dhash: Reached
    tombstone: Reached


class Made(NamedTuple):
    """A snapshot that was written."""

    path: Path
    engine: str
    files: int


class Busy(Exception):  # noqa: N818
    """Another process is writing a snapshot of the same database."""


class Snapshots:
    """Those in a folder of their own below ``folder``, named by when they were made; the newest counts."""

    def __init__(self, folder: Path, database: Database) -> None:
        self._database = database
        self._identity = _identity(database)
        digest = hashlib.blake2b(self._identity.encode(), digest_size=6).hexdigest()
        self.folder = folder / f"{Path(str(database.url.database)).stem}-{digest}"

    def newest(self) -> Path | None:
        """The snapshot that counts, whether it is any good or not; None where the folder cannot be read."""
        with suppress(OSError):
            return max(self._all(), default=None)
        return None

    def base(self, snapshot: Path) -> Base:
        """Map a snapshot.

        Raises RefusedError where it is damaged or not of this database, and SQLAlchemyError where the
        database cannot be asked.
        """
        opened = load(snapshot)
        try:
            if opened.about["database"] != self._identity:
                raise RefusedError(f"{snapshot}: is of the database {opened.about['database']}")
            tables = opened.about["tables"]
            with self._database.read() as connection:
                for table in (phash, dhash):
                    _require_same(snapshot, connection, table, tables[table.name])
            reached = {table.name: _reached(tables[table.name]) for table in (phash, dhash, tombstone)}
        except KeyError as error:
            raise RefusedError(f"{snapshot}: its manifest does not tell {error}") from None
        except (TypeError, ValueError, OverflowError) as error:
            raise RefusedError(f"{snapshot}: its manifest makes no sense ({error})") from None
        if opened.engine not in list(ENGINES):
            raise RefusedError(f"{snapshot}: is for an unknown engine, {opened.engine!r}")
        return Base(opened.engine, opened.files, opened.deleted, **reached)

    def verify(self, snapshot: Path) -> None:
        """Read all of a snapshot, which takes seconds a gigabyte. Raises RefusedError where it is damaged."""
        verify(snapshot)

    def withdraw(self, snapshot: Path) -> None:
        """Take a snapshot away; whoever has it mapped is to leave it."""
        # Where it cannot be taken away it is at least not written over, and whoever looks refuses it.
        with suppress(OSError):
            self._mark(snapshot).touch()
        self._remove([snapshot])

    def is_withdrawn(self, snapshot: Path) -> bool:
        """Whether a snapshot was found to be damaged after it was mapped."""
        with suppress(OSError):
            return self._mark(snapshot).exists()
        return False

    def _mark(self, snapshot: Path) -> Path:
        return self.folder / f"{REFUSED}{snapshot.name}"

    def make(self, engine: str, progress: Progress = loading.silent) -> Made:
        """Read the database and write a snapshot of it; then remove all older ones.

        ``engine`` is a name that `bktree.engines.chosen` takes. Raises Busy where another process is at
        it, MemoryError where no engine fits, OSError and SQLAlchemyError where the folder or the database
        cannot be used.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock():
            self._remove(self.folder.glob(f"{HALF_WRITTEN}*"))
            older = list(self._all())
            at = datetime.now(UTC)
            snapshot = self._read(engine, at, progress)
            path = self.folder / at.strftime(_NAMING)
            save(path, snapshot)
            self._remove(older)
            for mark in self.folder.glob(f"{REFUSED}*"):
                mark.unlink()
            return Made(path, snapshot.engine, len(snapshot.files.page_id))

    def _read(self, engine: str, at: datetime, progress: Progress) -> Snapshot:
        loaded = loading.load(self._database, progress)
        deleted, buried = np.zeros(0, np.int64), Reached()
        if self._database.tables() >= own.tables.keys():
            deleted, buried = loading.graves(self._database)
        pairs = loaded.pairs
        name = chosen(engine, len(pairs.page_id))
        files = ENGINES[name](pairs.page_id, (pairs.phash, pairs.dhash))
        with self._database.read() as connection:
            tables = {
                table.name: {"mark": reached.mark, "missing": reached.missing}
                | {"anchor": _anchor(connection, table, reached.mark)}
                for table, reached in ((phash, loaded.phash), (dhash, loaded.dhash))
            }
        tables[tombstone.name] = {"mark": buried.mark, "missing": buried.missing}
        about = {
            "database": self._identity,
            "at": at.isoformat(),
            "libraries": library_versions(),
            "tables": tables,
        }
        return Snapshot(name, files, deleted, about)

    def _all(self) -> Iterator[Path]:
        if self.folder.is_dir():
            yield from (path for path in self.folder.iterdir() if NAME.fullmatch(path.name) and path.is_dir())

    def _remove(self, paths: Iterable[Path]) -> None:
        for path in paths:
            shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the folder; the system lets go of it should this process be killed."""
        with (self.folder / LOCK).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(f"another process is writing a snapshot to {self.folder}") from None
            yield


def written_at(snapshot: Path) -> datetime:
    """When a snapshot was begun, in UTC."""
    return datetime.strptime(snapshot.name, _NAMING).replace(tzinfo=UTC)


def _identity(database: Database) -> str:
    """The database's address, without who asks."""
    url = database.url
    if database.embedded:
        return str(Path(str(url.database).removeprefix("file:")).absolute())
    return f"{url.host}:{url.port or 3306}/{url.database}"


def _anchor(connection: Connection, table: Table, row_id: int) -> list[int | None] | None:
    """What a row of an append-only table says, by which the table can be known again."""
    row = connection.execute(select(table.c.commons, table.c.hash).where(table.c.id == row_id)).one_or_none()
    return None if row is None else list(row)


def _reached(told: Mapping[str, Any]) -> Reached:
    """How far a table was read. Raises TypeError and ValueError where it does not say so."""
    return Reached(index(told["mark"]), tuple((index(low), index(high)) for low, high in told["missing"]))


def _require_same(snapshot: Path, connection: Connection, table: Table, told: Mapping[str, Any]) -> None:
    mark = _reached(told).mark
    there = _anchor(connection, table, mark) if 0 <= mark < MOST else None
    if there != told["anchor"] or (there is None and mark):
        raise RefusedError(
            f"{snapshot}: was made of other rows than there are: row {told['mark']} of {table.name} differs"
        )
