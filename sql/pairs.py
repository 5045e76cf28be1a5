"""The hash pairs of pages: of the rows a page has in each table, the newest counts.

A page is hashed when its newest row in both tables has a hash; a NULL hash, or a dhash row of type
'error', is a failure.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, Table, and_, exists, or_, select

from sql.tables import dhash, phash

BATCH = 500
"""Values in one statement; SQLite takes no expression deeper than 1,000."""

_CHUNK = 50_000
"""Rows in one statement while a whole table is read."""


_T = TypeVar("_T")


class Pair(NamedTuple):
    """A hashed page: its hashes, the size in pixels of its original, and when it was hashed."""

    page_id: int
    phash: int
    dhash: int
    width: int | None
    height: int | None
    created: datetime


RowIds = NDArray[np.int64]


class Pairs(NamedTuple):
    """All hashed pages, as arrays of one length: int64 page ids, uint64 hashes."""

    page_id: NDArray[np.int64]
    phash: NDArray[np.uint64]
    dhash: NDArray[np.uint64]


def newest(table: Table) -> ColumnElement[bool]:
    """Whether a row of a hash table is the one that counts for its page."""
    newer = table.alias()
    return ~exists().where(newer.c.commons == table.c.commons, newer.c.id > table.c.id)


def good(table: Table) -> ColumnElement[bool]:
    """Whether a row of a hash table holds a hash rather than a failure."""
    if table.name != dhash.name:
        return table.c.hash.is_not(None)
    return and_(table.c.hash.is_not(None), or_(table.c.thumb_type.is_(None), table.c.thumb_type != "error"))


def hashed(*columns: ColumnElement[Any]) -> Select[Any]:
    """Select columns of ``phash`` and ``dhash`` for every hashed page."""
    return (
        select(*columns)
        .join_from(phash, dhash, phash.c.commons == dhash.c.commons)
        .where(good(phash), good(dhash), newest(phash), newest(dhash))
    )


def batches(values: Iterable[_T]) -> Iterator[list[_T]]:
    """Cut values into lists that one statement takes."""
    remaining = iter(values)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def of_pages(connection: Connection, page_ids: Iterable[int]) -> dict[int, Pair]:
    """The hash pairs of those of the pages that are hashed, by page id."""
    columns = (
        phash.c.commons,
        phash.c.hash,
        dhash.c.hash,
        phash.c.width,
        phash.c.height,
        phash.c.created,
    )
    return {
        pair.page_id: pair
        for batch in batches(page_ids)
        for pair in map(Pair._make, connection.execute(hashed(*columns).where(phash.c.commons.in_(batch))))
    }


def failed(connection: Connection, page_ids: Iterable[int]) -> set[int]:
    """Those of the pages whose newest rows say that they could not be hashed."""
    return {
        page_id
        for batch in batches(page_ids)
        for table in (phash, dhash)
        for page_id in connection.scalars(
            select(table.c.commons).where(table.c.commons.in_(batch), newest(table), ~good(table))
        )
    }


def load(connection: Connection) -> tuple[Pairs, Sequence[RowIds]]:
    """Read every hashed page, and the row ids of ``phash`` and of ``dhash`` that it was read from."""
    phashes, dhashes = (_newest_column(connection, table) for table in (phash, dhash))
    page_id, at_phash, at_dhash = np.intersect1d(
        phashes.page_id, dhashes.page_id, assume_unique=True, return_indices=True
    )
    both = phashes.good[at_phash] & dhashes.good[at_dhash]
    pairs = Pairs(page_id[both], phashes.hash[at_phash][both], dhashes.hash[at_dhash][both])
    return pairs, (phashes.row_id, dhashes.row_id)


class _Column(NamedTuple):
    row_id: NDArray[np.int64]
    page_id: NDArray[np.int64]
    hash: NDArray[np.uint64]
    good: NDArray[np.bool_]


def _newest_column(connection: Connection, table: Table) -> _Column:
    chunks = list(_chunks(connection, table))
    row_id, page_id, hashes, is_good = (np.concatenate(column) for column in zip(*chunks, strict=True))
    # Rows come in the order of their ids: of a page's rows, the last is the newest.
    pages, from_the_end = np.unique(page_id[::-1], return_index=True)
    last = len(page_id) - 1 - from_the_end
    return _Column(row_id, pages, hashes[last], is_good[last])


def _chunks(connection: Connection, table: Table) -> Iterator[_Column]:
    """Read a table in the order of its ids, a statement at a time; an empty chunk comes last."""
    columns = select(table.c.id, table.c.commons, table.c.hash, good(table))
    rows: Sequence[Any] = ((0,),)
    while rows:
        past = columns.where(table.c.id > rows[-1][0], table.c.commons.is_not(None))
        rows = connection.execute(past.order_by(table.c.id).limit(_CHUNK)).all()
        yield _Column(
            np.array([row[0] for row in rows], np.int64),
            np.array([row[1] for row in rows], np.int64),
            np.array([row[2] or 0 for row in rows], np.uint64),
            np.array([row[3] for row in rows], np.bool_),
        )
