import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, event, insert
from sqlalchemy.exc import OperationalError

from sql import changes, loading, schema
from sql.changes import PATIENCE, Follower, Reached
from sql.database import Database
from sql.tables import phash, tombstone


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def reached(ids: Any = ()) -> Reached:
    return Reached.of(np.array(ids, np.int64))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def follow(database: Database, clock: Clock) -> Callable[..., Callable[[], set[int]]]:
    """Make a follower of ``phash`` that has seen some row ids; calling it tells what has changed."""

    def make(seen: Any = ()) -> Callable[[], set[int]]:
        follower = Follower(phash, phash.c.commons, reached(seen), clock)

        def changed() -> set[int]:
            with database.read() as connection:
                return follower.changed(connection)

        return changed

    return make


@pytest.fixture
def append(database: Database) -> Callable[..., None]:
    """Append rows to ``phash`` as {row id: page id}."""

    def write(rows: dict[int, int | None]) -> None:
        with database.write() as connection:
            connection.execute(insert(phash), [{"id": row, "commons": page} for row, page in rows.items()])

    return write


Follow = Callable[..., Callable[[], set[int]]]
Append = Callable[[dict[int, int | None]], None]


def test_new_rows_are_told_once(follow: Follow, append: Append) -> None:
    changed = follow()
    assert changed() == set()
    append({1: 10, 2: -20, 3: None})
    assert changed() == {10, -20}
    assert changed() == set()
    append({4: 10})
    assert changed() == {10}


def test_rows_that_were_seen_are_not_told(follow: Follow, append: Append) -> None:
    append({1: 10, 2: 20, 3: 30})
    assert follow([1, 3])() == {20}
    assert follow([1, 2])() == {30}
    assert follow([2, 3])() == {10}


def test_late_rows_are_told(follow: Follow, append: Append, clock: Clock) -> None:
    append({3: 30})
    changed = follow([3])
    append({9: 90})
    assert changed() == {90}
    clock.now = PATIENCE - 1
    append({1: 10, 5: 50})
    assert changed() == {10, 50}
    append({2: 20, 6: 60, 7: 70, 12: 120})
    assert changed() == {20, 60, 70, 120}
    append({4: 40, 8: 80, 10: 100, 11: 110})
    assert changed() == {40, 80, 100, 110}


def test_missing_ids_are_given_up_after_ten_minutes(follow: Follow, append: Append, clock: Clock) -> None:
    changed = follow([2])
    append({4: 40})
    assert changed() == {40}
    clock.now = PATIENCE - 1
    append({1: 10, 7: 70})
    assert changed() == {10, 70}
    clock.now = PATIENCE
    assert changed() == set()
    append({3: 30, 5: 50})
    assert changed() == {50}
    clock.now = 2 * PATIENCE
    assert changed() == set()
    append({6: 60})
    assert changed() == set()


