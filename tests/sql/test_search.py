import random
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import SQLAlchemyError

import bktree.protocol
from bktree.engines import build
from bktree.protocol import Engine, Tolerance
from sql import schema, search
from sql.database import Database
from sql.search import Found, SqlEngine
from tests.sql.conftest import Put

Hashes = dict[int, tuple[int, int]]
TOP = (1 << 64) - 1

TOLERANCES = [
    Tolerance(64, 64, 0),
    Tolerance(2, 2, 0),
    Tolerance(0, 64),
    Tolerance(64, 0),
    Tolerance(0, 0),
    Tolerance(0, 0, 0),
    Tolerance(64, 6, 0),
    Tolerance(8, 8),
    Tolerance(20, 12),
    Tolerance(24, 30, 10),
    Tolerance(30, 4, 20),
    Tolerance(64, 64),
]


def brute_force(
    files: Hashes,
    query: tuple[int, int],
    tolerance: Tolerance,
    first: int | None = None,
    after: tuple[int, int] | None = None,
    bound: int | None = search.BOUND,
) -> Found:
    """The protocol, word for word."""
    matches = []
    for page, hashes in files.items():
        p, d = ((a ^ b).bit_count() for a, b in zip(hashes, query, strict=True))
        closest = tolerance.closest is None or min(p, d) <= tolerance.closest
        if p <= tolerance.phash and d <= tolerance.dhash and closest:
            matches.append((p + d, page, p, d))
    matches.sort()
    met: set[tuple[int, int]] = set()
    stop = None
    for level in sorted({match[0] for match in matches}):
        met |= {files[page] for total, page, _, _ in matches if total == level}
        if bound is not None and len(met) >= bound:
            stop = level
            break
    counted = [match for match in matches if stop is None or match[0] <= stop]
    largest = max(
        p + d
        for p in range(tolerance.phash + 1)
        for d in range(tolerance.dhash + 1)
        if tolerance.closest is None or min(p, d) <= tolerance.closest
    )
    listed = [match for match in counted if after is None or match[:2] > after][:first]
    truncated = stop is not None and stop < largest
    return Found([(page, p, d) for _, page, p, d in listed], len(counted), truncated)


def near(value: int, bits: int, chance: random.Random) -> int:
    for bit in chance.sample(range(64), bits):
        value ^= 1 << bit
    return value


def skewed(finna: list[tuple[int, int]]) -> Hashes:
    """Real photos, near copies of them, many exact copies, and blanks."""
    chance = random.Random(7)
    files: Hashes = {}
    for page in range(600):
        p, d = finna[page % 150]
        files[page * 3 - 300] = (near(p, chance.choice([0, 0, 2, 6]), chance), near(d, page % 5, chance))
    files |= {10_000 + page: (1 << 63, 0) for page in range(60)}
    files |= {20_000 + page: (near(1 << 63, 2, chance), 0) for page in range(60)}
    return files | {30_000: (0, 0), 30_001: (TOP, TOP), 30_002: (0, TOP)}


@pytest.fixture
def files(finna: list[tuple[int, int]]) -> Hashes:
    return skewed(finna)


@pytest.fixture
def engine(database: Database, put: Put, files: Hashes) -> Engine:
    """The files in the tables, some of them hashed before, among rows that do not count."""
    older = list(files)[::4]
    put(
        [(page, 5) for page in older]
        + [(page, p) for page, (p, _) in files.items()]
        + [(40_000, 1 << 63), (40_001, None), (40_002, 1 << 63), (None, 1 << 63)],
        [(page, 0, "error") for page in older]
        + [(page, 1) for page in older]
        + [(page, d) for page, (_, d) in files.items()]
        + [(40_000, 0, "error"), (40_001, 0), (40_002, 0), (40_002, None), (None, 0)],
    )
    return SqlEngine(database)


def queries(files: Hashes) -> Iterator[tuple[int, int]]:
    chance = random.Random(11)
    for p, d in [*list(files.values())[:400:50], (1 << 63, 0), (0, TOP), (TOP, 1 << 63)]:
        yield p, d
        yield near(p, 4, chance), near(d, 1, chance)


def test_it_keeps_the_protocol() -> None:
    assert search.BOUND == bktree.protocol.BOUND
    engine: Engine = SqlEngine(Database("sqlite:///never.db"))
    assert engine.name == "sql"
    with pytest.raises(TimeoutError, match="may take longer"):
        engine.search(0, 0, Tolerance(), within=1.0)


def in_memory(name: str, files: Hashes) -> Engine:
    phash, dhash = np.array(list(files.values()), np.uint64).T.copy()
    return build(name, np.array(list(files), np.int64), phash, dhash)


