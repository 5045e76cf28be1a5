"""What the Commons replica knows of files: title, size, type, SHA-1, time.

The replica shows MediaWiki's tables: ``page``, and the facts about files in ``file``,
``filerevision`` and ``filetypes`` or, before 2026, in ``image``. Which are there is looked up, and a
missing table costs only the facts that it would give.
See https://www.mediawiki.org/wiki/Manual:Database_layout.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    Table,
    and_,
    func,
    null,
    select,
)

from sql.columns import Name
from sql.database import Database
from sql.pairs import batches

FILE_NAMESPACE = 6

_wiki = MetaData()
_page = Table(
    "page",
    _wiki,
    Column("page_id", Integer, primary_key=True),
    Column("page_namespace", Integer),
    Column("page_title", Name(255)),
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
    Column("fr_width", Integer),
    Column("fr_height", Integer),
    Column("fr_timestamp", LargeBinary),
    Column("fr_sha1", LargeBinary),
    Column("fr_deleted", Integer),
)
_type = Table(
    "filetypes",
    _wiki,
    Column("ft_id", Integer, primary_key=True),
    Column("ft_major_mime", LargeBinary),
    Column("ft_minor_mime", LargeBinary),
)
_image = Table(
    "image",
    _wiki,
    Column("img_name", Name(255), primary_key=True),
    Column("img_width", Integer),
    Column("img_height", Integer),
    Column("img_timestamp", LargeBinary),
    Column("img_sha1", LargeBinary),
    Column("img_major_mime", LargeBinary),
    Column("img_minor_mime", LargeBinary),
)
_statistics = Table("site_stats", _wiki, Column("ss_row_id", Integer), Column("ss_images", BigInteger))


class File(NamedTuple):
    """A file page and the newest version of its file.

    ``name`` is the title with underscores and without prefix, ``width`` and ``height`` are pixels,
    ``sha1`` is 40 hexadecimal digits; what the replica does not tell is None.
    """

    page_id: int
    name: str
    width: int | None
    height: int | None
    mime: str | None
    sha1: str | None
    uploaded_at: datetime | None


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
        return {file.page_id: file for file in self._read(_page.c.page_id, page_ids)}

    def by_names(self, names: Iterable[str]) -> dict[str, File]:
        """Those of the names (underscores, no prefix) that are file pages, by name."""
        return {file.name: file for file in self._read(_page.c.page_title, names)}

    def count(self) -> int:
        """How many files the wiki has."""
        database = self._ask()
        with database.read() as connection:
            if "site_stats" in self._tables:
                total = connection.execute(select(func.max(_statistics.c.ss_images))).scalar()
                if total is not None:
                    return int(total)
            pages = select(func.count()).where(_page.c.page_namespace == FILE_NAMESPACE)
            return connection.execute(pages).scalar_one()

    def _ask(self) -> Database:
        if self._database is None or "page" not in self._tables:
            raise NoReplicaError("no Commons replica is configured (IMAGEHASH_COMMONS_URL)")
        return self._database

    @cached_property
    def _tables(self) -> frozenset[str]:
        assert self._database is not None  # noqa: S101  (asked first)
        return self._database.tables()

    def _read(self, column: ColumnElement[Any], values: Iterable[Any]) -> list[File]:
        database = self._ask()
        query = self._query()
        with database.read() as connection:
            return [
                file
                for batch in batches(values)
                for file in _files(connection, query.where(column.in_(batch)))
            ]

    def _query(self) -> Select[Any]:
        """Page id, name, width, height, major and minor type, SHA-1 and timestamp of file pages."""
        source: FromClause = _page
        facts: tuple[ColumnElement[Any], ...] = (null(), null(), null(), null(), null(), null())
        if {"file", "filerevision"} <= self._tables:
            source = source.outerjoin(
                _file, and_(_file.c.file_name == _page.c.page_title, _file.c.file_deleted == 0)
            )
            source = source.outerjoin(
                _revision, and_(_revision.c.fr_id == _file.c.file_latest, _revision.c.fr_deleted == 0)
            )
            mime: tuple[ColumnElement[Any], ColumnElement[Any]] = (null(), null())
            if "filetypes" in self._tables:
                source = source.outerjoin(_type, _type.c.ft_id == _file.c.file_type)
                mime = (_type.c.ft_major_mime, _type.c.ft_minor_mime)
            of = _revision.c
            facts = (of.fr_width, of.fr_height, *mime, of.fr_sha1, of.fr_timestamp)
        elif "image" in self._tables:
            source = source.outerjoin(_image, _image.c.img_name == _page.c.page_title)
            was = _image.c
            mime = (was.img_major_mime, was.img_minor_mime)
            facts = (was.img_width, was.img_height, *mime, was.img_sha1, was.img_timestamp)
        names = ("width", "height", "major", "minor", "sha1", "timestamp")
        return (
            select(_page.c.page_id, _page.c.page_title, *map(_labelled, facts, names))
            .select_from(source)
            .where(_page.c.page_namespace == FILE_NAMESPACE)
        )


def _labelled(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    return column.label(name)


def _files(connection: Connection, query: Select[Any]) -> list[File]:
    return [
        File(
            row.page_id,
            row.page_title,
            row.width,
            row.height,
            _mime(row.major, row.minor),
            None if row.sha1 is None else sha1_from_base36(_text(row.sha1)),
            None if row.timestamp is None else _moment(_text(row.timestamp)),
        )
        for row in connection.execute(query)
    ]


def sha1_from_base36(text: str) -> str | None:
    """MediaWiki's 31 digits of base 36 as 40 hexadecimal ones; None where it has no SHA-1."""
    return f"{int(text, 36):040x}" if text else None


def _mime(major: bytes | str | None, minor: bytes | str | None) -> str | None:
    return None if major is None or minor is None else f"{_text(major)}/{_text(minor)}"


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else bytes(value).decode()
