"""Column types that mean the same in MariaDB and SQLite."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, LargeBinary
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

_SIGN = 1 << 63
_WRAP = 1 << 64


class Unsigned64(TypeDecorator[int]):
    """``bigint unsigned``; SQLite, which has none, holds the same 64 bits as a signed integer."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """MariaDB has the type itself."""
        if dialect.name == "sqlite":
            return BigInteger()
        return mysql.BIGINT(unsigned=True)

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """Python's integer to the database's."""
        if value is None or dialect.name != "sqlite" or value < _SIGN:
            return value
        return value - _WRAP

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:
        """The database's integer to Python's."""
        return value + _WRAP if value is not None and value < 0 else value


class Name(TypeDecorator[str]):
    """A file name or title as bytes of UTF-8, compared byte by byte, as MediaWiki keeps titles.

    Bytes of a file name that are no UTF-8 survive as the surrogates that ``os.fsdecode`` makes of them.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """MariaDB can only index bytes of a known length."""
        return LargeBinary() if dialect.name == "sqlite" else mysql.VARBINARY(self.length)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Text to bytes."""
        return None if value is None else value.encode(errors="surrogateescape")

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Bytes to text; SQLite also has text, and numbers, where another program stored them as such."""
        return value.decode(errors="surrogateescape") if isinstance(value, bytes) else value and str(value)


class Timestamp(TypeDecorator[datetime]):
    """A moment in UTC, to the second; connections to MariaDB are set to UTC."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """As the tables that exist have it."""
        return DateTime() if dialect.name == "sqlite" else mysql.TIMESTAMP()

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC, without saying so."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None, microsecond=0)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Say that it is UTC."""
        return None if value is None else value.replace(tzinfo=UTC)
