import multiprocessing
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sql.database import Database
from sql.tables import status

LONG = """
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 900)
    SELECT COUNT(*) FROM numbers a, numbers b, numbers c
"""


def keywords(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(select(status.c.keyword).order_by(status.c.keyword)))


def kill(database: Database, connection: Connection) -> None:
    """Have the server hang up on a connection."""
    victim = connection.execute(text("SELECT CONNECTION_ID()")).scalar()
    with database.read() as other:
        other.execute(text(f"KILL {victim}"))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql+pymysql://u:secret@localhost"])
def test_a_database_has_a_name(url: str) -> None:
    with pytest.raises(ValueError, match="names no database") as refused:
        Database(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["sqlite:////nowhere/x.db", "mysql+pymysql://u:secret@127.0.0.1:9/x"])
def test_making_one_does_not_connect(url: str) -> None:
    database = Database(url)
    with pytest.raises(OperationalError), database.read():
        pass


def test_tables_and_views(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("CREATE VIEW page AS SELECT 1 AS page_id"))
    assert {"phash", "dhash", "status", "page"} < database.tables()


def test_a_write_is_kept(database: Database) -> None:
    with database.write() as connection:
        connection.execute(insert(status).values(keyword="kept"))
    assert keywords(database) == ["kept"]


def test_an_error_undoes_a_write(database: Database) -> None:
    def write(last: str) -> None:
        with database.write() as connection:
            connection.execute(insert(status).values(keyword="a"))
            if last == "interrupt":
                raise KeyboardInterrupt
            connection.execute(insert(status).values(keyword=last))

    with pytest.raises(IntegrityError):
        write("a")
    with pytest.raises(KeyboardInterrupt):
        write("interrupt")
    assert keywords(database) == []


def test_a_read_sees_what_was_committed_meanwhile(database: Database) -> None:
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(status)).scalar() == 0
        with database.write() as other:
            other.execute(insert(status).values(keyword="late"))
        assert connection.execute(select(func.count()).select_from(status)).scalar() == 1


def test_writers_wait_for_each_other(database: Database) -> None:
    with database.write() as connection:
        connection.execute(insert(status).values(keyword="n", last_processed_page_id=0))

    def count(_: int) -> None:
        with database.lock("count"), database.write() as connection:
            seen = connection.execute(select(status.c.last_processed_page_id)).scalar_one()
            time.sleep(0.005)
            connection.execute(status.update().values(last_processed_page_id=seen + 1))

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(count, range(20)))
    with database.read() as connection:
        assert connection.execute(select(status.c.last_processed_page_id)).scalar_one() == 20


def test_a_slow_statement_is_ended(database: Database) -> None:
    begun = time.monotonic()
    with (
        pytest.raises(TimeoutError, match=r"longer than 0\.2 seconds"),
        database.read(seconds=0.2) as connection,
    ):
        connection.execute(text(LONG)).scalar()
    assert time.monotonic() - begun < 5


def test_a_connection_serves_on_after_a_time_limit(database_url: str) -> None:
    database = Database(database_url, pool=1)
    with pytest.raises(TimeoutError), database.read(seconds=0.1) as connection:
        connection.execute(text(LONG)).scalar()
    with database.read() as connection:
        small = LONG.replace("900", "90")
        assert connection.execute(text(small)).scalar() == 90**3
    database.close()


def test_other_errors_pass_through_a_time_limit(database: Database) -> None:
    with pytest.raises(DBAPIError, match="nothing"), database.read(seconds=10) as connection:
        connection.execute(text("SELECT * FROM nothing"))


def test_the_pool_is_bounded(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(database_url, pool=2)
    monkeypatch.setattr(database._engine.pool, "_timeout", 0.1)
    with database.read(), database.read(), pytest.raises(PoolTimeout), database.read():
        pass
    database.close()


class TestMariaDB:
    @pytest.fixture
    def database(self, mariadb_url: str) -> Any:
        database = Database(mariadb_url)
        with database.write() as connection:
            status.create(connection)
        yield database
        database.close()

    def test_reconnects_after_the_server_hung_up(self, mariadb_url: str) -> None:
        database, other = Database(mariadb_url, pool=1), Database(mariadb_url)
        with database.read() as connection:
            kill(other, connection)
        with database.read() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
        database.close()
        other.close()

    @pytest.mark.parametrize("then", [None, ZeroDivisionError])
    def test_a_broken_write_is_undone_and_told(
        self, database: Database, then: type[Exception] | None
    ) -> None:
        def write() -> None:
            with database.write() as connection:
                connection.execute(insert(status).values(keyword="lost"))
                kill(database, connection)
                if then:
                    raise then
                connection.execute(insert(status).values(keyword="never"))

        with pytest.raises(then or OperationalError):
            write()
        assert keywords(database) == []

    def test_a_broken_read_is_told(self, database: Database) -> None:
        def read() -> None:
            with database.read(seconds=10) as connection:
                kill(database, connection)
                connection.execute(text("SELECT 1"))

        with pytest.raises(OperationalError):
            read()

    def test_the_keyboard_interrupts_a_statement(self, database: Database) -> None:
        def write() -> None:
            with database.write() as connection:
                connection.execute(insert(status).values(keyword="undone"))
                threading.Timer(0.2, signal.pthread_kill, (threading.get_ident(), signal.SIGINT)).start()
                connection.execute(text("SELECT SLEEP(2)"))

        with pytest.raises(KeyboardInterrupt):
            write()
        assert keywords(database) == []

    def test_a_lost_lock_does_not_undo_what_was_done(self, mariadb_url: str, database: Database) -> None:
        holder = Database(mariadb_url)
        with holder.lock("one"), database.read() as connection:
            connections = connection.scalars(text("SELECT id FROM information_schema.processlist"))
            mine = connection.execute(text("SELECT CONNECTION_ID()")).scalar()
            for other in set(connections) - {mine}:
                connection.execute(text(f"KILL {other}"))
        with database.lock("one", seconds=0):
            pass
        holder.close()

    def test_a_lock_excludes_other_processes(self, mariadb_url: str) -> None:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        holder = context.Process(target=hold, args=(mariadb_url, there))
        holder.start()
        assert here.recv() == "held"
        database = Database(mariadb_url)
        with pytest.raises(TimeoutError, match="has held the lock"), database.lock("one", seconds=0):
            pass
        with database.lock("another", seconds=0):
            pass
        holder.kill()
        holder.join()
        with database.lock("one", seconds=10):
            pass
        database.close()

    def test_a_lock_outlives_no_error(self, database: Database) -> None:
        with pytest.raises(ZeroDivisionError), database.lock("one"):
            raise ZeroDivisionError
        with database.lock("one", seconds=0):
            pass


def hold(url: str, pipe: Any) -> None:
    with Database(url).lock("one"):
        pipe.send("held")
        time.sleep(600)


def test_sqlite_s_writers_wait_though_they_read_first(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    first, second = Database(url), Database(url)
    with first.write() as connection:
        status.create(connection)

    def late() -> None:
        with second.write() as connection:
            connection.execute(select(status)).all()
            connection.execute(insert(status).values(keyword="second"))

    with ThreadPoolExecutor(1) as thread:
        with first.write() as connection:
            waiting = thread.submit(late)
            time.sleep(0.3)
            connection.execute(insert(status).values(keyword="first"))
        waiting.result(10)
    assert keywords(first) == ["first", "second"]
    first.close()
    second.close()
