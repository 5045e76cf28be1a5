"""What tests of search engines share: answers by brute force, and hashes, real ones and made up."""

import csv
import gzip
from collections.abc import Callable, Iterator
from itertools import groupby, product
from pathlib import Path

import numpy as np
import pybktree
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from bktree import answers, lookup, tables, tree
from bktree.frozen import Frozen
from bktree.kernel import DHASH, KERNELS, PHASH, Pair
from bktree.protocol import BITS, Tolerance
from bktree.records import part_bits, record_at

REAL = Path(__file__).parents[3] / "shared/photos/hashes/finna_33k.csv.gz"

COMPILED = hasattr(KERNELS[0], "py_func")
FULL = 2**64 - 1
WIDE = Tolerance(64, 64)

Files = dict[int, tuple[int, int]]
Columns = tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint64]]
Answer = tuple[list[tuple[int, int, int]], int, bool]
Near = Callable[[tuple[int, int], int, int], set[int]]


def brute_force(
    files: Files,
    phash: int,
    dhash: int,
    tolerance: Tolerance,
    *,
    first: int | None = None,
    after: tuple[int, int] | None = None,
    bound: int | None = None,
) -> Answer:
    """Answer a search by the words of the protocol, one file after the other."""
    closest = BITS if tolerance.closest is None else tolerance.closest
    matches = []
    for page, pair in files.items():
        near, beside = (pair[0] ^ phash).bit_count(), (pair[1] ^ dhash).bit_count()
        if near <= tolerance.phash and beside <= tolerance.dhash and min(near, beside) <= closest:
            matches.append((near + beside, page, near, beside))
    allowed = product(range(tolerance.phash + 1), range(tolerance.dhash + 1))
    stop = largest = max(sum(pair) for pair in allowed if min(pair) <= closest)
    pairs: set[tuple[int, int]] = set()
    for level, group in groupby(sorted(matches), key=lambda match: match[0]):
        pairs.update(files[page] for _, page, _, _ in group)
        if bound is not None and len(pairs) >= bound:
            stop = level
            break
    within = sorted(match for match in matches if match[0] <= stop)
    later = [match[1:] for match in within if after is None or match[:2] > after]
    return later[:first], len(within), stop < largest


def by_numpy(
    columns: Columns, phash: int, dhash: int, tolerance: Tolerance, first: int | None = None
) -> Answer:
    """Answer a search without a bound by brute force, for more files than Python gets through."""
    pages, near, beside = (
        columns[0],
        np.bitwise_count(columns[1] ^ np.uint64(phash)),
        np.bitwise_count(columns[2] ^ np.uint64(dhash)),
    )
    closest = BITS if tolerance.closest is None else tolerance.closest
    inside = (near <= tolerance.phash) & (beside <= tolerance.dhash) & (np.minimum(near, beside) <= closest)
    pages, near, beside = pages[inside], near[inside], beside[inside]
    order = np.lexsort((pages, near + beside))
    listed = (column[order[:first]].tolist() for column in (pages, near, beside))
    return list(zip(*listed, strict=True)), len(order), False


def to_arrays(files: Files) -> Columns:
    """Page ids, phashes and dhashes as engines take them."""
    return (
        np.array(list(files), np.int64),
        np.array([phash for phash, _ in files.values()], np.uint64),
        np.array([dhash for _, dhash in files.values()], np.uint64),
    )


def to_files(columns: Columns) -> Files:
    """Pairs of hashes by page id, as brute force takes them."""
    pages, phash, dhash = (column.tolist() for column in columns)
    return dict(zip(pages, zip(phash, dhash, strict=True), strict=True))


def flipped(seed: int, count: int, flips: int) -> NDArray[np.uint64]:
    """Hashes around a few others, the fewer flips the less spread they are."""
    rng = np.random.default_rng(seed)
    hashes = rng.choice(rng.integers(0, 2**64, 4, np.uint64), count)
    for _ in range(flips):
        hashes ^= np.uint64(1) << rng.integers(0, 64, count, np.uint64)
    return hashes


