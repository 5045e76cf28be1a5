import numpy as np
import pytest

from bktree.engines import ENGINES, build
from bktree.memory import Memory
from bktree.protocol import Tolerance
from bktree.ranking import Match, run_end
from tests.bktree.conftest import WIDE, to_arrays

FILES = {
    9: (0, 0),
    -4: (0, 0),
    7: (0b1, 0),
    3: (0, 0b1),
    2: (0b1, 0b1),
    1: (2**64 - 1, 2**64 - 1),
}
ORDER = [Match(-4, 0, 0), Match(9, 0, 0), Match(3, 0, 1), Match(7, 1, 0), Match(2, 1, 1), Match(1, 64, 64)]


@pytest.fixture(params=list(ENGINES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["in the base", "added", "both"])
def engine(request: pytest.FixtureRequest, name: str) -> Memory:
    """The files in either layer, or some in each."""
    cut = {"in the base": len(FILES), "added": 0, "both": len(FILES) // 2}[request.param]
    base, added = list(FILES.items())[:cut], list(FILES.items())[cut:]
    engine = build(name, *to_arrays(dict(base)))
    engine.add(*to_arrays(dict(added)))
    return engine


def test_matches_come_by_sum_and_then_page_id(engine: Memory) -> None:
    assert engine.search(0, 0, WIDE, bound=None) == (ORDER, 6, False)


def test_answers_are_made_of_python_numbers(engine: Memory) -> None:
    listed, total, truncated = engine.search(0, 0, WIDE)

    assert {type(value) for match in listed for value in match} == {int}
    assert (type(total), type(truncated)) == (int, bool)


@pytest.mark.parametrize(
    ("bound", "total", "truncated"),
    # Pairs by sum: one of two files at 0, two at 1, one at 2, one at 128.
    [(1, 2, True), (2, 4, True), (3, 4, True), (4, 5, True), (5, 6, False), (6, 6, False), (None, 6, False)],
)
def test_a_search_stops_after_the_sum_that_meets_its_bound(
    engine: Memory, bound: int | None, total: int, truncated: bool
) -> None:
    assert engine.search(0, 0, WIDE, bound=bound) == (ORDER[:total], total, truncated)


def test_a_bound_met_at_the_largest_sum_truncates_nothing(engine: Memory) -> None:
    assert engine.search(0, 0, Tolerance(1, 0), bound=2) == ([*ORDER[:2], ORDER[3]], 3, False)
    assert engine.search(0, 0, Tolerance(2, 0), bound=2) == ([*ORDER[:2], ORDER[3]], 3, True)
    assert engine.search(0, 0, Tolerance(1, 1, 0), bound=3) == (ORDER[:4], 4, False)


@pytest.mark.parametrize(
    "after", [(-1, 5), (0, -5), (0, 0), (0, 9), (1, 3), (1, 2**63 - 1), (60, 0), (2**40, 0)]
)
def test_a_listing_goes_on_after_a_position(engine: Memory, after: tuple[int, int]) -> None:
    expected = [match for match in ORDER if (match[1] + match[2], match[0]) > after]

    assert engine.search(0, 0, WIDE, after=after).listed == expected
    assert engine.search(0, 0, WIDE, after=after, first=2).listed == expected[:2]


def test_pages_of_a_listing_make_up_the_whole(engine: Memory) -> None:
    pages, after = [], None
    while found := engine.search(0, 0, WIDE, first=2, after=after).listed:
        pages += found
        after = found[-1].phash_distance + found[-1].dhash_distance, found[-1].page_id

    assert pages == ORDER


def test_none_asked_for_is_none_listed(engine: Memory) -> None:
    assert engine.search(0, 0, WIDE, first=0) == ([], 6, False)


def test_hidden_files_meet_no_bound(engine: Memory) -> None:
    engine.hide(np.array([7]))

    assert engine.search(0, 0, WIDE, bound=3) == ([*ORDER[:3], ORDER[4]], 4, True)


def test_pairs_are_told_apart_by_both_hashes(name: str) -> None:
    files = {page: (page % 40, page // 40) for page in range(1600)}

    engine = build(name, *to_arrays(files))

    assert not engine.search(0, 0, WIDE, first=0, bound=1601).truncated
    assert engine.search(0, 0, WIDE, first=0, bound=1).total == 1
    # Six numbers below 40 have a single bit.
    assert engine.search(0, 0, WIDE, first=0, bound=13) == ([], 1 + 6 + 6, True)
    assert engine.search(0, 0, WIDE, first=0, bound=14).total > 13


def test_equal_pairs_are_one_in_the_base_and_beside_it(name: str) -> None:
    engine = build(name, *to_arrays({1: (0, 0), 2: (0, 0), 3: (1, 0), 4: (3, 0), 5: (0, 0)}))
    engine.add(*to_arrays({6: (0, 0), 3: (0, 0), 7: (1, 0)}))
    engine.hide(np.array([1]))

    zeros = [Match(page, 0, 0) for page in (2, 3, 5, 6)]
    assert engine.search(0, 0, WIDE, bound=1) == (zeros, 4, True)
    assert engine.search(0, 0, WIDE, bound=2) == ([*zeros, Match(7, 1, 0)], 5, True)
    assert engine.search(0, 0, WIDE, bound=3) == ([*zeros, Match(7, 1, 0), Match(4, 2, 0)], 6, True)
    assert not engine.search(0, 0, WIDE, bound=4).truncated


@pytest.mark.parametrize("most", [1, 2, 3, 5, 8, 13, 40])
def test_the_end_of_a_run_is_found_wherever_it_begins(most: int) -> None:
    rng = np.random.default_rng(most)
    lengths = rng.integers(1, most + 1, 60)
    kinds = np.arange(60, dtype=np.uint64)
    hashes = np.repeat(kinds // 2, lengths), np.repeat(kinds % 2, lengths)
    ends = np.repeat(np.cumsum(lengths), lengths)

    assert [run_end(hashes, row) for row in range(len(ends))] == ends.tolist()
