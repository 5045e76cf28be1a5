from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bktree import multiindex
from bktree.frozen import Frozen, freeze
from bktree.kernel import KERNELS
from bktree.multiindex import LONG, MultiIndex
from bktree.protocol import Tolerance
from bktree.scan import Scan

COMPILED = hasattr(KERNELS[0], "py_func")
MANY = 3000 if COMPILED else 300
ANY = Tolerance(64, 64)

distances = st.integers(0, 14) | st.integers(0, 64)

Columns = tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint64]]


@pytest.fixture(scope="module", autouse=True)
def by_the_tables() -> Iterator[None]:
    """Have the tables answer wherever they can, even if a sweep would take less time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiindex, "SWEPT", np.inf)
        # Only plain Python heeds this: compiled, it takes a hundred thousand files to fill a batch.
        patch.setattr(multiindex, "BATCH", 16)
        yield


def crowd(seed: int, count: int, flips: int, copies: int = 1) -> Columns:
    """Files around a few pairs of hashes, the fewer bits away the less spread, each some times over."""
    rng = np.random.default_rng(seed)
    columns = []
    for _ in range(2):
        hashes = rng.choice(rng.integers(0, 2**64, 4, np.uint64), count)
        for _ in range(flips):
            hashes ^= np.uint64(1) << rng.integers(0, 64, count, np.uint64)
        columns.append(np.tile(hashes, copies))
    pages = rng.permutation(count * copies) - 100
    return pages, columns[0], columns[1]


@settings(deadline=None, max_examples=60 if COMPILED else 12)
@given(
    seed=st.integers(0, 1000),
    flips=st.integers(0, 40),
    query=st.integers(0, MANY - 1) | st.integers(MANY, 2**64 - 1),
    radii=st.tuples(st.integers(0, 64), st.integers(0, 64))
    | st.tuples(st.integers(0, 14), st.integers(0, 14)),
    closest=st.none() | st.integers(0, 12),
)
def test_the_tables_agree_with_brute_force_at_all_radii(
    brute: Callable[..., Any],
    seed: int,
    flips: int,
    query: int,
    radii: tuple[int, int],
    closest: int | None,
) -> None:
    pages, phash, dhash = crowd(seed, MANY, flips)
    files = dict(zip(pages.tolist(), zip(phash.tolist(), dhash.tolist(), strict=True), strict=True))
    pair = files.get(query - 100, (query, ~query & 2**64 - 1))

    engine = MultiIndex(pages, phash, dhash)

    tolerance = Tolerance(*radii, closest)
    assert engine.search(pair[0], pair[1], tolerance, bound=None) == brute(files, *pair, tolerance)


@pytest.mark.skipif(not COMPILED, reason="plain Python takes too long")
@pytest.mark.parametrize("flips", [2, 8, 64])
@pytest.mark.parametrize(
    "tolerance",
    [
        Tolerance(0, 0),
        Tolerance(8, 8),
        Tolerance(5, 64),
        Tolerance(64, 8),
        Tolerance(9, 14, 3),
        Tolerance(11, 64),
    ],
)
def test_a_hundred_thousand_files_agree_with_a_scan(flips: int, tolerance: Tolerance) -> None:
    pages, phash, dhash = crowd(flips, 50_000, flips, copies=2)
    tables, scan = MultiIndex(pages, phash, dhash), Scan(pages, phash, dhash)
    late = slice(None, None, 7)
    for engine in (tables, scan):
        engine.add(pages[late], phash[late], dhash[::-1][late])
        engine.hide(pages[::11])

    columns = phash[:30] ^ np.uint64(5), dhash[:30]
    assert len(tables) == len(scan)
    for bound in (None, 20):
        many = tables.search_many(*columns, tolerance, first=7, bound=bound)
        assert many == scan.search_many(*columns, tolerance, first=7, bound=bound)


@pytest.mark.parametrize("copies", [2, LONG, LONG + 1, 5 * LONG])
def test_long_runs_of_equal_pairs_are_found_whole(copies: int) -> None:
    pages, phash, dhash = crowd(copies, 20, 2, copies)
    tables, scan = MultiIndex(pages, phash, dhash), Scan(pages, phash, dhash)
    for engine in (tables, scan):
        engine.hide(pages[::3])

    for tolerance in (Tolerance(0, 64), Tolerance(64, 0), Tolerance(6, 6), Tolerance(4, 9, 1), ANY):
        many = tables.search_many(phash[:20], dhash[:20], tolerance)
        assert many == scan.search_many(phash[:20], dhash[:20], tolerance)


def test_a_listing_goes_on_amid_equal_pairs() -> None:
    count = 1000
    engine = MultiIndex(np.arange(count), *np.zeros((2, count), np.uint64))
    engine.hide(np.arange(500, 600))

    assert [page for page, _, _ in engine.search(0, 0, ANY, first=3, after=(0, 498)).listed] == [
        499,
        600,
        601,
    ]
    assert engine.search(0, 0, ANY, first=3, after=(0, 2**63 - 1)) == ([], 900, False)


def test_pages_beyond_32_bits_are_kept_beside_the_tables() -> None:
    pages = np.array([2**31, 2**31 - 1, -(2**31), -(2**31) - 1])
    hashes = np.arange(4, dtype=np.uint64)

    engine = MultiIndex(pages, hashes, hashes)

    assert sorted(engine._base.page_id.tolist()) == [-(2**31), 2**31 - 1]
    assert sorted(page for page, _, _ in engine.search(0, 0, ANY).listed) == sorted(pages.tolist())
    assert engine.hashes(pages.tolist()) == {page: (row, row) for row, page in enumerate(pages.tolist())}


def test_a_file_comes_and_goes_in_both_layers() -> None:
    page, old, new = np.array([5]), np.array([1], np.uint64), np.array([2], np.uint64)
    engine = MultiIndex(page, old, old)

    def found() -> tuple[int, dict[int, tuple[int, int]], int]:
        return len(engine), engine.hashes([5]), engine.search(0, 0, ANY).total

    for hashes in (old, new, new, old, new):
        engine.add(page, hashes, hashes)
        assert found() == (1, {5: (int(hashes[0]), int(hashes[0]))}, 1)
    engine.hide(np.array([5, 5, 6]))
    assert found() == (0, {}, 0)
    engine.add(page, old, old)
    assert found() == (1, {5: (1, 1)}, 1)
    assert engine._columns.found == 0


def test_files_mapped_from_disk_are_searched_and_never_written_to(tmp_path: Path) -> None:
    pages, phash, dhash = crowd(3, MANY, 3)
    order = np.argsort(pages)
    files = freeze(pages[order], (phash[order], dhash[order]))
    engine, other = MultiIndex.over(mapped(files, tmp_path)), MultiIndex(pages, phash, dhash)

    for each in (engine, other):
        each.hide(pages[:10])
        each.add(pages[:1], phash[:1], dhash[:1])
    for tolerance in (Tolerance(0, 0), Tolerance(8, 8), ANY):
        assert engine.search_many(phash[:9], dhash[:9], tolerance) == other.search_many(
            phash[:9], dhash[:9], tolerance
        )
    assert len(engine) == len(other) == MANY - 9
    assert len(MultiIndex.over(mapped(files, tmp_path))) == MANY


def mapped(files: Frozen, folder: Path) -> Frozen:
    """The same files, in arrays on disk."""

    def through_disk(name: str, array: Any) -> Any:
        path = folder / f"{name}.npy"
        if not path.exists():
            np.save(path, array)
        return np.load(path, mmap_mode="c").view(np.ndarray)

    columns = {
        name: through_disk(name, getattr(files, name))
        for name in ("page_id", "alive", "by_page", "offsets", "rows")
    }
    hashes = through_disk("phash", files.hashes[0]), through_disk("dhash", files.hashes[1])
    return files._replace(hashes=hashes, **columns)


def test_many_answers_are_given_room() -> None:
    pages, phash, dhash = crowd(1, MANY, 1)
    engine = MultiIndex(pages, phash, dhash)

    many = engine.search_many(phash[:40], dhash[:40], ANY)

    assert many == [
        engine.search(*pair, ANY) for pair in zip(phash[:40].tolist(), dhash[:40].tolist(), strict=True)
    ]
