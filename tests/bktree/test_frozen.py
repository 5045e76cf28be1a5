from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bktree.engines import ENGINES
from bktree.frozen import Freeze, Frozen, arrays_of, for_tables, for_trees, nbytes, rows_of, sort
from bktree.kernel import DHASH, PHASH, Pair
from bktree.tables import block_bits, widths_of
from tests.bktree.conftest import COMPILED, Files, collection, collections, flipped, order_of, to_arrays

MANY = 100_000 if COMPILED else 2000

Collection = tuple[NDArray[np.int64], Pair]


@pytest.fixture(scope="module", params=list(ENGINES))
def freeze(request: pytest.FixtureRequest) -> Freeze:
    return ENGINES[request.param]


def assert_laid_out(made: Frozen, files: Collection) -> None:
    pages, hashes = files
    assert sorted(made.by_page.tolist()) == list(range(len(pages)))
    assert made.page_id[made.by_page].tolist() == pages.tolist()
    for kind in (PHASH, DHASH):
        assert made.hashes[kind][made.by_page].tolist() == hashes[kind].tolist()


def assert_equal_pairs_lie_side_by_side(made: Frozen, rows: NDArray[np.integer[Any]]) -> None:
    columns = made.hashes[PHASH][rows], made.hashes[DHASH][rows], made.page_id[rows]
    files = list(zip(*(column.tolist() for column in columns), strict=True))
    runs = [(pair, [page for *_, page in run]) for pair, run in groupby(files, key=lambda file: file[:2])]
    assert len(runs) == len({pair for pair, _ in runs})
    assert all(run == sorted(run) for _, run in runs)


@settings(deadline=None, max_examples=60 if COMPILED else 10)
@given(files=collections)
def test_every_file_has_one_row_and_equal_pairs_lie_side_by_side(freeze: Freeze, files: Collection) -> None:
    made = freeze(*files)

    assert_laid_out(made, files)
    assert_equal_pairs_lie_side_by_side(made, np.arange(len(files[0])))


@settings(deadline=None, max_examples=60 if COMPILED else 10)
@given(files=collections)
def test_equal_pairs_lie_side_by_side_in_the_order_of_dhash(freeze: Freeze, files: Collection) -> None:
    made = freeze(*files)

    order = order_of(made)
    assert_equal_pairs_lie_side_by_side(made, order)
    assert len(order) == (0 if freeze is ENGINES["scan"] else len(files[0]))


@settings(deadline=None, max_examples=40 if COMPILED else 10)
@given(files=collections)
def test_the_hashes_of_trees_are_in_the_order_of_dhash(files: Collection) -> None:
    made = for_trees(*files)

    assert made.trees[DHASH].keys.tolist() == made.hashes[DHASH][made.order].tolist()
    assert len(made.trees[PHASH].keys) == 0


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 100, 3000 if COMPILED else 300])
@pytest.mark.parametrize("kinds", [1, 4, 100_000])
def test_sort_is_by_phash_then_dhash_then_place(count: int, kinds: int) -> None:
    rng = np.random.default_rng(count)
    phash, dhash = rng.choice(rng.integers(0, 2**64, kinds, np.uint64), (2, count))
    place = rng.permutation(count).astype(np.uint32)
    expected = sorted(zip(phash.tolist(), dhash.tolist(), place.tolist(), strict=True))

    sort((phash, dhash, place), 0, count)

    assert list(zip(phash.tolist(), dhash.tolist(), place.tolist(), strict=True)) == expected


def test_sort_leaves_what_is_outside_alone() -> None:
    hashes, place = np.arange(9, 0, -1, dtype=np.uint64), np.zeros(9, np.uint32)

    sort((hashes, hashes.copy(), place), 3, 6)

    assert hashes.tolist() == [9, 8, 7, 4, 5, 6, 3, 2, 1]


