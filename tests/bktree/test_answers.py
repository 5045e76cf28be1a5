from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bktree import answers
from bktree.answers import REACH, is_sweep
from bktree.bitmap import bitmap
from bktree.engines import ENGINES, build
from bktree.kernel import Pair
from bktree.memory import Memory
from bktree.protocol import Tolerance
from bktree.scan import GROUP
from tests.bktree.conftest import COMPILED, WIDE, Columns, collection, crowd

TOLERANCES = [
    Tolerance(0, 0),
    Tolerance(8, 8),
    Tolerance(3, 64),
    Tolerance(64, 3),
    Tolerance(REACH, 64),
    Tolerance(REACH + 1, 64),
    Tolerance(9, 14, 3),
    Tolerance(64, 64, 2),
    Tolerance(64, 64, REACH + 1),
    WIDE,
]


@pytest.fixture(scope="module", params=list(ENGINES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def two_layers(name: str, columns: Columns) -> Memory:
    """An engine with two thirds of the files in its base, all but some, and a few of those changed."""
    pages, phash, dhash = columns
    cut = 2 * len(pages) // 3
    engine = build(name, pages[:cut], phash[:cut], dhash[:cut])
    engine.add(pages[cut:], phash[cut:], dhash[cut:])
    engine.add(pages[::7], phash[::7], dhash[::-1][::7])
    engine.hide(pages[::11])
    return engine


@pytest.fixture(scope="module")
def columns() -> Columns:
    return crowd(5, 400 if COMPILED else 60, 5, copies=3)


@pytest.fixture(scope="module")
def engine(name: str, columns: Columns) -> Memory:
    return two_layers(name, columns)


def assert_many_agree_with_each(engine: Memory, queries: Pair, tolerance: Tolerance, **window: Any) -> None:
    many = engine.search_many(*queries, tolerance=tolerance, **window)
    each = zip(*(column.tolist() for column in queries), strict=True)
    assert many == [engine.search(phash, dhash, tolerance, **window) for phash, dhash in each]


@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_many_queries_are_answered_as_each_of_them(
    engine: Memory, columns: Columns, tolerance: Tolerance
) -> None:
    asked = 2 * GROUP + 5 if COMPILED else GROUP + 2
    queries = columns[1][:asked] ^ np.uint64(5), columns[2][:asked]

    windows: list[dict[str, Any]] = [{"first": 7, "bound": None}, {"first": 7, "bound": 20}]
    for window in windows:
        assert_many_agree_with_each(engine, queries, tolerance, **window)


@pytest.mark.parametrize("asked", [0, 1, GROUP - 1, GROUP, GROUP + 1, 2 * GROUP])
def test_any_number_of_queries_is_answered(engine: Memory, columns: Columns, asked: int) -> None:
    queries = columns[1][:asked], columns[2][:asked]

    for tolerance in (Tolerance(0, 0), Tolerance(REACH + 1, 64, 0)):
        assert_many_agree_with_each(engine, queries, tolerance, first=2)


def test_many_answers_are_given_room(engine: Memory, columns: Columns) -> None:
    asked = 40 if COMPILED else 8

    assert_many_agree_with_each(engine, (columns[1][:asked], columns[2][:asked]), WIDE)


def test_what_is_in_one_layer_alone_is_found_by_many_queries(name: str) -> None:
    far, queries = np.array([255], np.uint64), np.arange(3, dtype=np.uint64)
    nothing = np.zeros(0, np.int64), far[:0], far[:0]

    for base in (nothing, (np.array([4]), far, far)):
        engine = build(name, *base)
        # A base in which nothing is found leaves no room for what was added.
        engine.add(np.arange(3), queries, queries)
        for tolerance in (Tolerance(0, 0), Tolerance(0, REACH + 1), Tolerance(1, 1), WIDE):
            assert_many_agree_with_each(engine, (queries, queries), tolerance)
            assert engine.search_many(queries, queries, tolerance)[2].listed[0] == (2, 0, 0)
    engine.hide(np.arange(5))
    assert engine.search_many(queries, queries, WIDE) == [([], 0, False)] * 3


@settings(deadline=None, max_examples=40 if COMPILED else 10)
@given(
    seed=st.integers(0, 1000),
    count=st.integers(0, 300 if COMPILED else 30),
    flips=st.integers(0, 30),
    asked=st.integers(0, 80 if COMPILED else 10),
    radii=st.tuples(st.integers(0, 64), st.integers(0, 64)),
    closest=st.none() | st.integers(0, 64),
)
def test_many_agree_with_each_of_any_files(
    name: str, seed: int, count: int, flips: int, asked: int, radii: tuple[int, int], closest: int | None
) -> None:
    columns = crowd(seed, count, flips, copies=2)
    queries = columns[1][:asked], columns[2][::-1][:asked]

    assert_many_agree_with_each(two_layers(name, columns), queries, Tolerance(*radii, closest), first=5)


@pytest.mark.parametrize("count", [0, 1, 700])
def test_a_sweep_is_all_that_a_scan_can_do_and_a_tree_beyond_its_reach(count: int) -> None:
    def sweeps(name: str, radius: int) -> bool:
        return is_sweep((ENGINES[name](*collection(1, count, 700, 64)), bitmap(count)), radius, REACH)

    radii = 0, REACH, REACH + 1, 64
    assert [sweeps("scan", radius) for radius in radii] == [True] * 4
    assert [sweeps("bktree", radius) for radius in radii] == [False, False, True, True]
    assert [sweeps("multi-index", radius) for radius in radii] == [False] * 4


def test_every_way_to_an_answer_leads_to_the_same(
    monkeypatch: pytest.MonkeyPatch, name: str, columns: Columns
) -> None:
    engine = two_layers(name, columns)
    query = int(columns[1][1]) ^ 9, int(columns[2][1])

    for tolerance in TOLERANCES:
        found = []
        for swept, reach in [(0, -1), (answers.SWEPT, REACH), (np.inf, 64)]:
            monkeypatch.setattr(answers, "SWEPT", float(swept))
            monkeypatch.setattr(answers, "REACH", reach)
            found.append(engine.search(*query, tolerance, bound=None))
        assert found[0] == found[1] == found[2]
