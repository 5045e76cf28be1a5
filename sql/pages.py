"""File pages of a replica in the order in which they are indexed, stretch by stretch.

Each stretch takes two statements: how far it reaches along a key, and which files lie there. Asked for
both at once, a server may go by the namespace instead, and sort the hundred million pages in it.
See https://www.mediawiki.org/wiki/Manual:Recentchanges_table and Manual:Externallinks_table.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Table,
    and_,
    func,
    or_,
    select,
)

from sql.columns import Name
from sql.hosts import readings
from sql.links import link, ranges
from sql.pairs import BATCH, batches
from sql.replica import FILE_NAMESPACE, File, Replica, page

_CHANGES = 10 * BATCH
"""Recent changes in one stretch; on Commons one in dozens is an upload."""

_LAST = "9" * 14
"""No moment is later. Where bytes are compared with text, a range without an end would hold them all."""

_wiki = MetaData()
_change = Table(
    "recentchanges",
    _wiki,
    Column("rc_id", BigInteger, primary_key=True),
    Column("rc_timestamp", Name(14)),
    Column("rc_namespace", Integer),
    Column("rc_cur_id", Integer),
    Column("rc_log_type", Name(255)),
)


class Shard(NamedTuple):
    """One part of all pages, of as many as there are: the first has the number 1."""

    number: int = 1
    parts: int = 1

    def holds(self, page_id: int) -> bool:
        """Whether a page is in this part."""
        return page_id % self.parts == self.number - 1


ALL = Shard()


class Stretch(NamedTuple):
    """The files that lie between a position and ``through``, the position after which to look next."""

    through: int
    files: Sequence[File]


class Pages:
    """Finds the stretch after a position, None where there is nothing more.

    ``size`` is the most pages in one, of which only those in ``shard`` are told. All methods raise
    NoReplicaError where the replica does not show the tables, and SQLAlchemyError where it cannot be reached.
    """

    def __init__(self, replica: Replica, size: int = BATCH, *, shard: Shard = ALL) -> None:
        self._replica = replica
        self._size = size * shard.parts
        self._shard = shard

    def after(self, page_id: int) -> Stretch | None:
        """The files whose pages come after a page.

        Whatever page lies before ``through`` and is not among them is gone, or is no file's.
        """
        with self._replica.read() as connection:
            through = _end(connection, page.c.page_id, page_id, self._size)
        if through is None:
            return None
        mine = page.c.page_id % self._shard.parts == self._shard.number - 1
        files = self._replica.find(page.c.page_id > page_id, page.c.page_id <= through, mine)
        return Stretch(through, files)

    def last(self) -> int:
        """The newest page."""
        with self._replica.read() as connection:
            return int(connection.scalar(select(func.max(page.c.page_id))) or 0)

    def changed(self, change_id: int) -> Stretch | None:
        """The files that were uploaded, or got a new version, after a change (``rc_id``).

        A change can become visible after ones with higher ids: look some minutes back now and then.
        """
        uploads = self._is(_change.c.rc_log_type, "upload")
        with self._replica.read("recentchanges") as connection:
            through = _end(connection, _change.c.rc_id, change_id, _CHANGES)
            if through is None:
                return None
            here = and_(_change.c.rc_id > change_id, _change.c.rc_id <= through)
            query = select(_change.c.rc_cur_id).where(here, uploads, _change.c.rc_namespace == FILE_NAMESPACE)
            page_ids = connection.scalars(query.distinct()).all()
        return Stretch(through, self._files(page_ids))

    def change_before(self, moment: datetime) -> int:
        """The change (``rc_id``) after which lie those of a moment and later."""
        digits = moment.astimezone(UTC).strftime("%Y%m%d%H%M%S")
        times = self._replica.spellings(_change.c.rc_timestamp)
        since = or_(*(column.between(digits, _LAST) for column in times))
        with self._replica.read("recentchanges") as connection:
            first = connection.scalar(select(func.min(_change.c.rc_id)).where(since))
        return self.changes()[1] if first is None else int(first) - 1

    def changes(self) -> tuple[int, int]:
        """The oldest and the newest change (``rc_id``) that are shown, 0 where there are none."""
        with self._replica.read("recentchanges") as connection:
            first, last = (
                int(connection.scalar(select(end(_change.c.rc_id))) or 0) for end in (func.min, func.max)
            )
        return first, last

    def linking(self, domain: str, page_id: int) -> Stretch | None:
        """The files after a page that link to a domain (``finna.fi`` or ``fi.finna``) or one below it.

        Raises ValueError for what is no domain.
        """
        below = or_(*ranges(self._replica, readings(domain)))
        query = select(link.c.el_from).where(below, link.c.el_from > page_id)
        with self._replica.read(link.name) as connection:
            page_ids = connection.scalars(query.distinct().order_by(link.c.el_from).limit(self._size)).all()
        return Stretch(page_ids[-1], self._files(page_ids)) if page_ids else None

    def _files(self, page_ids: Sequence[int]) -> list[File]:
        mine = sorted(filter(self._shard.holds, page_ids))
        found = (self._replica.find(page.c.page_id.in_(batch)) for batch in batches(mine))
        return [file for files in found for file in files]

    def _is(self, column: ColumnElement[str], value: str) -> ColumnElement[bool]:
        return or_(*(spelling == value for spelling in self._replica.spellings(column)))


def _end(connection: Connection, key: Column[int], after: int, size: int) -> int | None:
    """The last of the next keys."""
    following = select(key.label("key")).where(key > after).order_by(key).limit(size).subquery()
    last: int | None = connection.scalar(select(func.max(following.c.key)))
    return last
