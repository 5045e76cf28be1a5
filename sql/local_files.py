"""Files of folders: what was on disk when they were last hashed, under page ids below 0."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import NamedTuple

from sqlalchemy import Connection, func, or_, select

from sql import pairs, results
from sql.tables import local_file, provenance
from sql.upserts import upsert

NEW = 0
"""The page id of a file that has none yet."""


class LocalFile(NamedTuple):
    """A file on disk: absolute path, path below the indexed folder, bytes, nanoseconds, hexadecimal."""

    page_id: int
    path: str
    title: str
    size: int
    mtime: int
    sha1: str | None


class Known(NamedTuple):
    """A file that was seen before and what came of it."""

    file: LocalFile
    failed: bool
    next_try: datetime | None
    deleted: bool


def known(connection: Connection, folder: str) -> dict[str, Known]:
    """The files below a folder (an absolute path) that were seen before, by path."""
    below = folder.rstrip("/") + "/"
    rows = connection.execute(
        select(local_file, provenance.c.state, provenance.c.next_try)
        .outerjoin(provenance, provenance.c.page_id == local_file.c.page_id)
        .where(local_file.c.path > below, local_file.c.path < below[:-1] + chr(ord("/") + 1))
    ).all()
    gone = results.buried(connection)
    return {
        row.path: Known(LocalFile(*row[:6]), row.state == "failed", row.next_try, row.page_id in gone)
        for row in rows
    }


def save(connection: Connection, files: Sequence[LocalFile]) -> list[int]:
    """Write files and return their page ids, handing out new ones for NEW.

    Callers must exclude each other, by the lock "local_file".
    """
    lowest: int | None = connection.execute(select(func.min(local_file.c.page_id))).scalar()
    free = count((lowest or 0) - 1, -1)
    rows = [file if file.page_id != NEW else file._replace(page_id=next(free)) for file in files]
    upsert(connection, local_file, [row._asdict() for row in rows])
    return [row.page_id for row in rows]


def of_pages(connection: Connection, page_ids: Iterable[int]) -> dict[int, LocalFile]:
    """The files of those of the page ids that are a folder's."""
    below_zero = (page_id for page_id in page_ids if page_id < 0)
    return {
        row.page_id: LocalFile(*row)
        for batch in pairs.batches(below_zero)
        for row in connection.execute(select(local_file).where(local_file.c.page_id.in_(batch)))
    }


def by_titles(connection: Connection, titles: Iterable[str]) -> Mapping[str, int]:
    """Page ids of those of the titles that are a folder's; folders that share one: the file known longest."""
    pages: dict[str, int] = {}
    for title in titles:
        spellings = [title, title.replace("_", " "), title.replace(" ", "_")]
        same = or_(*(local_file.c.title == spelling for spelling in spellings))
        page_id = connection.execute(select(func.max(local_file.c.page_id)).where(same)).scalar()
        if page_id is not None:
            pages[title] = page_id
    return pages


def total(connection: Connection) -> int:
    """How many files are known."""
    return connection.execute(select(func.count()).select_from(local_file)).scalar_one()
