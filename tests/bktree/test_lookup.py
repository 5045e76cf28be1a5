from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bktree import frozen, tables
from bktree.chunks import CHUNKS, WIDTHS
from bktree.engines import build
from bktree.lookup import BATCH, LONG, due_at, farthest_due
from bktree.memory import Memory
from bktree.protocol import Tolerance
from tests.bktree.conftest import COMPILED, FULL, WIDE, Columns, brute_force, by_numpy, crowd, to_files

pytestmark = pytest.mark.usefixtures("always_by_index")

MANY = 3000 if COMPILED else 300


@settings(deadline=None, max_examples=80 if COMPILED else 20)
@given(
    seed=st.integers(0, 1000),
    flips=st.integers(0, 40),
    copies=st.sampled_from([1, 2, 3, LONG + 8]),
    query=st.integers(-100, MANY - 101) | st.integers(0, FULL),
    radii=st.tuples(st.integers(0, 64), st.integers(0, 64))
    | st.tuples(st.integers(0, 14), st.integers(0, 14)),
    closest=st.none() | st.integers(0, 12),
)
def test_the_tables_agree_with_brute_force_at_all_radii(
    seed: int, flips: int, copies: int, query: int, radii: tuple[int, int], closest: int | None
) -> None:
    columns = crowd(seed, MANY // copies, flips, copies)
    files, tolerance = to_files(columns), Tolerance(*radii, closest)
    pair = files.get(query, (query & FULL, ~query & FULL))

    found = build("multi-index", *columns).search(*pair, tolerance, bound=None)

    assert found == brute_force(files, *pair, tolerance)


def assert_agrees_with_numpy(engine: Memory, columns: Columns, kept: slice, tolerance: Tolerance) -> None:
    left = columns[0][kept], columns[1][kept], columns[2][kept]
    for phash, dhash in zip(columns[1][:20].tolist(), columns[2][:20].tolist(), strict=True):
        found = engine.search(phash, dhash, tolerance, first=1000, bound=None)
        assert found == by_numpy(left, phash, dhash, tolerance, first=1000)


@pytest.mark.skipif(not COMPILED, reason="plain Python takes too long")
@pytest.mark.parametrize("flips", [2, 8, 64])
def test_the_tables_agree_with_numpy_where_blocks_are_of_several_files(flips: int) -> None:
    columns = crowd(flips, 150_000, flips, copies=2)
    engine = build("multi-index", *columns)

    for tolerance in (
        Tolerance(0, 0),
        Tolerance(8, 8),
        Tolerance(5, 64),
        Tolerance(64, 8),
        Tolerance(9, 14, 3),
        Tolerance(11, 64),
    ):
        assert_agrees_with_numpy(engine, columns, slice(None), tolerance)


TOLERANCES = [Tolerance(0, 64), Tolerance(64, 0), Tolerance(6, 6), Tolerance(4, 9, 1), Tolerance(64, 6), WIDE]


@pytest.mark.parametrize("tolerance", TOLERANCES)
@pytest.mark.parametrize("copies", [2, LONG - 1, LONG, LONG + 1, LONG + 2, 5 * LONG])
def test_long_runs_of_equal_pairs_are_found_whole(copies: int, tolerance: Tolerance) -> None:
    columns = crowd(copies, 20, 2, copies)
    engine = build("multi-index", *columns)
    hidden = slice(len(columns[0]) // 2)
    engine.hide(columns[0][hidden])

    assert_agrees_with_numpy(engine, columns, slice(hidden.stop, None), tolerance)


@pytest.mark.parametrize("tolerance", TOLERANCES)
@pytest.mark.parametrize("ahead", [0, 1, LONG - 1, LONG, LONG + 1])
@pytest.mark.parametrize("copies", [1, LONG, LONG + 1, 2 * LONG + 1])
def test_runs_are_found_whole_wherever_they_begin_in_a_bucket(
    ahead: int, copies: int, tolerance: Tolerance
) -> None:
    # All in the same buckets but for one table, and so all in the way of one another.
    single = np.arange(ahead, dtype=np.uint64)
    run, after = np.full(copies, 1 << 40, np.uint64), np.full(LONG + 3, 1 << 41, np.uint64)
    hashes = np.concatenate((single << np.uint64(42), run, after))
    columns = np.arange(len(hashes)), hashes, hashes[::-1].copy()

    assert_agrees_with_numpy(build("multi-index", *columns), columns, slice(None), tolerance)


@pytest.mark.parametrize("same", [0, 1])
def test_buckets_that_fill_a_batch_are_gone_on_with(same: int) -> None:
    count = 3 * BATCH if COMPILED else 200
    alike, different = np.zeros(count, np.uint64), np.arange(count, dtype=np.uint64) << np.uint64(45)
    columns = np.arange(count), *((alike, different) if same else (different, alike))
    engine = build("multi-index", *columns)

    for tolerance in (Tolerance(2, 64), Tolerance(64, 2), Tolerance(4, 4)):
        assert_agrees_with_numpy(engine, columns, slice(None), tolerance)


@pytest.mark.skipif(not COMPILED, reason="plain Python takes too long over so many buckets")
def test_bit_63_of_dhash_counts_at_full_width(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (frozen, tables):
        monkeypatch.setattr(module, "widths_of", lambda _: list(WIDTHS))
    columns = crowd(1, 2000, 6)
    columns[2][::2] ^= np.uint64(1 << 63)
    engine = build("multi-index", *columns)

    for radius in range(10):
        assert_agrees_with_numpy(engine, columns, slice(None), Tolerance(64, radius))
        assert_agrees_with_numpy(engine, columns, slice(None), Tolerance(radius, 64))


@pytest.mark.parametrize("radius", range(9))
def test_what_is_near_is_due_where_it_is_looked_for(radius: int) -> None:
    """Whatever radii are fitted, and however its distance is spread over the chunks."""
    steps = range(radius + 1)
    spreads = [spread for spread in product(steps, steps, steps) if sum(spread) <= radius]
    fits = [fit for fit in product(range(-1, 6), repeat=CHUNKS) if sum(fit) == radius - CHUNKS + 1]
    for fit in map(np.array, fits):
        farthest = [farthest_due(chunk, radius, fit).tolist() for chunk in range(CHUNKS)]
        for spread in spreads:
            chunk = due_at(fit, spread)
            assert spread[chunk] <= fit[chunk]
            assert spread[0] <= farthest[chunk][spread[chunk]]
