"""The hash pairs of pages: of the rows a page has in each table, the newest counts.

A page is hashed when its newest row in both tables has a hash; a NULL hash, or a dhash row of type
'error', is a failure.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, exists, or_, select

from sql.tables import dhash, phash

BATCH = 500
"""Values in one statement; SQLite takes no expression deeper than 1,000."""

_T = TypeVar("_T")


class Pair(NamedTuple):
    """A hashed page: its hashes, the size in pixels of its original, and when it was hashed."""

    page_id: int
    phash: int
    dhash: int
    width: int | None
    height: int | None
    created: datetime


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


def between(connection: Connection, after: int, through: int) -> list[int]:
    """The pages that come after one, and not after another, and have rows in ``phash``."""
    here = phash.c.commons.between(after + 1, through)
    return list(connection.scalars(select(phash.c.commons).where(here).distinct()))


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
