"""MariaDB as a contestant: the tables that exist, scanned by ``BIT_COUNT`` or looked up by equal hash."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, Table, create_engine, text

from benchmarks.contestants import Answer, Contestant
from benchmarks.hashes import Sample
from benchmarks.tasks import EQUAL, KINDS, PHASH, Near, Nearest, Task
from bktree.protocol import Hashes, PageIds
from sql.tables import dhash, old, phash
from tests.mariadb import running

TABLES = {kind: phash if kind == PHASH else dhash for kind in KINDS}

STEP = 1_000_000
"""Rows written to the server at a time."""

MEMORY = 4 << 30
"""The server's buffer pool: enough for both tables and their indexes."""

NEAR = "SELECT commons, BIT_COUNT(hash ^ :{0}) FROM {0} WHERE BIT_COUNT(hash ^ :{0}) <= :radius"

PAIRS = """
    SELECT phash.commons, BIT_COUNT(phash.hash ^ :phash), BIT_COUNT(dhash.hash ^ :dhash)
    FROM phash JOIN dhash ON dhash.commons = phash.commons
"""

EITHER = f"{PAIRS} WHERE phash.hash = :phash UNION {PAIRS} WHERE dhash.hash = :dhash"


class MariaDB(Contestant):
    """A server of its own, with the tables and indexes that the old tool has."""

    name = "MariaDB"
    tasks = (Near(KINDS[0], 2), *(Near(kind, 8) for kind in KINDS), EQUAL)
    least = 2
    checked = 2
    note = "BIT_COUNT over the table; 64/64/0 is the old tool's equal-hash query, through indexes"

    def __init__(self) -> None:
        self._stack = ExitStack()

    def build(self, sample: Sample) -> None:
        """Start the server and load the tables."""
        try:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="imagehash-bench-")))
            server = self._stack.enter_context(running(folder))
            server.execute(f"SET GLOBAL innodb_buffer_pool_size = {MEMORY}", "CREATE DATABASE benchmark")
            engine = create_engine(server.url("benchmark"))
            self._connection = self._stack.enter_context(engine.connect())
            self._stack.callback(engine.dispose)
            old.create_all(self._connection)
            for kind, table in TABLES.items():
                fill(self._connection, table, sample.page_id, (sample.phash, sample.dhash)[kind], folder)
        except BaseException:
            self._stack.close()
            raise

    def ask(self, task: Task, phash: Hashes, dhash: Hashes) -> list[Any]:
        """Fetch page ids and distances."""
        if isinstance(task, Nearest) or task.size > 1:
            raise TypeError(f"MariaDB is not asked {task}")
        values = {"phash": int(phash[0]), "dhash": int(dhash[0])}
        if not isinstance(task, Near):
            return self.fetch(EITHER, **values)
        table = TABLES[task.kind].name
        return self.fetch(NEAR.format(table), **{table: values[table], "radius": task.radius})

    def found(self, task: Task, phash: Hashes, dhash: Hashes) -> list[Answer]:
        """Fetch page ids and distances."""
        ones = (slice(place, place + 1) for place in range(len(phash)))
        width = 2 if isinstance(task, Near) else 3
        answers = (self.ask(task, phash[one], dhash[one]) for one in ones)
        return [np.array([tuple(row) for row in rows], np.int64).reshape(-1, width) for rows in answers]

    def nbytes(self) -> int:
        """Both tables and their indexes, on disk as in the buffer pool."""
        ((size,),) = self.fetch(
            "SELECT SUM(file_size) FROM information_schema.innodb_sys_tablespaces "
            "WHERE name LIKE 'benchmark/%hash'"
        )
        return int(size)

    def fetch(self, statement: str, **values: int) -> list[Any]:
        """All rows of a query."""
        return list(self._connection.execute(text(statement), values))

    def close(self) -> None:
        """Stop the server and remove its data."""
        self._stack.close()


def fill(connection: Connection, table: Table, page_id: PageIds, hashes: Hashes, folder: Path) -> None:
    """Load rows in bulk, and index them when they are there: the tables are the same in the end."""
    for index in table.indexes:
        index.drop(connection)
    for path in _written(page_id, hashes, folder / "rows.txt"):
        connection.execute(
            text(
                f"LOAD DATA INFILE '{path}' INTO TABLE {table.name} (commons, hash) "
                "SET width = 4000, height = 3000, thumb_width = 960, thumb_type = 'default'"
            )
        )
        connection.commit()
    for index in table.indexes:
        index.create(connection)
    connection.execute(text(f"ANALYZE TABLE {table.name}"))
    connection.commit()


def _written(page_id: PageIds, hashes: Hashes, path: Path) -> Iterator[Path]:
    for start in range(0, len(page_id), STEP):
        columns = (column[start : start + STEP].tolist() for column in (page_id, hashes))
        path.write_text("".join(map("%d\t%d\n".__mod__, zip(*columns, strict=True))))
        path.chmod(0o644)
        yield path
