from collections import Counter

import pytest
from sqlalchemy import insert

from sql import coverage, results
from sql.coverage import Counts
from sql.database import Database
from sql.results import Result
from sql.tables import provenance
from tests.sql.conftest import Put

BROKEN = Result(6, None, "libraries", reason="broken")


def count(database: Database, page_ids: range) -> Counts:
    with database.read() as connection:
        return coverage.count(connection, page_ids)


def extent(database: Database) -> range:
    with database.read() as connection:
        return coverage.extent(connection)


def test_nothing(database: Database) -> None:
    assert extent(database) == range(0)
    assert count(database, range(-10, 10)) == Counts()


def test_pages_with_two_hashes_count_once(database: Database, put: Put) -> None:
    put(
        [(1, 10), (1, 11), (2, 20), (3, 30), (4, None), (-5, 50), (9, 90), (None, 1)],
        [(1, 10), (2, 20), (2, 21), (3, 30, "error"), (4, 40), (-5, 50), (9, 90), (None, 1)],
    )
    assert count(database, range(1, 9)) == Counts(2)
    assert count(database, range(-5, 10)) == Counts(4)
    assert extent(database) == range(-5, 10)


def test_those_that_are_deleted_by_now(database: Database, put: Put) -> None:
    put([(page, page) for page in range(1, 6)], [(page, page) for page in range(1, 6)])
    with database.write() as connection:
        results.bury(connection, {1: "A.jpg", 2: None, 3: "C.jpg", 77: "Never_hashed.jpg"}, deleted=True)
        results.bury(connection, {2: None, 3: "C.jpg", 4: "D.jpg"}, deleted=False)
        results.bury(connection, {3: "C.jpg"}, deleted=True)
    assert count(database, range(1, 100)) == Counts(5, 2)
    assert count(database, range(2, 4)) == Counts(2, 1)


def test_failures_by_reason(database: Database) -> None:
    with database.write() as connection:
        results.save(connection, [BROKEN._replace(page_id=page) for page in (-7, 6, 8)])
        results.save(connection, [BROKEN._replace(page_id=7, reason="truncated")])
    assert extent(database) == range(-7, 9)
    assert count(database, range(8)) == Counts(failed=Counter(broken=1, truncated=1))
    assert count(database, range(-9, 9)) == Counts(failed=Counter(broken=3, truncated=1))


def test_counts_add_up() -> None:
    total = Counts(5, 2, Counter(broken=1)) + Counts(3, 0, Counter(broken=2, empty=1))
    assert total == Counts(8, 2, Counter(broken=3, empty=1))


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_only_rows_in_the_range_are_read(database: Database, put: Put) -> None:
    pages = range(1, 20_001)
    put([(page, page) for page in pages], [(page, page) for page in pages])
    with database.write() as connection:
        row = {"input": "original", "libraries": "", "state": "hashed"}
        connection.execute(insert(provenance), [row | {"page_id": page} for page in pages])
        results.bury(connection, dict.fromkeys(pages), deleted=True)
    with database.read() as connection:
        connection.exec_driver_sql("ANALYZE TABLE phash, dhash, provenance, tombstone")
        connection.exec_driver_sql("FLUSH STATUS")
        assert coverage.extent(connection) == range(1, 20_001)
        assert coverage.count(connection, range(10_000, 10_100)) == Counts(100, 100)
        read = connection.exec_driver_sql("SHOW STATUS LIKE 'Handler_read%%'").all()
    assert sum(int(rows) for _, rows in read) < 50 * 100
