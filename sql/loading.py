"""Whole tables as arrays: all hash pairs, and all deleted pages.

A driver spends most of a large result on making Python objects of every row. Here the database writes
the numbers of many rows into one text, which numpy reads: five times faster through the very same driver.
Each statement takes some milliseconds and a range of row ids, and is a transaction of its own.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial, reduce
from operator import add
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    String,
    Table,
    case,
    cast,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from sql.changes import Reached
from sql.database import Database
from sql.pairs import good
from sql.tables import dhash, phash, tombstone

Progress = Callable[[int, int], None]
"""Told, in the thread that loads, how many row ids are done and how many there are, empty ones included."""

_CHUNK = 20_000
"""Row ids in one statement: at 46 bytes each at the most, its text is below a megabyte."""

_NUMBERS = 4
"""Numbers in the text of a row."""

_CONNECTIONS = 2
"""Statements at a time; the database, which does most of the work, takes a core for each."""

_WAITS = (1, 2, 4, 8)
"""Seconds after which a statement that failed is tried again."""


class Pairs(NamedTuple):
    """All hashed pages by ascending page id, as arrays of one length: int64 page ids, uint64 hashes."""

    page_id: NDArray[np.int64]
    phash: NDArray[np.uint64]
    dhash: NDArray[np.uint64]


class Loaded(NamedTuple):
    """All hashed pages, and the rows of either table that they were read from."""

    pairs: Pairs
    phash: Reached
    dhash: Reached


class Graves(NamedTuple):
    """The int64 ids of all deleted pages, ascending, and the tombstones that they were read from."""

    page_id: NDArray[np.int64]
    reached: Reached


def silent(done: int, expected: int) -> None:
    """Progress that nobody asked for."""


def load(database: Database, progress: Progress = silent) -> Loaded:
    """Read every hashed page; what changes meanwhile is what a follower of either table then tells.

    Raises SQLAlchemyError where the database cannot be read, or stays away for long.
    """
    first, second = (_top(database, table) for table in (phash, dhash))
    expected = first + second
    left, of_phash = _newest(database, _hashes(phash), first, lambda done: progress(done, expected))
    right, of_dhash = _newest(database, _hashes(dhash), second, lambda done: progress(first + done, expected))
    in_left = np.isin(left.page_id, right.page_id, assume_unique=True)
    in_right = np.isin(right.page_id, left.page_id, assume_unique=True)
    pairs = Pairs(left.page_id[in_left].astype(np.int64), left.value[in_left], right.value[in_right])
    return Loaded(pairs, of_phash, of_dhash)


def graves(database: Database, progress: Progress = silent) -> Graves:
    """Read which pages' newest tombstones say that they are deleted.

    Raises SQLAlchemyError where the database cannot be read, has no tombstones, or stays away for long.
    """
    top = _top(database, tombstone)
    source = _Source(tombstone.c.id, tombstone.c.page_id, literal(0), tombstone.c.deleted)
    newest, reached = _newest(database, source, top, lambda done: progress(done, top))
    return Graves(newest.page_id.astype(np.int64), reached)


class _Source(NamedTuple):
    """What to read of a table: row and page ids, a value of 64 bits, and whether the page counts by it."""

    row_id: ColumnElement[int]
    page_id: ColumnElement[int]
    value: ColumnElement[int]
    counts: ColumnElement[bool]


def _hashes(table: Table) -> _Source:
    return _Source(table.c.id, table.c.commons, table.c.hash, good(table))


def _top(database: Database, table: Table) -> int:
    """The highest row id of a table, 0 where it is empty."""
    with database.read() as connection:
        return connection.scalar(select(func.max(table.c.id))) or 0


class _Rows(NamedTuple):
    """Rows by ascending row id, as arrays of one length."""

    row_id: NDArray[np.int32]
    page_id: NDArray[np.int32]
    value: NDArray[np.uint64]
    counts: NDArray[np.bool_]


class _Values(NamedTuple):
    """Pages by ascending page id, and the value of each."""

    page_id: NDArray[np.int32]
    value: NDArray[np.uint64]


def _newest(
    database: Database, source: _Source, top: int, progress: Callable[[int], None]
) -> tuple[_Values, Reached]:
    """Read the rows up to an id; of each page's newest one, keep the value where the page counts by it."""
    rows = _Rows._make(map(np.concatenate, zip(*_chunks(database, source, top, progress), strict=True)))
    # Page id above, place below: in order, a page's rows are side by side and its newest is the last.
    keys = rows.page_id.astype(np.int64)
    keys <<= 32
    keys |= np.arange(len(keys))
    keys.sort()
    pages = (keys >> 32).astype(np.int32)
    last = np.ones(len(pages), np.bool_)
    last[:-1] = pages[1:] != pages[:-1]
    newest = keys[last] & 0xFFFFFFFF
    newest = newest[rows.counts[newest]]
    return _Values(rows.page_id[newest], rows.value[newest]), Reached.of(rows.row_id)


def _chunks(
    database: Database, source: _Source, top: int, progress: Callable[[int], None]
) -> Iterator[_Rows]:
    """Read the rows up to an id in parts; there is at least one."""
    lows = range(0, max(top, 1), _CHUNK)
    highs = [min(low + _CHUNK, top) for low in lows]
    threads = ThreadPoolExecutor(_CONNECTIONS)
    try:
        for high, rows in zip(highs, threads.map(partial(_read, database, source), lows, highs), strict=True):
            yield rows
            progress(high)
    finally:
        threads.shutdown(cancel_futures=True)


def _read(database: Database, source: _Source, low: int, high: int) -> _Rows:
    """Read the rows past one id and up to another; should that fail, try again a few times."""
    for wait in _WAITS:
        with suppress(DBAPIError), database.read() as connection:
            return _rows(connection, source, low, high)
        time.sleep(wait)
    with database.read() as connection:
        return _rows(connection, source, low, high)


def _rows(connection: Connection, source: _Source, low: int, high: int) -> _Rows:
    # A row without a page makes no text, and aggregates pass it over.
    wanted = select(func.count(source.page_id), func.aggregate_strings(_text(source), ""))
    count, text = connection.execute(wanted.where(source.row_id > low, source.row_id <= high)).one()
    numbers = np.fromstring(_whole(text or "", count), np.int64, sep=" ").reshape(count, _NUMBERS)
    # No database promises the order in which it joins texts.
    row_id, page_id, value, counts = numbers[np.argsort(numbers[:, 0], kind="stable")].T
    return _Rows(
        row_id.astype(np.int32), page_id.astype(np.int32), value.astype(np.uint64), counts.astype(np.bool_)
    )


def _text(source: _Source) -> ColumnElement[str]:
    """A row as four numbers, each with a space behind it; values are signed, as SQLite has them."""
    value = func.coalesce(cast(source.value, BigInteger), 0)
    numbers = (source.row_id, source.page_id, value, case((source.counts, 1), else_=0))
    return reduce(add, (type_coerce(number, String) + " " for number in numbers))


def _whole(text: str, count: int) -> str:
    """A text of so many rows; servers cut what is too long for them without an error."""
    if text.count(" ") != _NUMBERS * count:
        raise SQLAlchemyError(
            f"the database cut an answer of {count} rows after {len(text)} bytes: "
            "set its max_allowed_packet to a megabyte or more"
        )
    return text