def test_more_rows_than_one_statement_reads(
    follow: Follow, append: Append, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_CHUNK", 10)
    append({row: row for row in range(1, 101, 2)})
    changed = follow([1])
    assert changed() == set(range(3, 101, 2))
    append({row: row for row in range(2, 101, 2)})
    assert changed() == set(range(2, 101, 2))


def test_many_gaps_are_asked_for_in_few_statements(
    database: Database, follow: Follow, append: Append, statements: list[str]
) -> None:
    last = 4001
    append({row: row for row in range(1, last + 1, 2)})
    changed = follow(range(1, last + 1, 2))
    statements.clear()
    assert changed() == set()
    assert len(statements) == 2
    append({row: row for row in range(1000, 1100, 2)})
    assert changed() == set(range(1000, 1100, 2))
    append({row: row for row in (2, 2000, last - 1)})
    assert changed() == {2, 2000, last - 1}
    assert changed() == set()


@pytest.fixture
def statements(database: Database) -> Iterator[list[str]]:
    """The statements that the database was asked."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(database._engine, "before_cursor_execute", note)
    yield asked
    event.remove(database._engine, "before_cursor_execute", note)


def test_only_the_end_of_a_long_table_is_watched_for_late_rows(
    follow: Follow, append: Append, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_RECENT", 3)
    assert reached([1, 3, 5, 7, 9]) == Reached(9, ((4, 4), (6, 6), (8, 8)))
    changed = follow([1, 3, 5, 7, 9])
    append({2: 2, 4: 4, 6: 6, 8: 8, 10: 10})
    assert changed() == {4, 6, 8, 10}


def test_how_far_a_table_was_read() -> None:
    assert reached() == Reached() == Reached(0, ())
    assert reached([1, 2, 3]) == Reached(3)
    assert reached([3, 4, 8]) == Reached(8, ((1, 2), (5, 7)))
    assert Reached.of(np.array([2, 1 << 31], np.uint32)) == Reached(1 << 31, ((1, 1), (3, (1 << 31) - 1)))


def test_it_is_resumed_from_json(database: Database, append: Append, clock: Clock) -> None:
    append({2: 20, 5: 50})
    kept = json.dumps(reached([2, 5])._asdict())
    clock.now = 10 * PATIENCE
    follower = Follower(phash, phash.c.commons, Reached(**json.loads(kept)), clock)
    clock.now += 2 * PATIENCE
    append({1: 10, 4: 40, 6: 60})
    with database.read() as connection:
        assert follower.changed(connection) == {10, 40, 60}
        append({3: 30})
        assert follower.changed(connection) == set()


def test_rows_that_were_removed_hide_none(database: Database, follow: Follow, append: Append) -> None:
    last = 101
    append({row: row for row in range(1, last + 1, 2)})
    changed = follow(range(1, last + 1, 2))
    with database.write() as connection:
        connection.execute(phash.delete().where(phash.c.id.between(11, 15)))
    assert changed() == set()
    append({row: row for row in (2, 100)})
    assert changed() == {2, 100}


def test_nothing_is_lost_when_the_database_fails(
    database: Database, append: Append, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_CHUNK", 2)
    append({row: row for row in range(1, 6)})
    follower = Follower(phash, phash.c.commons, Reached())
    statements = iter(range(2))

    class Failing:
        def __init__(self, connection: Any) -> None:
            self.connection = connection

        def execute(self, statement: Any) -> Any:
            if next(statements, None) is None:
                raise OperationalError("the server is gone", None, Exception())
            return self.connection.execute(statement)

    with database.read() as connection:
        failing: Any = Failing(connection)
        with pytest.raises(OperationalError):
            follower.changed(failing)
        assert follower.changed(connection) == {1, 2, 3, 4, 5}


def test_tombstones_are_followed_too(database: Database) -> None:
    follower = Follower(tombstone, tombstone.c.page_id, Reached())
    with database.write() as connection:
        connection.execute(
            insert(tombstone), [{"page_id": 7, "deleted": True}, {"page_id": 7, "deleted": False}]
        )
        assert follower.changed(connection) == {7}
        assert follower.changed(connection) == set()


def test_transactions_that_commit_out_of_turn(mariadb_url: str) -> None:
    database = Database(mariadb_url)
    schema.prepare(database)
    with database.write() as slow, database.write() as slower, database.write() as fast:
        follower = None
        for connection, page in ((slow, 1), (slower, 2), (fast, 3)):
            connection.execute(insert(phash).values(commons=page, hash=page))
        fast.exec_driver_sql("COMMIT")
        with database.read() as connection:
            loaded = loading.load(database)
            assert (loaded.phash, loaded.dhash) == (Reached(3, ((1, 2),)), Reached())
            follower = Follower(phash, phash.c.commons, loaded.phash)
            assert follower.changed(connection) == set()
            slow.exec_driver_sql("COMMIT")
            assert follower.changed(connection) == {1}
            slower.exec_driver_sql("ROLLBACK")
            assert follower.changed(connection) == set()
            fast.exec_driver_sql("BEGIN")
            fast.execute(insert(phash).values(commons=4, hash=4))
            assert follower.changed(connection) == set()
            fast.exec_driver_sql("COMMIT")
            assert follower.changed(connection) == {4}
    database.close()


@pytest.fixture(scope="module")
def table() -> Iterator[Any]:
    """A connection to a table in memory."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        phash.create(connection)
        yield connection
    engine.dispose()


@given(
    st.permutations(range(1, 25)),
    st.lists(st.booleans(), min_size=24, max_size=24),
    st.integers(0, 24),
    st.sets(st.integers(1, 24)),
    st.integers(1, 4),
)
def test_no_row_is_lost_and_none_told_twice(
    table: Any, order: list[int], polls: list[bool], loaded: int, rolled_back: set[int], ranges: int
) -> None:
    """Ids become visible in any order, some never, with polls anywhere between and few ranges at a time."""
    table.execute(phash.delete())
    visible = [row for row in order if row not in rolled_back]
    for row in visible[:loaded]:
        table.execute(insert(phash).values(id=row, commons=row))
    follower = Follower(phash, phash.c.commons, reached(sorted(visible[:loaded])), Clock())
    told: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "_RANGES", ranges)
        patch.setattr(changes, "_CHUNK", 3)
        for row, poll in zip(visible[loaded:], polls, strict=False):
            table.execute(insert(phash).values(id=row, commons=row))
            if poll:
                told += follower.changed(table)
        told += follower.changed(table)
    assert sorted(visible[loaded:]) == sorted(told)
