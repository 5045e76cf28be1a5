"""The tables: three that exist and are never altered, and the project's own beside them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Enum,
    Integer,
    MetaData,
    String,
    Table,
    func,
)

from sql.columns import Name, Timestamp, Unsigned64

LONGEST_PATH = 3000
"""Bytes of a path; MariaDB indexes no more than 3,072."""

THUMB_TYPES = ("default", "lossy-page1", "lossy-page2", "lossless-page1")

old = MetaData()
"""The tables of the database that exists."""

own = MetaData()
"""The project's own tables."""


def _hash_table(name: str, *thumb_types: str) -> Table:
    return Table(
        name,
        old,
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("commons", Integer, index=True),
        Column("hash", Unsigned64, index=True),
        Column("width", Integer),
        Column("height", Integer),
        Column("created", Timestamp, nullable=False, server_default=func.current_timestamp()),
        Column("thumb_width", Integer),
        Column("thumb_type", Enum(*thumb_types)),
        sqlite_autoincrement=True,
    )


phash = _hash_table("phash", *THUMB_TYPES)
dhash = _hash_table("dhash", *THUMB_TYPES, "error")

status = Table(
    "status",
    old,
    Column("keyword", String(255), primary_key=True),
    Column("last_processed_page_id", BigInteger),
)

tombstone = Table(
    "tombstone",
    own,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("page_id", Integer, nullable=False, index=True),
    Column("deleted", Boolean, nullable=False),
    Column("title", Name(LONGEST_PATH)),
    Column("at", Timestamp, nullable=False, server_default=func.current_timestamp()),
    sqlite_autoincrement=True,
)
"""Append-only; the newest row of a page says whether its file is deleted."""

provenance = Table(
    "provenance",
    own,
    Column("page_id", Integer, primary_key=True, autoincrement=False),
    Column("sha1", String(40)),
    Column("file_timestamp", Timestamp),
    Column("input", Enum("original", "thumbnail"), nullable=False),
    Column("libraries", String(100), nullable=False),
    Column("state", Enum("hashed", "failed"), nullable=False),
    Column("reason", String(40)),
    Column("detail", Name(1000)),
    Column("next_try", Timestamp, index=True),
    Column("at", Timestamp, nullable=False, server_default=func.current_timestamp()),
)
"""Of each file: which bytes were hashed and how, or why they could not be.

``next_try`` is NULL where trying again cannot help as long as the file stays as it is.
"""

local_file = Table(
    "local_file",
    own,
    Column("page_id", Integer, primary_key=True, autoincrement=False),
    Column("path", Name(LONGEST_PATH), nullable=False, unique=True),
    Column("title", Name(LONGEST_PATH), nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime", BigInteger, nullable=False),
    Column("sha1", String(40)),
)
"""Files of a folder: page ids below 0, absolute path, title (path below the indexed folder), size in
bytes, mtime in nanoseconds, sha1 NULL where the file could not be read."""
