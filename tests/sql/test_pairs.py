from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sql import loading, pairs
from sql.database import Database
from sql.tables import dhash, phash
from tests.sql.conftest import Put

TOP = (1 << 64) - 1


def load(database: Database) -> dict[int, tuple[int, int]]:
    loaded = loading.load(database).pairs
    hashes = zip(loaded.phash.tolist(), loaded.dhash.tolist(), strict=True)
    return dict(zip(loaded.page_id.tolist(), hashes, strict=True))


def of_pages(database: Database, page_ids: list[int]) -> dict[int, tuple[int, int]]:
    with database.read() as connection:
        return {page: pair[1:3] for page, pair in pairs.of_pages(connection, page_ids).items()}


def test_no_rows(database: Database) -> None:
    assert load(database) == {}
    assert of_pages(database, []) == of_pages(database, [1]) == {}


def test_the_newest_row_counts(database: Database, put: Put) -> None:
    put([(1, 10), (2, 20), (1, TOP), (-3, 30)], [(1, 1 << 63), (2, 2), (-3, 3), (-3, 4)])
    expected = {1: (TOP, 1 << 63), 2: (20, 2), -3: (30, 4)}
    assert expected == load(database) == of_pages(database, [-3, 1, 2, 4])


@pytest.mark.parametrize(
    ("phashes", "dhashes"),
    [
        ([(1, 10)], []),
        ([], [(1, 10)]),
        ([(1, None)], [(1, 10)]),
        ([(1, 10)], [(1, None)]),
        ([(1, 10)], [(1, 10, "error")]),
        ([(1, 10), (1, None)], [(1, 10)]),
        ([(1, 10)], [(1, 10), (1, 10, "error")]),
        ([(None, 10)], [(None, 10)]),
    ],
)
def test_a_page_needs_two_good_rows(
    database: Database, put: Put, phashes: list[tuple[int, int]], dhashes: list[tuple[int, int]]
) -> None:
    put([*phashes, (2, 20)], [*dhashes, (2, 21, "default")])
    assert {2: (20, 21)} == load(database) == of_pages(database, [1, 2])


def test_a_failure_can_be_healed(database: Database, put: Put) -> None:
    put([(1, None), (1, 10)], [(1, 0, "error"), (1, 11, "lossy-page1")])
    assert {1: (10, 11)} == load(database) == of_pages(database, [1])


def test_failed(database: Database, put: Put) -> None:
    put(
        [(1, None), (2, 2), (3, None), (3, 3), (4, 4), (None, None)],
        [(1, 1), (2, 2, "error"), (3, 3), (4, 4)],
    )
    with database.read() as connection:
        assert pairs.failed(connection, range(10)) == {1, 2}
        assert pairs.failed(connection, [3, 4]) == set()


def test_what_a_pair_tells(database: Database, put: Put) -> None:
    put([(1, 10)], [(1, 11)])
    with database.read() as connection:
        pair = pairs.of_pages(connection, [1])[1]
    assert pair[:5] == (1, 10, 11, 4, 3)
    assert abs(datetime.now(UTC) - pair.created) < timedelta(minutes=1)


def test_more_pages_than_one_statement_takes(database: Database, put: Put) -> None:
    pages = range(-2 * pairs.BATCH, pairs.BATCH)
    put([(page, page & 0xFF) for page in pages], [(page, 7) for page in pages])
    expected = {page: (page & 0xFF, 7) for page in pages}
    assert expected == load(database) == of_pages(database, list(pages))


page_ids = st.none() | st.integers(-2, 3)
values = st.sampled_from([None, 0, 1, TOP])
kinds = st.sampled_from([None, "default", "error"])


@given(
    st.lists(st.tuples(page_ids, values), max_size=12),
    st.lists(st.tuples(page_ids, values, kinds), max_size=12),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_any_rows(
    database: Database,
    put: Put,
    phashes: list[tuple[int | None, int | None]],
    dhashes: list[tuple[int | None, int | None, str | None]],
) -> None:
    with database.write() as connection:
        connection.execute(phash.delete())
        connection.execute(dhash.delete())
    put(phashes, dhashes)
    left, right = dict(phashes), {page: None if kind == "error" else value for page, value, kind in dhashes}
    expected = {
        page: (a, right[page])
        for page, a in left.items()
        if page is not None and a is not None and right.get(page) is not None
    }
    assert expected == load(database) == of_pages(database, list(range(-2, 4)))
    with database.read() as connection:
        hashed_or_failed = pairs.failed(connection, range(-2, 4)) | expected.keys()
    assert hashed_or_failed >= (left.keys() & right.keys()) - {None}


def test_batches() -> None:
    cut = list(pairs.batches(range(2 * pairs.BATCH + 1)))
    assert [len(batch) for batch in cut] == [pairs.BATCH, pairs.BATCH, 1]
    assert all(a[-1] + 1 == b[0] for a, b in pairwise(cut))
    assert list(pairs.batches([])) == []


def test_pages_between_others(database: Database, put: Put) -> None:
    put([(5, 1), (6, None), (6, 2), (9, 3), (-7, 4), (None, 5)], [(7, 1)])
    with database.read() as connection:
        assert sorted(pairs.between(connection, 4, 9)) == [5, 6, 9]
        assert sorted(pairs.between(connection, 5, 8)) == [6]
        assert pairs.between(connection, 9, 100) == pairs.between(connection, 5, 5) == []
