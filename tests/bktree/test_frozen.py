from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bktree.chunks import CHUNKS, chunk_of
from bktree.frozen import TABLES, Frozen, freeze, rows_of, width_of
from bktree.kernel import DHASH, KERNELS, PHASH

COMPILED = hasattr(KERNELS[0], "py_func")
MANY = 100_000 if COMPILED else 2000


def frozen(seed: int, count: int, kinds: int, bits: int) -> tuple[Frozen, NDArray[np.int64], Any]:
    """Files with some kinds of hashes that differ in some of their bits."""
    rng = np.random.default_rng(seed)
    pages = np.sort(rng.choice(8 * count + 1, count, replace=False)) - 4 * count
    mask = np.uint64((1 << bits) - 1)
    hashes = tuple(rng.choice(rng.integers(0, 2**64, kinds, np.uint64) & mask, count) for _ in range(2))
    return freeze(pages, hashes), pages, hashes  # type: ignore[arg-type]


many_sorts = given(
    seed=st.integers(0, 99),
    count=st.integers(0, 3) | st.integers(0, MANY // 20),
    kinds=st.sampled_from([1, 2, 30, MANY]),
    bits=st.sampled_from([0, 3, 20, 64]),
)


@settings(deadline=None, max_examples=60 if COMPILED else 10)
@many_sorts
def test_every_file_has_one_row_and_equal_pairs_lie_side_by_side(
    seed: int, count: int, kinds: int, bits: int
) -> None:
    files, pages, hashes = frozen(seed, count, kinds, bits)

    key = [chunk_of(value, 0, files.width) for value in hashes[PHASH]]
    rows = zip(key, *(column.tolist() for column in (*hashes, pages)), strict=True)
    expected = [row[1:] for row in sorted(rows)]
    columns = (*files.hashes, files.page_id)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected
    assert files.page_id[files.by_page].tolist() == pages.tolist()
    assert files.alive.all()
    assert len(files.alive) == count


@settings(deadline=None, max_examples=60 if COMPILED else 10)
@many_sorts
def test_every_table_has_each_row_in_its_bucket(seed: int, count: int, kinds: int, bits: int) -> None:
    files, _, _ = frozen(seed, count, kinds, bits)

    for table in range(TABLES):
        kind, chunk = divmod(table, CHUNKS)
        rows = files.rows[table - 1] if table else np.arange(count)
        assert sorted(rows.tolist()) == list(range(count))
        buckets = np.repeat(np.arange(1 << files.width), np.diff(files.offsets[table].astype(np.int64)))
        assert [chunk_of(value, chunk, files.width) for value in files.hashes[kind][rows]] == buckets.tolist()


@settings(deadline=None, max_examples=30 if COMPILED else 10)
@many_sorts
def test_pages_are_looked_up(seed: int, count: int, kinds: int, bits: int) -> None:
    files, pages, hashes = frozen(seed, count, kinds, bits)

    rows = rows_of(files, pages)
    assert files.page_id[rows].tolist() == pages.tolist()
    assert files.hashes[DHASH][rows].tolist() == hashes[DHASH].tolist()
    others = np.setdiff1d(np.array([-(2**63), *range(-20, 20), 2**63 - 1]), pages)
    assert rows_of(files, others).tolist() == [-1] * len(others)


def test_a_hundred_thousand_files() -> None:
    files, _, hashes = frozen(1, MANY, MANY, 64)

    order = np.lexsort((*hashes[::-1], [chunk_of(value, 0, files.width) for value in hashes[PHASH]]))
    assert (files.hashes[PHASH] == hashes[PHASH][order]).all()
    assert (np.diff(files.offsets.astype(np.int64)) >= 0).all()


@pytest.mark.parametrize(("count", "most"), [(1_000_000, 52), (14_000_000, 52), (100_000_000, 47)])
def test_a_file_takes_little_memory(count: int, most: int) -> None:
    files, _, _ = frozen(1, 1000, 1000, 64)

    columns = files.page_id, *files.hashes, files.alive, files.by_page, *files.rows
    tables = TABLES * ((1 << width_of(count)) + 1) * files.offsets.itemsize
    assert sum(column.itemsize for column in columns) + tables / count <= most


def test_the_arrays_are_flat_and_little_endian() -> None:
    files, _, _ = frozen(1, 1000, 1000, 64)

    arrays = [part for part in (*files, *files.hashes) if isinstance(part, np.ndarray)]
    assert len(arrays) == 9
    assert all(array.flags.c_contiguous and array.dtype.newbyteorder("<") == array.dtype for array in arrays)
