import threading
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, insert, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from sql import loading, pairs, results, schema
from sql.changes import Follower, Reached
from sql.database import Database
from sql.loading import Loaded
from sql.tables import dhash, phash, tombstone
from tests import mariadb
from tests.sql.conftest import Put

TOP = (1 << 64) - 1


def by_page(loaded: Loaded) -> dict[int, tuple[int, int]]:
    page_id, *hashes = (column.tolist() for column in loaded.pairs)
    return dict(zip(page_id, zip(*hashes, strict=True), strict=True))


def put_ids(database: Database, pages: dict[int, int | None]) -> None:
    """Write rows to both tables, as {row id: page id}, with the row id as hash."""
    with database.write() as connection:
        for table in (phash, dhash):
            rows = [{"id": row, "commons": page, "hash": row} for row, page in pages.items()]
            connection.execute(insert(table), rows)


def test_no_rows(database: Database) -> None:
    told: list[tuple[int, int]] = []
    loaded = loading.load(database, lambda *done: told.append(done))
    assert by_page(loaded) == {}
    assert loaded[1:] == (Reached(), Reached())
    assert set(told) == {(0, 0)}


def test_what_is_loaded(database: Database, put: Put) -> None:
    put([(3, TOP), (1, 1 << 63), (-2, 0)], [(-2, 1), (1, TOP), (3, (1 << 63) - 1)])
    loaded = loading.load(database)
    assert [column.dtype for column in loaded.pairs] == [np.int64, np.uint64, np.uint64]
    assert [column.tolist() for column in loaded.pairs] == [
        [-2, 1, 3],
        [0, 1 << 63, TOP],
        [1, TOP, (1 << 63) - 1],
    ]
    assert loaded[1:] == (Reached(3), Reached(3))


def test_the_widest_ids(database: Database) -> None:
    least, most = -(1 << 31), (1 << 31) - 1
    put_ids(database, {1: least, 2: most})
    assert by_page(loading.load(database)) == {least: (1, 1), most: (2, 2)}