def crowd(seed: int, count: int, flips: int, copies: int = 1) -> Columns:
    """Files around a few pairs of hashes, each some times over."""
    phash, dhash = (np.tile(flipped(seed + kind, count, flips), copies) for kind in (PHASH, DHASH))
    return np.random.default_rng(seed).permutation(count * copies) - 100, phash, dhash


def collection(seed: int, count: int, kinds: int, bits: int) -> tuple[NDArray[np.int64], Pair]:
    """Files in the order of their pages, with some kinds of hashes that differ in some of their bits."""
    rng = np.random.default_rng(seed)
    pages = np.sort(rng.choice(8 * count + 1, count, replace=False)) - 4 * count
    mask = np.uint64((1 << bits) - 1)
    phash, dhash = (rng.choice(rng.integers(0, 2**64, kinds, np.uint64) & mask, count) for _ in range(2))
    return pages, (phash, dhash)


collections = st.builds(
    collection,
    seed=st.integers(0, 99),
    count=st.integers(0, 3) | st.integers(0, 5000 if COMPILED else 100),
    kinds=st.sampled_from([1, 2, 30, 100_000]),
    bits=st.sampled_from([0, 3, 20, 64]),
)


def chunks_of(values: NDArray[np.uint64], chunk: int, width: int) -> NDArray[np.int64]:
    """The lowest bits of a chunk of each hash, bit by bit."""
    bits = [(values >> np.uint64(chunk + 3 * bit) & np.uint64(1)) << np.uint64(bit) for bit in range(width)]
    numbers: NDArray[np.uint64] = np.bitwise_or.reduce(bits)
    return numbers.astype(np.int64)


def order_of(files: Frozen) -> NDArray[np.uint32]:
    """Rows in the order of dhash, by the tree or by the tables."""
    records = files.tables.records
    if not len(records):
        return files.order
    bits = part_bits(len(records))
    return np.array([record_at(records, place, bits)[0] for place in range(len(records))], np.uint32)


def leaves_below(
    children: NDArray[np.int32],
    pivots: NDArray[np.uint64],
    child: int,
    path: tuple[tuple[int, int], ...] = (),
) -> dict[int, tuple[tuple[int, int], ...]]:
    """Every leaf of a tree, with the pivots and distances that lead to it."""
    if child < 0:
        return {-1 - child: path}
    found: dict[int, tuple[tuple[int, int], ...]] = {}
    for distance in np.flatnonzero(children[child]).tolist():
        step = int(pivots[child]), distance
        found |= leaves_below(children, pivots, int(children[child, distance]), (*path, step))
    return found


@pytest.fixture(scope="module")
def always_by_index() -> Iterator[None]:
    """Have tables and trees answer wherever they can, even if a scan would take less time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "SWEPT", np.inf)
        patch.setattr(answers, "REACH", BITS)
        patch.setattr(tree, "REACH", BITS)
        if not COMPILED:
            # Compiled, it takes more files to fill a batch, and to have several in a block.
            patch.setattr(lookup, "BATCH", lookup.LONG + 1)
            patch.setattr(tables, "BLOCKS_BITS", 4)
        yield


@pytest.fixture(scope="session")
def real() -> Files:
    """Photos of Finna: all of them, or as many as plain Python gets through."""
    assert REAL.is_file(), f"the tests need the hashes in {REAL}"
    with gzip.open(REAL, "rt") as lines:
        pairs = [(int(row["phash_uint64"]), int(row["dhash_uint64"])) for row in csv.DictReader(lines)]
    kept = pairs if COMPILED else pairs[:3000]
    pages = np.random.default_rng(1).permutation(len(kept)) - 1000
    return dict(zip(pages.tolist(), kept, strict=True))


@pytest.fixture(scope="session")
def near(real: Files) -> Near:
    """The real photos within a radius of a query by one kind of hash, as pybktree finds them."""
    trees = [
        pybktree.BKTree(pybktree.hamming_distance, {pair[kind] for pair in real.values()})
        for kind in (PHASH, DHASH)
    ]

    def found(query: tuple[int, int], kind: int, radius: int) -> set[int]:
        nearby = {value for _, value in trees[kind].find(query[kind], radius)}
        return {page for page, pair in real.items() if pair[kind] in nearby}

    return found
