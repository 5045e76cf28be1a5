from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, func, select
from sqlalchemy.exc import DBAPIError

from sql import pairs, results
from sql.database import Database
from sql.results import Result
from sql.tables import dhash, phash, provenance, tombstone

LIBRARIES = "imagehash 4.3.2, pillow 12.0.0"
GOOD = Result(5, "a" * 40, LIBRARIES, phash=(1 << 64) - 1, dhash=1 << 63, width=40, height=30)
BROKEN = Result(5, "b" * 40, LIBRARIES, reason="broken", detail="The picture cannot be decoded: ä\udcff")
LATER = BROKEN._replace(reason="timeout", next_try=datetime(2030, 1, 1, tzinfo=UTC))


def save(database: Database, *given: Result) -> None:
    with database.write() as connection:
        results.save(connection, given)


def rows(database: Database, table: Table) -> list[Any]:
    columns = [table.c.commons, table.c.hash, table.c.width, table.c.thumb_width, table.c.thumb_type]
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(table.c.id))]


def state(database: Database) -> Any:
    with database.read() as connection:
        return connection.execute(select(provenance).where(provenance.c.page_id == 5)).mappings().one()


def test_both_rows_and_where_they_come_from(database: Database) -> None:
    taken = datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)
    save(database, GOOD._replace(file_timestamp=taken))
    assert rows(database, phash) == [(5, (1 << 64) - 1, 40, None, None)]
    assert rows(database, dhash) == [(5, 1 << 63, 40, None, None)]
    kept = dict(state(database))
    assert datetime.now(UTC) - kept.pop("at") < timedelta(seconds=10)
    assert kept == {
        "page_id": 5,
        "sha1": "a" * 40,
        "file_timestamp": taken,
        "input": "original",
        "libraries": LIBRARIES,
        "state": "hashed",
        "reason": None,
        "detail": None,
        "next_try": None,
    }


def test_a_thumbnail_is_told_from_an_original(database: Database) -> None:
    save(database, GOOD._replace(thumb_width=960, thumb_type="lossy-page1"))
    assert rows(database, phash) == [(5, (1 << 64) - 1, 40, 960, "lossy-page1")]
    assert rows(database, dhash) == [(5, 1 << 63, 40, 960, "lossy-page1")]
    assert state(database).input == "thumbnail"


def test_nothing_to_save(database: Database) -> None:
    save(database)
    assert rows(database, phash) == []


def test_all_or_nothing(database: Database) -> None:
    with pytest.raises(DBAPIError):
        save(database, GOOD, GOOD._replace(page_id=6, sha1=None, libraries=None))  # type: ignore[arg-type]
    with database.read() as connection:
        for table in (phash, dhash, provenance):
            assert connection.execute(select(func.count()).select_from(table)).scalar() == 0


@pytest.mark.parametrize("failure", [BROKEN, LATER])
def test_a_file_that_never_had_hashes_gets_no_rows(database: Database, failure: Result) -> None:
    save(database, failure)
    assert rows(database, phash) == rows(database, dhash) == []
    with database.read() as connection:
        assert results.failures(connection, [4, 5]) == {5}
        assert results.reasons(connection, range(4, 6)) == {failure.reason: 1}
        assert state(database).detail == "The picture cannot be decoded: ä?"
        assert state(database).next_try == failure.next_try


def test_a_final_failure_takes_the_place_of_hashes(database: Database) -> None:
    save(database, GOOD)
    save(database, BROKEN)
    save(database, BROKEN)
    assert rows(database, phash)[1:] == [(5, None, None, None, None)]
    assert rows(database, dhash)[1:] == [(5, None, None, None, "error")]
    with database.read() as connection:
        assert pairs.of_pages(connection, [5]) == {}
        assert pairs.failed(connection, [5]) == results.failures(connection, [5]) == {5}
    save(database, GOOD)
    with database.read() as connection:
        assert pairs.of_pages(connection, [5])[5].dhash == 1 << 63
        assert pairs.failed(connection, [5]) == results.failures(connection, [5]) == set()


def test_a_passing_failure_leaves_hashes(database: Database) -> None:
    save(database, GOOD)
    save(database, LATER)
    with database.read() as connection:
        assert pairs.of_pages(connection, [5])[5].phash == (1 << 64) - 1
        assert results.failures(connection, [5]) == {5}


def test_a_long_explanation_is_cut_between_letters(database: Database) -> None:
    save(database, BROKEN._replace(detail="x" + "ä" * 1000))
    assert state(database).detail == "x" + "ä" * 499


def test_reasons(database: Database) -> None:
    save(database, GOOD, *(BROKEN._replace(page_id=page) for page in (6, 7)), LATER._replace(page_id=8))
    save(database, BROKEN._replace(page_id=9, reason=None))
    with database.read() as connection:
        assert results.reasons(connection, range(10)) == {"broken": 2, "timeout": 1, "unknown": 1}
        assert results.reasons(connection, range(7, 9)) == {"broken": 1, "timeout": 1}


def test_graves(database: Database) -> None:
    def buried(pages: Any = None) -> dict[int, str | None]:
        with database.read() as connection:
            return results.buried(connection, pages)

    def bury(titles: dict[int, str], *, deleted: bool) -> None:
        with database.write() as connection:
            results.bury(connection, titles, deleted=deleted)

    bury({}, deleted=True)
    bury({1: "A.jpg", 2: "B\udcff.jpg", -3: "c/d.jpg"}, deleted=True)
    assert buried() == buried(range(-5, 5)) == {1: "A.jpg", 2: "B\udcff.jpg", -3: "c/d.jpg"}
    bury({2: "B.jpg", -3: "c/d.jpg"}, deleted=False)
    bury({-3: "e.jpg"}, deleted=True)
    assert buried() == {1: "A.jpg", -3: "e.jpg"}
    assert buried([1, 2]) == {1: "A.jpg"}
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(tombstone)).scalar() == 6


def test_failures_whose_next_try_is_due(database: Database) -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    hours = {1: 0, 2: -2, 3: 1, 4: -1, -5: -1}
    later = {
        page: LATER._replace(page_id=page, next_try=now + timedelta(hours=h)) for page, h in hours.items()
    }
    save(database, *later.values(), BROKEN._replace(page_id=6), GOOD._replace(page_id=7))
    with database.read() as connection:
        assert results.due(connection, now, 10) == [2, 4, 1]
        assert results.due(connection, now, 2) == [2, 4]
        assert results.due(connection, now - timedelta(hours=3), 10) == []
