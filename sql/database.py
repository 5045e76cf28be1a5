"""A database and its connections: MariaDB through PyMySQL, or SQLite in one file.

Connections are in autocommit, so that a read never holds a transaction open; writes are short
transactions that begin and end in :meth:`Database.write`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError

_BUSY_TIMEOUT = 30
"""Seconds that SQLite waits for another writer."""

_IDLE = 300
"""Seconds after which a pooled connection is replaced; ToolsDB hangs up after 600."""

_LONGEST_TEXT = 1 << 20
"""Bytes to which MariaDB may join texts: its default, though not that of every server."""

_SHORTEST = 0.001
"""Seconds that a statement may be limited to: 0 would be no limit."""

_STATEMENT_TIMEOUT = 1969
"""MariaDB's error number for a statement that max_statement_time ended."""

_MASK = (1 << 64) - 1


class Database:
    """Opens connections as they are needed; making one does not connect yet.

    ``url`` is an SQLAlchemy URL, ``pool`` the most connections to hold at once, ``patience``
    how many seconds a server may be silent before it counts as gone (None: for ever).
    """

    def __init__(self, url: str | URL, *, pool: int = 5, patience: float | None = None) -> None:
        self.url = make_url(url)
        if self.url.database in {None, "", ":memory:"}:
            raise ValueError(f"the database URL {self.url!r} names no database")
        self.embedded = self.url.get_backend_name() == "sqlite"
        self._engine = _embedded(self.url, pool) if self.embedded else _server(self.url, pool, patience)

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()

    @property
    def connections(self) -> tuple[int, int]:
        """How many connections are in use, and how many there may be."""
        pool: Any = self._engine.pool
        return pool.checkedout(), pool.size()

    def tables(self) -> frozenset[str]:
        """The names of the tables and views that can be seen."""
        with self._engine.connect() as connection:
            inspector = inspect(connection)
            return frozenset(inspector.get_table_names()) | frozenset(inspector.get_view_names())

    @contextmanager
    def read(self, *, seconds: float | None = None) -> Iterator[Connection]:
        """Lend a connection in autocommit.

        Raises TimeoutError where a statement runs for longer than ``seconds``, and SQLAlchemyError
        where the database cannot be reached or cannot answer.
        """
        with self._engine.connect() as connection:
            if seconds is None:
                yield connection
            else:
                with self._limit(connection, seconds):
                    yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Lend a connection in a transaction: committed at the end, rolled back if an error leaves it."""
        with self._engine.connect() as connection:
            # An SQLite transaction that first reads and then writes fails at once if another
            # writes between; one that is IMMEDIATE waits its turn instead.
            connection.exec_driver_sql("BEGIN IMMEDIATE" if self.embedded else "BEGIN")
            try:
                yield connection
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                _give_up(connection, "ROLLBACK")
                raise

    @contextmanager
    def lock(self, name: str, *, seconds: int = 60) -> Iterator[None]:
        """Hold a lock that processes share through MariaDB; SQLite's writers exclude each other anyway.

        Raises TimeoutError where another holds it for longer than ``seconds``.
        """
        if self.embedded:
            yield
            return
        key = f"{self.url.database}.{name}"[:64]
        with self._engine.connect() as connection:
            if connection.exec_driver_sql("SELECT GET_LOCK(%s, %s)", (key, seconds)).scalar() != 1:
                raise TimeoutError(f"another process has held the lock {key!r} for {seconds} seconds")
            try:
                yield
            finally:
                _give_up(connection, "SELECT RELEASE_LOCK(%s)", key)

    def _limit(self, connection: Connection, seconds: float) -> Any:
        return (_embedded_limit if self.embedded else _server_limit)(connection, seconds)


def _embedded(url: URL, pool: int) -> Engine:
    engine = create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        connect_args={"timeout": _BUSY_TIMEOUT, "check_same_thread": False},
        pool_size=pool,
        max_overflow=0,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.create_function("BIT_COUNT", 1, _bit_count, deterministic=True)

    return engine


def _server(url: URL, pool: int, patience: float | None) -> Engine:
    return create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_size=pool,
        max_overflow=0,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_recycle=_IDLE,
        connect_args={
            "init_command": f"SET time_zone = '+00:00', group_concat_max_len = {_LONGEST_TEXT}",
            "connect_timeout": 10,
            "read_timeout": patience,
            "write_timeout": patience,
        },
    )


def _bit_count(value: int | None) -> int | None:
    return None if value is None else (value & _MASK).bit_count()


def _give_up(connection: Connection, statement: str, *arguments: str) -> None:
    """End what a connection holds; one that is broken is dropped, and the server ends it for us."""
    # What broke it is already on its way to the caller.
    if connection.invalidated:
        return
    try:
        connection.exec_driver_sql(statement, arguments)
    except DBAPIError:
        connection.invalidate()


@contextmanager
def _embedded_limit(connection: Connection, seconds: float) -> Iterator[None]:
    driver: Any = connection.connection.driver_connection
    end = time.monotonic() + seconds
    driver.set_progress_handler(lambda: time.monotonic() > end, 1000)
    try:
        yield
    except OperationalError as error:
        if "interrupted" in str(error.orig):
            raise TimeoutError(f"the query took longer than {seconds:.2g} seconds") from error
        raise
    finally:
        driver.set_progress_handler(None, 0)


@contextmanager
def _server_limit(connection: Connection, seconds: float) -> Iterator[None]:
    connection.exec_driver_sql(f"SET max_statement_time = {max(seconds, _SHORTEST):f}")
    try:
        yield
    except OperationalError as error:
        if error.orig and error.orig.args[0] == _STATEMENT_TIMEOUT:
            raise TimeoutError(f"the query took longer than {seconds:.2g} seconds") from error
        raise
    finally:
        _give_up(connection, "SET max_statement_time = 0")
