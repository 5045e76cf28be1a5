"""What tests of search engines share: the answer by brute force, and the hashes of real photos."""

import csv
import gzip
from collections.abc import Callable, Mapping
from itertools import groupby, product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bktree.kernel import KERNELS
from bktree.protocol import BITS, Tolerance

REAL = Path(__file__).parents[3] / "shared/photos/hashes/finna_33k.csv.gz"

Files = Mapping[int, tuple[int, int]]
Arrays = tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint64]]
Answer = tuple[list[tuple[int, int, int]], int, bool]


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


def to_arrays(files: Files) -> Arrays:
    """Page ids, phashes and dhashes as engines take them."""
    return (
        np.array(list(files), np.int64),
        np.array([phash for phash, _ in files.values()], np.uint64),
        np.array([dhash for _, dhash in files.values()], np.uint64),
    )


@pytest.fixture(scope="session")
def brute() -> Callable[..., Answer]:
    return brute_force


@pytest.fixture(scope="session")
def arrays() -> Callable[[Files], Arrays]:
    return to_arrays


@pytest.fixture(scope="session")
def real() -> dict[int, tuple[int, int]]:
    """Photos of Finna: all of them, or as many as plain Python gets through."""
    assert REAL.is_file(), f"the tests need the hashes in {REAL}"
    with gzip.open(REAL, "rt") as lines:
        pairs = [(int(row["phash_uint64"]), int(row["dhash_uint64"])) for row in csv.DictReader(lines)]
    kept = pairs if hasattr(KERNELS[0], "py_func") else pairs[:3000]
    pages = np.random.default_rng(1).permutation(len(kept)) - 1000
    return dict(zip(pages.tolist(), kept, strict=True))
