"""Files of folders: what was on disk when they were last hashed, under page ids below 0."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, select

from sql import pairs, results
from sql.tables import local_file, provenance
from sql.upserts import upsert

NEW = 0
"""The page id of a file that has none yet."""

_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Halves of characters that stand for no byte of a file's name, though JSON can hold them."""


class LocalFile(NamedTuple):
    """A file on disk: absolute path, path below the indexed folder, bytes, nanoseconds, hexadecimal.

    Titles are kept with underscores, as MediaWiki keeps them; where the spaces were, the path tells.
    """

    page_id: int
    path: str
    title: str
    size: int
    mtime: int
    sha1: str | None

    @classmethod
    def of_row(cls, page_id: int, path: str, title: str, *facts: Any) -> "LocalFile":
        """Read a row."""
        return cls(page_id, path, path[len(path) - len(title) :], *facts)

    def row(self) -> dict[str, Any]:
        """The values of a row."""
        return self._asdict() | {"title": _key(self.title)}


class Known(NamedTuple):
    """A file that was seen before and what came of it."""

    file: LocalFile
    failed: bool
    next_try: datetime | None
    deleted: bool


def known(connection: Connection, folder: str) -> dict[str, Known]:
    """The files below a folder (an absolute path) that were seen before, by path."""
    below = folder.rstrip("/") + "/"
    after = below[:-1] + chr(ord("/") + 1)
    return _known(connection, and_(local_file.c.path > below, local_file.c.path < after))


def at(connection: Connection, paths: Iterable[str]) -> dict[str, Known]:
    """Those of the paths whose files were seen before."""
    return {
        path: file
        for batch in pairs.batches(paths)
        for path, file in _known(connection, local_file.c.path.in_(batch)).items()
    }


def _known(connection: Connection, which: ColumnElement[bool]) -> dict[str, Known]:
    rows = connection.execute(
        select(local_file, provenance.c.state, provenance.c.next_try)
        .outerjoin(provenance, provenance.c.page_id == local_file.c.page_id)
        .where(which)
    ).all()
    gone = results.buried(connection, [row.page_id for row in rows])
    return {
        row.path: Known(LocalFile.of_row(*row[:6]), row.state == "failed", row.next_try, row.page_id in gone)
        for row in rows
    }


def save(connection: Connection, files: Sequence[LocalFile]) -> list[int]:
    """Write files and return their page ids, handing out new ones for NEW.

    Callers must exclude each other, by the lock "local_file", from before they asked what is known.
    """
    lowest: int | None = connection.execute(select(func.min(local_file.c.page_id))).scalar()
    free = count((lowest or 0) - 1, -1)
    rows = [file if file.page_id != NEW else file._replace(page_id=next(free)) for file in files]
    upsert(connection, local_file, [row.row() for row in rows])
    return [row.page_id for row in rows]


def of_pages(connection: Connection, page_ids: Iterable[int]) -> dict[int, LocalFile]:
    """The files of those of the page ids that are a folder's."""
    below_zero = (page_id for page_id in page_ids if page_id < 0)
    return {
        row.page_id: LocalFile.of_row(*row)
        for batch in pairs.batches(below_zero)
        for row in connection.execute(select(local_file).where(local_file.c.page_id.in_(batch)))
    }


def by_titles(connection: Connection, titles: Iterable[str]) -> Mapping[str, int]:
    """Page ids of those of the titles, with spaces or underscores, that are a folder's.

    Of files that share a title, the one whose path has it to the letter comes first, then the one known
    longest.
    """
    asked = [title for title in titles if _NO_BYTE.search(title) is None]
    files: dict[str, list[LocalFile]] = {}
    for batch in pairs.batches({_key(title) for title in asked}):
        for row in connection.execute(select(local_file).where(local_file.c.title.in_(batch))):
            files.setdefault(row.title, []).append(LocalFile.of_row(*row))
    return {
        title: max(files[_key(title)], key=lambda file: (file.title == title, file.page_id)).page_id
        for title in asked
        if _key(title) in files
    }


def _key(title: str) -> str:
    return title.replace(" ", "_")


def any_known(connection: Connection) -> bool:
    """Whether there are any."""
    return connection.execute(select(local_file.c.page_id).limit(1)).first() is not None