def test_the_answer_is_that_of_brute_force_and_of_every_engine(engine: Engine, files: Hashes) -> None:
    memory = [in_memory(name, files) for name in ("scan", "bktree")]
    for query, tolerance in product(queries(files), TOLERANCES):
        expected = brute_force(files, query, tolerance)
        assert expected == engine.search(*query, tolerance), tolerance
        for other in memory:
            answer = other.search(*query, tolerance)
            assert expected == (answer.listed, answer.total, answer.truncated), tolerance


def test_where_a_search_stops(engine: Engine, files: Hashes) -> None:
    scan = in_memory("scan", files)
    tolerances = Tolerance(64, 64, 0), Tolerance(20, 12), Tolerance(64, 64)
    windows = (None, 3), ((0, 10_030), 20), ((7, -1), None), ((200, 0), 5)
    for query, tolerance in product(list(queries(files))[::3], tolerances):
        for bound, (after, first) in product((1, 2, 30, None), windows):
            expected = brute_force(files, query, tolerance, first, after, bound)
            options: dict[str, Any] = {"first": first, "after": after, "bound": bound}
            assert expected == engine.search(*query, tolerance, **options), (tolerance, options)
            answer = scan.search(*query, tolerance, **options)
            assert expected == (answer.listed, answer.total, answer.truncated), (tolerance, options)


def test_pages_of_an_answer_make_it_up(engine: Engine) -> None:
    tolerance = Tolerance(10, 10)
    whole = engine.search(1 << 63, 0, tolerance).listed
    pieces: list[tuple[int, int, int]] = []
    after = None
    while piece := engine.search(1 << 63, 0, tolerance, first=7, after=after).listed:
        pieces += piece
        page, p, d = piece[-1]
        after = (p + d, page)
    assert whole == pieces
    assert len(whole) == 121


def test_many_queries(engine: Engine, files: Hashes) -> None:
    asked = list(queries(files))
    phash, dhash = np.array(asked, np.uint64).T.copy()
    tolerance = Tolerance(10, 10, 4)
    expected = [engine.search(*query, tolerance, first=2, bound=5) for query in asked]
    assert expected == engine.search_many(phash, dhash, tolerance, first=2, bound=5)


def test_the_files_themselves(engine: Engine, files: Hashes) -> None:
    assert len(engine) == len(files)
    assert engine.hashes([*files, 40_000, 40_001, 40_002, 5]) == files


def test_there_is_nothing_to_add_or_hide(engine: Engine, files: Hashes) -> None:
    nothing = np.array([1], np.uint64)
    engine.add(np.array([1]), nothing, nothing)
    engine.hide(np.array([10_000]))
    assert len(engine) == len(files)


def test_a_row_can_be_found_as_soon_as_it_is_there(engine: Engine, put: Put) -> None:
    def found() -> Iterable[int]:
        return [page for page, _, _ in engine.search(77, 78, Tolerance(0, 0)).listed]

    assert found() == []
    put([(9, 77)], [(9, 78)])
    assert found() == [9]
    put([(9, 76)])
    assert found() == []


def test_the_old_tool_s_queries_find_the_same(mariadb_url: str, files: Hashes) -> None:
    database = Database(mariadb_url)
    schema.prepare(database)
    with database.write() as connection:
        for page, (p, d) in files.items():
            for table, value in (("phash", p), ("dhash", d)):
                connection.execute(text(f"INSERT INTO {table} (commons, hash) VALUES ({page}, {value})"))
    engine = SqlEngine(database)

    def pages(query: tuple[int, int], tolerance: Tolerance) -> list[int]:
        return sorted(page for page, _, _ in engine.search(*query, tolerance, bound=None).listed)

    with database.read() as connection:
        for query in queries(files):
            assert pages(query, Tolerance(64, 64, 0)) == _old_search(connection, *query)
        for page in [-300, -297, -3, 0, 10_000, 20_000, 30_000, 30_002]:
            for maxdifference in (1, 3, 4):
                radius = maxdifference - 1
                found = pages(files[page], Tolerance(radius, radius, 0))
                assert found == _old_page_search(connection, page, maxdifference)
                assert page in found
    database.close()


def _old_search(connection: Connection, phash: int, dhash: int) -> list[int]:
    """/search: a row in both tables, one of the hashes equal, each page joined with itself."""
    query = """
        SELECT DISTINCT p.commons FROM phash p JOIN dhash d ON p.commons = d.commons
        WHERE (p.hash = :phash OR d.hash = :dhash) AND BIT_COUNT(p.hash ^ p.hash) < 3
        ORDER BY p.commons"""
    return list(connection.scalars(text(query), {"phash": phash, "dhash": dhash}))


