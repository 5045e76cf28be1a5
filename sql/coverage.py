"""How many pages are hashed, are deleted by now, or could not be hashed.

To count a hundred million rows takes minutes, for which no statement may run on a server that others use too.
So each takes a range of page ids, by which all tables have an index.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, case, func, select

from sql import results
from sql.pairs import good, newest
from sql.tables import dhash, phash, provenance, tombstone

SLICE = 10_000
"""Page ids that are counted in some milliseconds, or a second where rows are scattered over a disk."""


@dataclass(frozen=True)
class Counts:
    """Pages with both hashes, those of them whose files are deleted by now, and failures by reason."""

    hashed: int = 0
    deleted: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    def __add__(self, others: "Counts") -> "Counts":
        return Counts(self.hashed + others.hashed, self.deleted + others.deleted, self.failed + others.failed)


def extent(connection: Connection) -> range:
    """The page ids from the first to the last of which anything is known."""
    ends = [
        end
        for page_id in (phash.c.commons, provenance.c.page_id)
        for end in connection.execute(select(func.min(page_id), func.max(page_id))).one()
        if end is not None
    ]
    return range(min(ends), max(ends) + 1) if ends else range(0)


def count(connection: Connection, page_ids: range) -> Counts:
    """Count the pages in a range that is not empty and no longer than SLICE."""

    def among(column: Column[int], *conditions: ColumnElement[bool]) -> Select[Any]:
        return select(column).where(column.between(page_ids[0], page_ids[-1]), *conditions)

    page_id = phash.c.commons
    deleted = page_id.in_(among(tombstone.c.page_id, results.is_deleted()))
    # Looked at from its few failures, a table is mostly read by its index alone, in half of the time.
    hashed = among(page_id).where(
        page_id.in_(among(dhash.c.commons)),
        *(page_id.not_in(among(table.c.commons, ~good(table), newest(table))) for table in (phash, dhash)),
    )
    columns = func.count(page_id.distinct()), func.count(case((deleted, page_id)).distinct())
    counted = connection.execute(hashed.with_only_columns(*columns)).one()
    return Counts(*counted, results.reasons(connection, page_ids))
