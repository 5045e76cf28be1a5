import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Thread, Timer

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from sql.database import Database
from sql.patience import patiently
from tests import mariadb
from tests.waiting import wait_for


class Restarted:
    """A server that can be stopped, and started again at the same port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = mariadb.running(folder)
        self._server = self._running.__enter__()
        self._server.execute(
            "CREATE DATABASE patience", "CREATE TABLE patience.kept (number int PRIMARY KEY)"
        )
        self.url = self._server.url("patience")

    def execute(self, *statements: str) -> None:
        self._server.execute(*statements)

    def url_of(self, user: str, password: str) -> str:
        return self._server.url("patience", user=user, password=password)

    def stop(self) -> None:
        self._running.__exit__(None, None, None)

    def start(self) -> None:
        self._running = mariadb.start(self._folder, port=self._server.port)
        self._running.__enter__()


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restarted]:
    server = Restarted(tmp_path_factory.mktemp("patience"))
    yield server
    server.stop()


@pytest.fixture
def opened(restarted: Restarted) -> Iterator[Database]:
    database = Database(restarted.url, pool=2, patience=10)
    yield database
    database.close()


def keep(database: Database, number: int) -> None:
    with database.lock("kept"), database.write() as connection:
        connection.execute(text("REPLACE INTO kept VALUES (:number)"), {"number": number})


def kept(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.scalars(text("SELECT number FROM kept ORDER BY number")))


def empty(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("DELETE FROM kept"))


def test_what_is_done_is_told(opened: Database) -> None:
    assert patiently(lambda: kept(opened)) == []


def test_a_server_that_is_started_again(restarted: Restarted, opened: Database) -> None:
    done = 0

    def work() -> None:
        nonlocal done
        while done < last:
            patiently(partial(keep, opened, done))
            done += 1

    last = 1_000_000
    working = Thread(target=work, daemon=True)
    working.start()
    for _ in range(2):
        before = done
        wait_for(lambda before=before: done > before)  # type: ignore[misc]
        restarted.stop()
        restarted.start()
    before = done
    wait_for(lambda: done > before)
    last = 0
    working.join()
    assert kept(opened) == list(range(done))
    empty(opened)


def test_what_is_lost_in_the_middle_is_done_again(restarted: Restarted, opened: Database) -> None:
    tries = 0

    def write() -> None:
        nonlocal tries
        tries += 1
        with opened.write() as connection:
            connection.execute(text("INSERT INTO kept VALUES (1)"))
            if tries == 1:
                restarted.stop()
                restarted.start()
            connection.execute(text("INSERT INTO kept VALUES (2)"))

    patiently(write)
    assert (tries, kept(opened)) == (2, [1, 2])
    empty(opened)


def test_a_connection_that_is_killed(opened: Database, caplog: pytest.LogCaptureFixture) -> None:
    tries = 0

    def read() -> int:
        nonlocal tries
        tries += 1
        with opened.read() as connection:
            own = connection.scalar(text("SELECT CONNECTION_ID()"))
            if tries == 1:
                with opened.read() as other:
                    other.execute(text(f"KILL {own}"))
            return int(connection.scalar(text("SELECT 7")) or 0)

    assert patiently(read) == 7
    assert tries == 2
    assert "the database is gone" in caplog.text
    assert "trying again for up to 300 s" in caplog.text


def test_an_account_whose_connections_are_all_taken(restarted: Restarted) -> None:
    account, password = "busy", "busy"
    restarted.execute(
        f"CREATE USER {account} IDENTIFIED BY '{password}' WITH MAX_USER_CONNECTIONS 1",
        f"GRANT SELECT ON patience.* TO {account}",
    )
    url = restarted.url_of(account, password)
    first, second = Database(url), Database(url)
    with first.read():
        with pytest.raises(OperationalError, match="1226"):
            patiently(lambda: kept(second), seconds=0)
        freeing = Timer(0.3, first.close)
    freeing.start()
    assert patiently(lambda: kept(second)) == []
    freeing.join()
    second.close()


def test_another_error_is_raised_at_once(opened: Database) -> None:
    tries = 0

    def wrong() -> None:
        nonlocal tries
        tries += 1
        with opened.read() as connection:
            connection.execute(text("SELECT nothing FROM nowhere"))

    with pytest.raises(ProgrammingError, match="nowhere"):
        patiently(wrong)
    assert tries == 1
    with pytest.raises(ZeroDivisionError):
        patiently(lambda: 1 // 0)


@pytest.mark.parametrize("path", ["/nowhere/at/all.db", "."])
def test_a_file_that_cannot_be_opened_does_not_pass(path: str) -> None:
    with pytest.raises(OperationalError, match="unable to open"):
        patiently(lambda: Database(f"sqlite:///{path}").tables())


def test_a_server_that_stays_away() -> None:
    database = Database("mysql+pymysql://nobody@127.0.0.1:9/nothing")
    tries = 0

    def read() -> None:
        nonlocal tries
        tries += 1
        with database.read():
            pass

    with pytest.raises(OperationalError, match="2003"):
        patiently(read, seconds=0.5)
    assert 2 <= tries <= 4


def test_an_embedded_database_that_another_writes_to(tmp_path: Path) -> None:
    path = tmp_path / "busy.db"
    mine = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    mine.execute("CREATE TABLE kept (number int)")
    mine.execute("BEGIN EXCLUSIVE")
    impatient = create_engine(f"sqlite:///{path}", connect_args={"timeout": 0})

    def write() -> None:
        with impatient.begin() as connection:
            connection.execute(text("INSERT INTO kept VALUES (1)"))

    with pytest.raises(OperationalError, match="database is locked"):
        patiently(write, seconds=0)
    ending = Timer(0.3, mine.execute, ["COMMIT"])
    ending.start()
    patiently(write)
    ending.join()
    assert mine.execute("SELECT number FROM kept").fetchall() == [(1,)]
    mine.close()
    impatient.dispose()