def _old_page_search(connection: Connection, page_id: int, maxdifference: int) -> list[int]:
    """/pagesearch: one hash equal to the page's, the other strictly within maxdifference."""
    query = """
        SELECT p2.commons FROM phash p1
        JOIN dhash d1 ON d1.commons = p1.commons
        JOIN phash p2 ON p2.hash = p1.hash
        JOIN dhash d2 ON d2.commons = p2.commons
        WHERE p1.commons = :page AND BIT_COUNT(d1.hash ^ d2.hash) < :most
        UNION
        SELECT p2.commons FROM dhash d1
        JOIN phash p1 ON p1.commons = d1.commons
        JOIN dhash d2 ON d2.hash = d1.hash
        JOIN phash p2 ON p2.commons = d2.commons
        WHERE d1.commons = :page AND BIT_COUNT(p1.hash ^ p2.hash) < :most
        ORDER BY commons"""
    return list(connection.scalars(text(query), {"page": page_id, "most": maxdifference}))


@pytest.fixture
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """The statements that the database was asked, with their arguments."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, arguments: object, *_: object) -> None:
        asked.append((statement, arguments))

    event.listen(database._engine, "before_cursor_execute", note)
    yield asked
    event.remove(database._engine, "before_cursor_execute", note)


@pytest.mark.parametrize("tolerance", [Tolerance(64, 64, 0), Tolerance(2, 2, 0), Tolerance(0, 8)], ids=str)
def test_equal_hashes_are_found_through_indexes(
    database: Database,
    put: Put,
    finna: list[tuple[int, int]],
    statements: list[tuple[str, Any]],
    tolerance: Tolerance,
) -> None:
    rows = finna[:10_000]
    put([(page, p) for page, (p, _) in enumerate(rows)], [(page, d) for page, (_, d) in enumerate(rows)])
    with database.write() as connection:
        connection.execute(text("ANALYZE" if database.embedded else "ANALYZE TABLE phash, dhash"))
    statements.clear()
    SqlEngine(database).search(*finna[77], tolerance, first=10)
    plans = [plan for statement in list(statements) for plan in explain(database, *statement)]
    assert plans
    assert [plan for plan in plans if reads_a_whole_table(database, plan)] == []


def explain(database: Database, statement: str, arguments: Any) -> list[dict[str, Any]]:
    how = "EXPLAIN QUERY PLAN " if database.embedded else "EXPLAIN "
    with database.read() as connection:
        return [dict(row) for row in connection.exec_driver_sql(how + statement, arguments).mappings()]


def reads_a_whole_table(database: Database, plan: dict[str, Any]) -> bool:
    if database.embedded:
        return bool(plan["detail"].startswith(("SCAN phash", "SCAN dhash")))
    return plan["table"] in {"phash", "dhash"} and plan["type"] in {"ALL", "index"}


@pytest.fixture
def slow(database: Database, put: Put, finna: list[tuple[int, int]]) -> Callable[[float], Engine]:
    """Engines with a time limit over more rows than a thousandth of a second is enough for."""
    rows = finna[:4000]
    put([(page, p) for page, (p, _) in enumerate(rows)], [(page, d) for page, (_, d) in enumerate(rows)])
    return lambda seconds: SqlEngine(database, left=lambda: seconds)


def test_wide_rules_are_limited_and_equal_hashes_are_not(
    slow: Callable[[float], Engine], finna: list[tuple[int, int]]
) -> None:
    hasty, patient = slow(0.001), slow(60)
    for ask in (len, lambda engine: engine.search(*finna[5], Tolerance(30, 30))):
        assert ask(patient)
        with pytest.raises(TimeoutError, match="longer than"):
            ask(hasty)
    assert hasty.search(*finna[5], Tolerance(64, 64, 0)).listed[0] == (5, 0, 0)


def test_where_no_time_is_left_nothing_is_asked(database: Database, files: Hashes) -> None:
    times = iter([60.0, 60.0])

    def left() -> float:
        for seconds in times:
            return seconds
        raise TimeoutError("no time is left")

    engine = SqlEngine(database, left=left)
    phash, dhash = np.array(list(queries(files))[:3], np.uint64).T.copy()
    with pytest.raises(TimeoutError, match="no time is left"):
        engine.search_many(phash, dhash, Tolerance(64, 64, 0))
    assert list(times) == []


def test_no_tables(empty_database: Database) -> None:
    with pytest.raises(SQLAlchemyError):
        SqlEngine(empty_database).search(1, 2, Tolerance())
