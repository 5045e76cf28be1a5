"""What the Commons replica knows of files: title, size, type, SHA-1, time.

The replica shows MediaWiki's tables: ``page``, and the facts about files in ``file``,
``filerevision`` and ``filetypes`` or, before 2026, in ``image``. Which are there is looked up, and a
missing table costs only the facts that it would give.
See https://www.mediawiki.org/wiki/Manual:Database_layout.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    and_,
    bindparam,
    func,
    null,
    or_,
    select,
    type_coerce,
)

from sql.columns import Name
from sql.database import Database
from sql.pairs import batches

FILE_NAMESPACE = 6

_wiki = MetaData()
page = Table(
    "page",
    _wiki,
    Column("page_id", Integer, primary_key=True),
    Column("page_namespace", Integer),
    Column("page_title", Name(255)),
    Column("page_is_redirect", Integer),
)
_file = Table(
    "file",
    _wiki,
    Column("file_id", Integer, primary_key=True),
    Column("file_name", Name(255)),
    Column("file_latest", BigInteger),
    Column("file_type", Integer),
    Column("file_deleted", Integer),
)
_revision = Table(
    "filerevision",
    _wiki,
    Column("fr_id", BigInteger, primary_key=True),
    Column("fr_size", BigInteger),
    Column("fr_width", Integer),
    Column("fr_height", Integer),
    Column("fr_timestamp", Name(14)),
    Column("fr_sha1", Name(32)),
    Column("fr_deleted", Integer),
)
_type = Table(
    "filetypes",
    _wiki,
    Column("ft_id", Integer, primary_key=True),
    Column("ft_major_mime", Name(16)),
    Column("ft_minor_mime", Name(100)),
)
_image = Table(
    "image",
    _wiki,
    Column("img_name", Name(255), primary_key=True),
    Column("img_size", BigInteger),
    Column("img_width", Integer),
    Column("img_height", Integer),
    Column("img_timestamp", Name(14)),
    Column("img_sha1", Name(32)),
    Column("img_major_mime", Name(16)),
    Column("img_minor_mime", Name(100)),
)
_statistics = Table("site_stats", _wiki, Column("ss_row_id", Integer), Column("ss_images", BigInteger))

_ASKED = ("asked", "asked_as_text")
"""The parameters of statements for the values to look for, one for each spelling of a column."""

_Facts = tuple[FromClause, ColumnElement[Any], Sequence[ColumnElement[Any]]]
"""The tables, the size, and all the other facts."""


class File(NamedTuple):
    """A file page and the newest version of its file.

    ``name`` is the title with underscores and without prefix, ``width`` and ``height`` are pixels,
    ``sha1`` is 40 hexadecimal digits, ``size`` is bytes, which only `Replica.find` looks up; what the
    replica does not tell is None.
    """

    page_id: int
    name: str
    width: int | None
    height: int | None
    mime: str | None
    sha1: str | None
    uploaded_at: datetime | None
    size: int | None = None


class NoReplicaError(Exception):
    """There is no replica to ask, or it has no ``page`` table."""


class Replica:
    """Reads file pages from a replica; every call raises NoReplicaError where it shows no pages.

    SQLAlchemyError tells that it cannot be reached.
    """

    def __init__(self, database: Database | None) -> None:
        self._database = database

    def files(self, page_ids: Iterable[int]) -> dict[int, File]:
        """Those of the pages that are file pages, by page id."""
        return {file.page_id: file for file in self._read(self._by_id, page_ids)}

    def by_names(self, names: Iterable[str]) -> dict[str, File]:
        """Those of the names (underscores, no prefix) that are file pages, by name."""
        return {file.name: file for file in self._read(self._by_name, names)}

    def find(self, *conditions: ColumnElement[bool]) -> list[File]:
        """The file pages that fulfil all conditions and are no redirects, in page order."""
        query = self._query(sized=True).where(page.c.page_is_redirect == 0, *conditions)
        with self.read() as connection:
            return _files(connection, query.order_by(page.c.page_id))

    def read(self, *tables: str, seconds: float | None = None) -> AbstractContextManager[Connection]:
        """Lend a connection, where the replica shows the tables.

        Raises TimeoutError where a statement runs for longer than ``seconds``.
        """
        database = self._ask()
        if missing := sorted(set(tables) - self._tables):
            raise NoReplicaError(f"the Commons replica shows no table {missing[0]!r}")
        return database.read(seconds=seconds)

    def spellings(self, column: ColumnElement[str]) -> list[ColumnElement[str]]:
        """A column of names in all ways in which to compare it with some."""
        if self._ask().embedded:
            # SQLite takes no text, as which a wiki may store its titles there, to equal bytes.
            return [column, type_coerce(column, String)]
        return [column]

    def count(self) -> int:
        """How many files the wiki has."""
        database = self._ask()
        with database.read() as connection:
            if "site_stats" in self._tables:
                total = connection.execute(select(func.max(_statistics.c.ss_images))).scalar()
                if total is not None:
                    return int(total)
            pages = select(func.count()).where(page.c.page_namespace == FILE_NAMESPACE)
            return connection.execute(pages).scalar_one()

    def _ask(self) -> Database:
        if self._database is None:
            raise NoReplicaError(
                "no replica of the wiki's database is known: set IMAGEHASH_COMMONS_URL to its address"
            )
        if "page" not in self._tables:
            raise NoReplicaError(
                "IMAGEHASH_COMMONS_URL, or where that is not set the database of the hashes, has no table "
                "'page': set it to the address of a replica of the wiki's database"
            )
        return self._database

    @cached_property
    def _tables(self) -> frozenset[str]:
        return frozenset() if self._database is None else self._database.tables()

    def _read(self, query: Select[Any], values: Iterable[Any]) -> list[File]:
        with self._ask().read() as connection:
            return [file for batch in batches(values) for file in _files(connection, query, batch)]

    # To make a statement takes longer than to have it answered.
    @cached_property
    def _by_id(self) -> Select[Any]:
        return self._query().where(_among([page.c.page_id]))

    @cached_property
    def _by_name(self) -> Select[Any]:
        return self._query().where(_among(self.spellings(page.c.page_title)))

    def _query(self, *, sized: bool = False) -> Select[Any]:
        """Page id and name of file pages, then their facts."""
        source, size, facts = self._facts()
        if sized:
            facts = (*facts, size)
        return (
            select(page.c.page_id, page.c.page_title, *facts)
            .select_from(source)
            .where(page.c.page_namespace == FILE_NAMESPACE)
        )

    def _facts(self) -> _Facts:
        """Where width, height, major and minor type, SHA-1 and timestamp are; NULL for what is nowhere."""
        if {"file", "filerevision"} <= self._tables:
            return _from_revisions(typed="filetypes" in self._tables)
        if "image" in self._tables:
            of = _image.c
            source = page.outerjoin(_image, of.img_name == page.c.page_title)
            mime = (of.img_major_mime, of.img_minor_mime)
            return source, of.img_size, (of.img_width, of.img_height, *mime, of.img_sha1, of.img_timestamp)
        return page, null(), [null()] * 6


def _from_revisions(*, typed: bool) -> _Facts:
    of = _revision.c
    source = page.outerjoin(
        _file, and_(_file.c.file_name == page.c.page_title, _file.c.file_deleted == 0)
    ).outerjoin(_revision, and_(of.fr_id == _file.c.file_latest, of.fr_deleted == 0))
    mime: tuple[ColumnElement[Any], ...] = (null(), null())
    if typed:
        source = source.outerjoin(_type, _type.c.ft_id == _file.c.file_type)
        mime = (_type.c.ft_major_mime, _type.c.ft_minor_mime)
    return source, of.fr_size, (of.fr_width, of.fr_height, *mime, of.fr_sha1, of.fr_timestamp)


def _among(columns: Sequence[ColumnElement[Any]]) -> ColumnElement[bool]:
    places = zip(columns, _ASKED, strict=False)
    return or_(*(column.in_(bindparam(name, expanding=True)) for column, name in places))


def _files(connection: Connection, query: Select[Any], asked: Sequence[Any] = ()) -> list[File]:
    rows = connection.execute(query, dict.fromkeys(_ASKED, asked))
    return [
        File(
            page_id,
            name,
            width,
            height,
            f"{major}/{minor}" if major and minor else None,
            sha1_from_base36(sha1) if sha1 else None,
            _moment(timestamp) if timestamp else None,
            *size,
        )
        for page_id, name, width, height, major, minor, sha1, timestamp, *size in rows
    ]


def sha1_from_base36(text: str) -> str:
    """MediaWiki's 31 digits of base 36 as 40 hexadecimal ones."""
    return f"{int(text, 36):040x}"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(f"{text[:8]}T{text[8:]}Z")
