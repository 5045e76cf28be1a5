"""Files that are laid out once and for all, for multi-index hashing: flat arrays, fit to be mapped from disk.

Rows are in the order of the first chunk of phash, so that its table needs no list of rows, and files
with the same pair of hashes lie side by side, in the order of their pages.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bktree.chunks import CHUNKS, WIDTH, chunk_of, flips
from bktree.kernel import DHASH, PHASH, Pair, kernel, signed

TABLES = 2 * CHUNKS

Sorted = tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint32]]
"""Columns of phash, dhash and the place of a file among all page ids."""

GAP = 2.25
"""By how much the steps of a Shell sort shrink, after Tokuda (1992)."""


class Frozen(NamedTuple):
    """Everything that a search needs. Only ``alive`` ever changes."""

    page_id: NDArray[np.int32]
    hashes: Pair
    alive: NDArray[np.bool_]
    by_page: NDArray[np.uint32]
    """Rows in the order of their page ids."""
    offsets: NDArray[np.uint32]
    """For each table (those of phash first) where the rows of each bucket begin; then how many there are."""
    rows: NDArray[np.uint32]
    """For each table but the first, rows in the order of their buckets."""
    flips: NDArray[np.uint32]
    """What to add, bit by bit, to the number of a bucket to come to those near it, the nearest first."""
    shells: NDArray[np.int64]
    """Where the flips of 0, 1, 2 and more bits begin."""
    width: int
    """Bits of a chunk."""


@kernel
def counted(hashes: NDArray[np.uint64], chunk: int, width: int) -> NDArray[np.uint32]:
    """Where each bucket begins."""
    offsets = np.zeros((1 << width) + 1, np.uint32)
    for value in hashes:
        offsets[chunk_of(value, chunk, width) + 1] += 1
    for bucket in range(1 << width):
        offsets[bucket + 1] += offsets[bucket]
    return offsets


@kernel
def fill(hashes: NDArray[np.uint64], chunk: int, width: int, rows: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """List the rows of each bucket; give back where each begins."""
    offsets = counted(hashes, chunk, width)
    for row in range(len(hashes)):
        bucket = chunk_of(hashes[row], chunk, width)
        rows[offsets[bucket]] = row
        offsets[bucket] += 1
    # By now each bucket begins where the next one did.
    for bucket in range(1 << width, 0, -1):
        offsets[bucket] = offsets[bucket - 1]
    offsets[0] = 0
    return offsets


@kernel
def sort(files: Sorted, start: int, stop: int) -> None:
    """Sort files by phash, dhash and page (Shell 1959): few at a time, and those in order pass quickly."""
    phash, dhash, place = files
    gap = 1
    while gap < stop - start:
        gap = int(gap * GAP) + 1
    while gap > 1:
        gap = int(gap / GAP)
        for end in range(start + gap, stop):
            p, d, at = phash[end], dhash[end], place[end]
            hole = end
            while hole - gap >= start:
                before = hole - gap
                if phash[before] < p or (
                    phash[before] == p and (dhash[before] < d or (dhash[before] == d and place[before] < at))
                ):
                    break
                phash[hole], dhash[hole], place[hole] = phash[before], dhash[before], place[before]
                hole = before
            phash[hole], dhash[hole], place[hole] = p, d, at


@kernel
def arrange(hashes: Pair, width: int, files: Sorted) -> NDArray[np.uint32]:
    """Bring files, given in the order of their pages, into that of rows; tell where each bucket begins."""
    phash, dhash, place = files
    offsets = fill(hashes[PHASH], 0, width, place)
    for row in range(len(place)):
        phash[row], dhash[row] = hashes[PHASH][place[row]], hashes[DHASH][place[row]]
    for bucket in range(1 << width):
        sort(files, signed(offsets[bucket]), signed(offsets[bucket + 1]))
    return offsets


def width_of(files: int) -> int:
    """Bits of a chunk that make for some 4 to 8 files in a bucket, or more where there are too many files."""
    return min(max(files.bit_length() - 3, 1), WIDTH)


def freeze(pages: NDArray[np.int64], hashes: Pair) -> Frozen:
    """Lay out files, given in the order of their pages, which are within 32 bits and unique."""
    width = width_of(len(pages))
    # Made by numpy, which asks for huge pages, as numba does not: a search is all over these arrays.
    phash, dhash = np.empty(len(pages), np.uint64), np.empty(len(pages), np.uint64)
    place = np.empty(len(pages), np.uint32)
    first = arrange(hashes, width, (phash, dhash, place))
    by_page = np.empty(len(place), np.uint32)
    by_page[place] = np.arange(len(place), dtype=np.uint32)
    page_id = pages.astype(np.int32)[place]
    offsets = np.empty((TABLES, len(first)), np.uint32)
    offsets[0] = first
    rows = np.empty((TABLES - 1, len(place)), np.uint32)
    for table in range(1, TABLES):
        kind, chunk = divmod(table, CHUNKS)
        offsets[table] = fill((phash, dhash)[kind], chunk, width, rows[table - 1])
    alive = np.ones(len(place), np.bool_)
    return Frozen(page_id, (phash, dhash), alive, by_page, offsets, rows, *flips(width), width)


@kernel
def rows_of(files: Frozen, pages: NDArray[np.int64]) -> NDArray[np.int64]:
    """The row of each page, -1 where there is none."""
    rows = np.full(len(pages), -1, np.int64)
    for place in range(len(pages)):
        low, high = 0, len(files.by_page)
        while low < high:
            middle = (low + high) >> 1
            if files.page_id[files.by_page[middle]] < pages[place]:
                low = middle + 1
            else:
                high = middle
        if low < len(files.by_page) and files.page_id[files.by_page[low]] == pages[place]:
            rows[place] = files.by_page[low]
    return rows
