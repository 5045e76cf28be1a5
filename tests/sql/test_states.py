from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from sql import results, states
from sql.database import Database
from sql.pairs import BATCH
from sql.replica import File
from sql.results import Result
from sql.states import Attempt, State, is_due
from sql.tables import dhash, phash
from tests.sql.conftest import Put

SECOND = timedelta(seconds=1)
UPLOADED = datetime(2020, 1, 1, tzinfo=UTC)
NOW = datetime(2024, 1, 1, tzinfo=UTC)
FILE = File(5, "A.jpg", 4, 3, "image/jpeg", "a" * 40, UPLOADED, 12)
BARE = File(5, "A.jpg", None, None, None, None, None)
HASHED = Attempt("a" * 40, UPLOADED, None)


def rows_at(phash_at: datetime | None, dhash_at: datetime | None) -> State:
    return State(None, phash_at, dhash_at)


@pytest.mark.parametrize(
    ("state", "due"),
    [
        (State(), True),
        (rows_at(UPLOADED + SECOND, UPLOADED + SECOND), False),
        (rows_at(UPLOADED + SECOND, UPLOADED - SECOND), True),
        (rows_at(UPLOADED - SECOND, UPLOADED + SECOND), True),
        (rows_at(UPLOADED + SECOND, UPLOADED), True),
        (rows_at(UPLOADED + SECOND, None), True),
        (rows_at(None, UPLOADED + SECOND), True),
    ],
)
def test_without_provenance_both_rows_must_be_newer(state: State, due: bool) -> None:
    assert is_due(FILE, state, NOW) is due


@pytest.mark.parametrize(
    ("file", "due"),
    [
        (FILE, False),
        (FILE._replace(name="Moved.jpg", size=None), False),
        (FILE._replace(sha1="b" * 40), True),
        # Reverted to the bytes it had before: another version all the same.
        (FILE._replace(uploaded_at=UPLOADED + SECOND), True),
        (FILE._replace(sha1=None), False),
        (FILE._replace(sha1=None, uploaded_at=UPLOADED + SECOND), True),
        (BARE, False),
    ],
)
def test_with_provenance_the_version_must_be_the_same(file: File, due: bool) -> None:
    for attempt in (HASHED, HASHED._replace(next_try=NOW + SECOND)):
        # Rows do not count then, since what was written may be a failure.
        for rows in (State(), rows_at(NOW, NOW)):
            assert is_due(file, rows._replace(attempt=attempt), NOW) is due


def test_a_failure_is_taken_up_when_its_time_has_come() -> None:
    for next_try, due in ((NOW, True), (NOW - SECOND, True), (NOW + SECOND, False), (None, False)):
        assert is_due(FILE, State(HASHED._replace(next_try=next_try)), NOW) is due
        assert is_due(BARE, State(HASHED._replace(next_try=next_try)), NOW) is due


def test_what_is_not_known_is_no_cause() -> None:
    assert not is_due(BARE, rows_at(UPLOADED, UPLOADED), NOW)
    assert is_due(BARE, State(), NOW)
    unknown = State(Attempt(None, None, None))
    assert not is_due(BARE, unknown, NOW)
    assert is_due(FILE, unknown, NOW), "the file came, or came back, after its page"
    assert not is_due(FILE, State(HASHED._replace(sha1=None)), NOW)


def test_rows_of_the_old_tool(database: Database, put: Put) -> None:
    put([(5, 1), (6, 1), (5, 2)], [(5, 1), (7, None, "error"), (5, 2)])
    created = {1: UPLOADED, 2: UPLOADED + SECOND, 3: UPLOADED + 2 * SECOND}
    with database.write() as connection:
        for table in (phash, dhash):
            for row, moment in created.items():
                connection.execute(update(table).where(table.c.id == row).values(created=moment))
    with database.read() as connection:
        assert states.of_pages(connection, [5, 6, 7, 8]) == {
            # The newest rows count.
            5: rows_at(UPLOADED + 2 * SECOND, UPLOADED + 2 * SECOND),
            6: rows_at(UPLOADED + SECOND, None),
            7: rows_at(None, UPLOADED + SECOND),
            8: State(),
        }


def test_what_was_saved_is_not_due_again(database: Database) -> None:
    hashed = Result(5, "a" * 40, "x", phash=1, dhash=2, file_timestamp=UPLOADED)
    broken = Result(6, "a" * 40, "x", file_timestamp=UPLOADED, reason="broken")
    later = broken._replace(page_id=7, next_try=NOW)
    with database.write() as connection:
        results.save(connection, [hashed, broken, later])
    with database.read() as connection:
        found = states.of_pages(connection, [5, 6, 7])
    attempts = [found[page_id].attempt for page_id in (5, 6, 7)]
    assert [attempt and attempt._replace(at=None) for attempt in attempts] == [
        HASHED,
        HASHED,
        HASHED._replace(next_try=NOW),
    ]
    assert all(attempt and attempt.at for attempt in attempts)
    assert [is_due(FILE, found[page_id], NOW) for page_id in (5, 6, 7)] == [False, False, True]
    assert [is_due(FILE, found[page_id], NOW - SECOND) for page_id in (5, 6, 7)] == [False] * 3


def test_more_pages_than_one_statement_takes(database: Database) -> None:
    with database.write() as connection:
        for table in (phash, dhash):
            connection.execute(insert(table), [{"commons": BATCH + 5, "hash": 1}])
    with database.read() as connection:
        found = states.of_pages(connection, range(2 * BATCH))
    assert len(found) == 2 * BATCH
    assert [page_id for page_id, state in found.items() if state.phash_at and state.dhash_at] == [BATCH + 5]
