"""Files that are laid out once and for all to be searched: flat arrays, fit to be mapped from disk.

Files with the same pair of hashes lie side by side, in the order of their pages.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bktree.bitmap import Bitmap
from bktree.bulktree import Bulktree, grown, no_tree
from bktree.kernel import DHASH, PHASH, Pair, kernel, signed
from bktree.parallel import together
from bktree.tables import Tables, no_tables, spread, tabulate, widths_of

Sorted = tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint32]]
"""Columns of phash, dhash and the place of a file among all page ids."""

GAP = 2.25
"""By how much the steps of a Shell sort shrink, after Tokuda (1992)."""

PARTS = 8
"""Files are fetched and sorted in so many parts, by as many cores as there are."""


class Frozen(NamedTuple):
    """Everything that a search needs. None of it ever changes."""

    page_id: NDArray[np.int32]
    hashes: Pair
    by_page: NDArray[np.uint32]
    """Rows in the order of their page ids."""
    order: NDArray[np.uint32]
    """Rows in the order of dhash's tree. That of phash's is the rows' own."""
    tables: Tables
    trees: tuple[Bulktree, Bulktree]


Base = tuple[Frozen, Bitmap]
"""Files, and which of their rows are to be found."""

Freeze = Callable[[NDArray[np.int64], Pair], Frozen]
"""Lays out files, given in the order of their pages, which are within 32 bits and unique."""


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
def settle(hashes: Pair, files: Sorted, edges: NDArray[np.uint32]) -> None:
    """Fetch the hashes of files, whose places are in some order, and sort them between the edges."""
    phash, dhash, place = files
    for row in range(signed(edges[0]), signed(edges[len(edges) - 1])):
        phash[row], dhash[row] = hashes[PHASH][place[row]], hashes[DHASH][place[row]]
    for part in range(len(edges) - 1):
        sort(files, signed(edges[part]), signed(edges[part + 1]))


def for_scan(pages: NDArray[np.int64], hashes: Pair) -> Frozen:
    """Lay files out to be passed over: near those with a like phash, so as to sort few at a time."""
    place, edges = _by_first_chunk(hashes[PHASH])
    return _settled(pages, hashes, place, edges)


def for_tables(pages: NDArray[np.int64], hashes: Pair) -> Frozen:
    """Lay files out for multi-index hashing."""
    place, edges = _by_first_chunk(hashes[PHASH])
    files = _settled(pages, hashes, place, edges)
    return files._replace(tables=tabulate(files.hashes, edges))


def for_trees(pages: NDArray[np.int64], hashes: Pair) -> Frozen:
    """Lay files out in BK-trees."""
    place, keys = np.arange(len(pages), dtype=np.uint32), hashes[PHASH].copy()
    by_phash = Bulktree(*grown(keys, place), no_tree().keys)
    del keys
    files = _settled(pages, hashes, place, by_phash.starts)
    order, keys = np.arange(len(pages), dtype=np.uint32), files.hashes[DHASH].copy()
    by_dhash = Bulktree(*grown(keys, order), keys)
    for start, stop in pairwise(by_dhash.starts.tolist()):
        sort((keys, keys, order), start, stop)
    return files._replace(order=order, trees=(by_phash, by_dhash))


def _by_first_chunk(phash: NDArray[np.uint64]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """List the places of hashes by the bucket of their first chunk, and where each of these begins."""
    width = widths_of(len(phash))[0]
    place, edges = np.empty(len(phash), np.uint32), np.empty((1 << width) + 1, np.uint32)
    spread(phash, 0, width, edges, place)
    return place, edges


def _settled(
    pages: NDArray[np.int64], hashes: Pair, place: NDArray[np.uint32], edges: NDArray[np.uint32]
) -> Frozen:
    """Bring files into the order of their places and sort them between the edges."""
    # Made by numpy, which asks for huge pages, as numba does not: a search is all over these arrays.
    phash, dhash = np.empty(len(place), np.uint64), np.empty(len(place), np.uint64)
    cuts = np.searchsorted(edges, np.linspace(0, len(place), PARTS + 1)[1:-1])
    parts = pairwise([0, *cuts.tolist(), len(edges) - 1])
    together(*(partial(settle, hashes, (phash, dhash, place), edges[a : b + 1]) for a, b in parts))
    by_page = np.empty(len(place), np.uint32)
    by_page[place] = np.arange(len(place), dtype=np.uint32)
    page_id = pages.astype(np.int32)[place]
    return bare(page_id, (phash, dhash), by_page)


def bare(page_id: NDArray[np.int32], hashes: Pair, by_page: NDArray[np.uint32]) -> Frozen:
    """Files with neither tables nor trees."""
    return Frozen(page_id, hashes, by_page, np.zeros(0, np.uint32), no_tables(), (no_tree(), no_tree()))


def nothing() -> Frozen:
    """No files."""
    hashes = np.zeros(0, np.uint64)
    return bare(np.zeros(0, np.int32), (hashes, hashes), np.zeros(0, np.uint32))


def nbytes(files: Frozen) -> int:
    """Bytes of all arrays."""
    return sum(array.nbytes for _, array in arrays_of(files))


def arrays_of(part: Any, name: str = "") -> Iterator[tuple[str, NDArray[np.generic]]]:
    """Every array of files, with a name."""
    if isinstance(part, np.ndarray):
        yield name, part
        return
    names = getattr(part, "_fields", range(len(part)))
    for each, field in zip(part, names, strict=True):
        yield from arrays_of(each, f"{name}.{field}" if name else str(field))


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