def test_a_table_is_read_in_parts(database: Database, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put([(page % 7, page) for page in range(30)], [(page % 5, page) for page in range(30)])
    whole = loading.load(database)
    monkeypatch.setattr(loading, "_CHUNK", 4)
    parts = loading.load(database)
    assert (
        by_page(whole) == by_page(parts) == {0: (28, 25), 1: (29, 26), 2: (23, 27), 3: (24, 28), 4: (25, 29)}
    )
    assert whole[1:] == parts[1:] == (Reached(30), Reached(30))


def test_a_full_chunk_is_not_cut(database: Database) -> None:
    rows = loading._CHUNK
    least = -(1 << 31)
    with database.write() as connection:
        values = [{"id": (1 << 31) - 1 - n, "commons": least + n, "hash": 1 << 63} for n in range(rows)]
        connection.execute(insert(phash), values)
    first = (1 << 31) - 1 - rows
    with database.read() as connection:
        read = loading._rows(connection, loading._hashes(phash), first, first + rows)
    assert read.row_id.tolist() == list(range(first + 1, first + rows + 1))
    assert read.page_id.tolist() == list(range(least + rows - 1, least - 1, -1))


def test_holes_and_rows_without_a_page_are_missing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_CHUNK", 10)
    put_ids(database, {2: 20, 3: None, 40: 400, 41: 20})
    loaded = loading.load(database)
    assert by_page(loaded) == {20: (41, 41), 400: (40, 40)}
    assert loaded.phash == loaded.dhash == Reached(41, ((1, 1), (3, 39)))


page_ids = st.none() | st.integers(-2, 3)
values = st.sampled_from([None, 0, 1, TOP])
kinds = st.sampled_from([None, "default", "error"])


@given(
    st.lists(st.tuples(page_ids, values), max_size=12),
    st.lists(st.tuples(page_ids, values, kinds), max_size=12),
    st.integers(1, 13),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_any_rows_are_loaded_as_pages_are_read(
    database: Database,
    put: Put,
    phashes: list[tuple[int | None, int | None]],
    dhashes: list[tuple[int | None, int | None, str | None]],
    chunk: int,
) -> None:
    with database.write() as connection:
        connection.execute(phash.delete())
        connection.execute(dhash.delete())
    put(phashes, dhashes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "_CHUNK", chunk)
        loaded = loading.load(database)
    with database.read() as connection:
        expected = {page: pair[1:3] for page, pair in pairs.of_pages(connection, range(-2, 4)).items()}
    assert expected == by_page(loaded)
    assert sorted(expected) == loaded.pairs.page_id.tolist()


def test_progress(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_CHUNK", 4)
    put_ids(database, {2: 20, 10: 100})
    told: list[tuple[int, int]] = []
    loading.load(database, lambda *done: told.append(done))
    assert told == [(done, 20) for done in (4, 8, 10, 14, 18, 20)]


def test_it_stops_when_told_to(
    database: Database, statements: Iterator[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_CHUNK", 1)
    put_ids(database, {5000: 1})

    def stop(_done: int, _expected: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loading.load(database, stop)
    assert next(statements) < 5000


@pytest.fixture
def statements(database: Database) -> Iterator[Iterator[int]]:
    """A counter of the statements that the database was asked."""
    counter = count()

    def note(*_: object) -> None:
        next(counter)

    event.listen(database._engine, "before_cursor_execute", note)
    yield counter
    event.remove(database._engine, "before_cursor_execute", note)


def test_two_connections_are_enough(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(database_url)
    schema.prepare(database)
    put_ids(database, {row: row for row in range(1, 50)})
    monkeypatch.setattr(loading, "_CHUNK", 1)
    held, most = set(), 0

    def lent(connection: object, *_: object) -> None:
        nonlocal most
        held.add(id(connection))
        most = max(most, len(held))

    event.listen(database._engine, "checkout", lent)
    event.listen(database._engine, "checkin", lambda connection, _: held.discard(id(connection)))
    loading.load(database)
    assert (most, held) == (2, set())
    database.close()


def test_a_lost_connection_is_made_again(
    mariadb_server: mariadb.Server, mariadb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(mariadb_url)
    schema.prepare(database)
    put_ids(database, {row: -row for row in range(1, 30)})
    monkeypatch.setattr(loading, "_CHUNK", 5)
    monkeypatch.setattr(loading, "_WAITS", (0,))
    statement = count()

    def lose(connection: Any, *_: object) -> None:
        if next(statement) % 4 == 3:
            mariadb_server.execute(f"KILL {connection.connection.driver_connection.thread_id()}")

    monkeypatch.setattr(loading, "_CONNECTIONS", 1)
    event.listen(database._engine, "before_cursor_execute", lose)
    assert by_page(loading.load(database)) == {-row: (row, row) for row in range(1, 30)}
    database.close()


def test_a_database_that_stays_away_is_told(
    mariadb_server: mariadb.Server, mariadb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(mariadb_url)
    schema.prepare(database)
    put_ids(database, {1: 1})
    waited: list[int] = []
    monkeypatch.setattr(time, "sleep", waited.append)

    def lose(connection: Any, _cursor: object, statement: str, *_: object) -> None:
        if "group_concat" in statement:
            mariadb_server.execute(f"KILL {connection.connection.driver_connection.thread_id()}")

    event.listen(database._engine, "before_cursor_execute", lose)
    with pytest.raises(OperationalError):
        loading.load(database)
    assert waited == [1, 2, 4, 8]
    database.close()


def test_no_tables(empty_database: Database) -> None:
    for load in (loading.load, loading.graves):
        with pytest.raises(SQLAlchemyError):
            load(empty_database)


def test_an_answer_that_was_cut_is_refused(mariadb_url: str) -> None:
    database = Database(mariadb_url)
    schema.prepare(database)
    put_ids(database, {1: 10, 2: 20})
    whole = "1 10 1 1 2 20 2 1 "
    for length in range(4, len(whole) + 1):
        with database.read() as connection:
            connection.execute(text(f"SET group_concat_max_len = {length}"))
            if length < len(whole):
                with pytest.raises(SQLAlchemyError, match="cut an answer of 2 rows"):
                    loading._rows(connection, loading._hashes(phash), 0, 2)
            else:
                assert loading._rows(connection, loading._hashes(phash), 0, 2).page_id.tolist() == [10, 20]
    database.close()


def test_graves(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loading.graves(database).reached == Reached()
    monkeypatch.setattr(loading, "_CHUNK", 2)
    with database.write() as connection:
        results.bury(connection, {7: "G.jpg", 1: "A.jpg", -3: "c/d.jpg"}, deleted=True)
        results.bury(connection, {1: "A.jpg", 5: "E.jpg"}, deleted=False)
        results.bury(connection, {5: "E.jpg"}, deleted=True)
        connection.execute(tombstone.delete().where(tombstone.c.id == 2))
    told: list[tuple[int, int]] = []
    page_id, reached = loading.graves(database, lambda *done: told.append(done))
    assert page_id.dtype == np.int64
    assert page_id.tolist() == [-3, 5, 7]
    assert reached == Reached(6, ((2, 2),))
    assert told == [(2, 6), (4, 6), (6, 6)]
    with database.read() as connection:
        assert page_id.tolist() == sorted(results.buried(connection))


def test_a_row_committed_late_is_left_to_the_follower(
    mariadb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(mariadb_url)
    schema.prepare(database)
    monkeypatch.setattr(loading, "_CHUNK", 3)

    def add(connection: Any, *pages: int) -> None:
        for table in (phash, dhash):
            connection.execute(insert(table), [{"commons": page, "hash": page} for page in pages])

    with database.write() as slow:
        add(slow, 1)
        with database.write() as quick:
            add(quick, 2, 3, 4, 5)

        def come_in_between(done: int, _expected: int) -> None:
            # After the first chunk of phash, and so before dhash is read: one row late, one beyond the end.
            if done == 3:
                slow.exec_driver_sql("COMMIT")
                with database.write() as quick:
                    add(quick, 6)

        loaded = loading.load(database, come_in_between)
    assert by_page(loaded) == {page: (page, page) for page in (2, 3, 4, 5)}
    assert (loaded.phash, loaded.dhash) == (Reached(5, ((1, 1),)), Reached(5))
    assert tell(database, loaded) == {1, 6}
    database.close()


def tell(database: Database, loaded: Loaded) -> set[int]:
    """The pages that changed since they were loaded."""
    with database.read() as connection:
        return {
            page
            for table, reached in ((phash, loaded.phash), (dhash, loaded.dhash))
            for page in Follower(table, table.c.commons, reached).changed(connection)
        }


def test_nothing_is_lost_among_writers(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is written, in whatever order, while a table is read: it is either loaded or told later."""
    monkeypatch.setattr(loading, "_CHUNK", 5)
    threads = [threading.Thread(target=write, args=(database, seed)) for seed in range(3)]
    for thread in threads:
        thread.start()
    loads = [loading.load(database)]
    while any(thread.is_alive() for thread in threads):
        loads.append(loading.load(database))
    for thread in threads:
        thread.join()
    final = by_page(loading.load(database))
    assert final
    for loaded in loads:
        changed = tell(database, loaded)
        with database.read() as connection:
            now = {page: pair[1:3] for page, pair in pairs.of_pages(connection, changed).items()}
        kept = {page: pair for page, pair in by_page(loaded).items() if page not in changed}
        assert final == kept | now


def write(database: Database, seed: int) -> None:
    """Hash pages, some of them again, in transactions of all lengths, some of which are rolled back."""
    random = np.random.default_rng(seed)
    for value in range(60):
        page = int(random.integers(300))
        try:
            with database.write() as connection:
                for table in (phash, dhash):
                    connection.execute(insert(table).values(commons=page, hash=value or None))
                time.sleep(random.choice([0, 0, 0, 0.02]))
                if random.random() < 0.2:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            pass