@settings(deadline=None, max_examples=30 if COMPILED else 10)
@given(files=collections)
def test_pages_are_looked_up(freeze: Freeze, files: Collection) -> None:
    made, (pages, hashes) = freeze(*files), files

    rows = rows_of(made, pages)
    assert made.page_id[rows].tolist() == pages.tolist()
    assert made.hashes[DHASH][rows].tolist() == hashes[DHASH].tolist()
    others = np.setdiff1d(np.array([-(2**63), *range(-20, 20), 2**32, 2**63 - 1]), pages)
    assert rows_of(made, others).tolist() == [-1] * len(others)


def test_a_hundred_thousand_files(freeze: Freeze) -> None:
    for files in (collection(1, MANY, 100_000, 64), collection(2, MANY, 300, 64), collection(3, MANY, 1, 64)):
        made = freeze(*files)

        assert_laid_out(made, files)
        assert_equal_pairs_lie_side_by_side(made, np.arange(MANY))
        assert_equal_pairs_lie_side_by_side(made, order_of(made))


def test_what_is_given_is_not_changed(freeze: Freeze) -> None:
    (pages, hashes), (same_pages, same_hashes) = collection(1, 500, 50, 64), collection(1, 500, 50, 64)

    freeze(pages, hashes)

    assert pages.tolist() == same_pages.tolist()
    assert [column.tolist() for column in hashes] == [column.tolist() for column in same_hashes]


def test_all_arrays_are_named_and_counted(freeze: Freeze) -> None:
    files = freeze(*collection(1, 1000, 1000, 64))

    arrays = dict(arrays_of(files))

    assert arrays["page_id"] is files.page_id
    assert arrays["hashes.1"] is files.hashes[DHASH]
    assert arrays["tables.offsets"] is files.tables.offsets
    assert arrays["trees.0.starts"] is files.trees[PHASH].starts
    assert len(arrays) == len(list(arrays_of(files))) == 5 + len(files.tables) + 2 * len(files.trees[PHASH])
    assert nbytes(files) == sum(array.nbytes for array in arrays.values()) >= 24_000


def test_the_arrays_are_flat_and_little_endian(freeze: Freeze) -> None:
    arrays = dict(arrays_of(freeze(*collection(1, 1000, 1000, 64)))).values()

    assert all(array.flags.c_contiguous and array.dtype.newbyteorder("<") == array.dtype for array in arrays)


ALIVE = 1 / 8
"""Bytes that an engine keeps for a file beside what is frozen."""


@pytest.mark.parametrize(
    ("count", "most"), [(1_000_000, 54), (2**20, 54), (14_000_000, 52), (100_000_000, 47)]
)
def test_a_file_takes_little_memory_in_tables(count: int, most: int) -> None:
    files = for_tables(*collection(1, MANY, 100_000, 64))

    offsets, outlines = files.tables.offsets, files.tables.outlines
    of_files = nbytes(files) - offsets.nbytes - outlines.nbytes
    of_buckets = sum((1 << width) + 1 for width in widths_of(count)) * offsets.itemsize
    of_blocks = 2 * -(-count >> block_bits(count)) * outlines.itemsize
    assert of_files / MANY + (of_buckets + of_blocks) / count + ALIVE <= most


@pytest.mark.parametrize(("spread", "most"), [(64, 37), (20, 37), (6, 38)])
def test_a_file_takes_little_memory_in_trees(spread: int, most: int) -> None:
    files = for_trees(np.arange(2 * MANY), (flipped(1, 2 * MANY, spread), flipped(2, 2 * MANY, spread)))

    assert nbytes(files) / (2 * MANY) + ALIVE <= most


def test_a_real_file_takes_little_memory_in_trees(real: Files) -> None:
    pages, phash, dhash = to_arrays(dict(sorted(real.items())))

    assert nbytes(for_trees(pages, (phash, dhash))) / len(pages) + ALIVE <= 37


@settings(deadline=None, max_examples=20)
@given(count=st.integers(0, 200))
def test_a_scan_takes_no_memory_but_for_the_files(count: int) -> None:
    assert nbytes(ENGINES["scan"](*collection(1, count, 1000, 64))) == 24 * count
