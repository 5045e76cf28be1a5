"""What the database holds of a page, and whether its file is due to be hashed."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

from sqlalchemy import Connection, Table, select

from sql.pairs import batches, newest
from sql.tables import dhash, phash, provenance


class Version(Protocol):
    """A version of a file: hexadecimal SHA-1 and upload, each None where it is not known."""

    @property
    def sha1(self) -> str | None:
        """Of the bytes."""

    @property
    def uploaded_at(self) -> datetime | None:
        """When it was uploaded."""


class Attempt(NamedTuple):
    """The version of a file that was taken up last, and when.

    ``next_try`` is when it is to be tried again, None where it was hashed or cannot be.
    """

    sha1: str | None
    uploaded_at: datetime | None
    next_try: datetime | None = None
    at: datetime | None = None


class State(NamedTuple):
    """The last attempt at a page, and when its newest rows in both tables were written.

    The times of the rows are looked up only where no attempt is recorded, as none is of the old tool's.
    """

    attempt: Attempt | None = None
    phash_at: datetime | None = None
    dhash_at: datetime | None = None


def of_pages(connection: Connection, page_ids: Iterable[int]) -> dict[int, State]:
    """The state of each of the pages."""
    return {
        page_id: state for batch in batches(page_ids) for page_id, state in _states(connection, batch).items()
    }


def is_due(file: Version, state: State, now: datetime) -> bool:
    """Whether a file is to be hashed: it is new or changed, or the time of its next try has come.

    What the replica does not tell is no cause, so that nothing is hashed again for want of facts.
    """
    if state.attempt is None:
        return not _is_current(file, state)
    next_try = state.attempt.next_try
    return differs(file, state.attempt) or (next_try is not None and next_try <= now)


def _is_current(file: Version, state: State) -> bool:
    """Whether both rows are newer than the file; of those of the same second nobody knows."""
    if state.phash_at is None or state.dhash_at is None:
        return False
    return file.uploaded_at is None or min(state.phash_at, state.dhash_at) > file.uploaded_at


def differs(file: Version, attempt: Attempt) -> bool:
    """Whether a file is another version than the one that was taken up."""
    now, then = (file.sha1, file.uploaded_at), (attempt.sha1, attempt.uploaded_at)
    if then == (None, None):
        return now != then
    return any(
        fact != before
        for fact, before in zip(now, then, strict=True)
        if fact is not None and before is not None
    )


def _states(connection: Connection, page_ids: list[int]) -> dict[int, State]:
    attempts = _attempts(connection, page_ids)
    others = [page_id for page_id in page_ids if page_id not in attempts]
    phash_at, dhash_at = (_written(connection, table, others) for table in (phash, dhash))
    return {
        page_id: State(attempts.get(page_id), phash_at.get(page_id), dhash_at.get(page_id))
        for page_id in page_ids
    }


def _attempts(connection: Connection, page_ids: list[int]) -> dict[int, Attempt]:
    of = provenance.c
    query = select(of.page_id, of.sha1, of.file_timestamp, of.next_try, of.at).where(of.page_id.in_(page_ids))
    return {page_id: Attempt(*facts) for page_id, *facts in connection.execute(query)}


def _written(connection: Connection, table: Table, page_ids: list[int]) -> dict[int, datetime]:
    if not page_ids:
        return {}
    query = select(table.c.commons, table.c.created).where(table.c.commons.in_(page_ids), newest(table))
    return dict(connection.execute(query).all())
