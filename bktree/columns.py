"""The files of a memory engine, column by column, and where the row of a page is."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bktree.kernel import DHASH, PHASH, Pair, kernel, mixed

Table = tuple[NDArray[np.int64], Pair, NDArray[np.bool_], NDArray[np.int32]]
"""Columns of page id, hashes and alive; and the hash table of their latest rows."""

Array = TypeVar("Array", bound=NDArray[np.generic])


def roomy(array: Array, size: int) -> Array:
    """Return the array, or a copy at least twice as long and zero beyond, with room for ``size`` entries."""
    if size <= len(array):
        return array
    larger = np.zeros((max(size, 2 * len(array)), *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger  # type: ignore[return-value]


@kernel
def slot_of(page: int, slots: NDArray[np.int32], page_id: NDArray[np.int64]) -> int:
    """Where a hash table of rows, linearly probed, has the row of a page, or the free slot for it."""
    slot = mixed(page) & (len(slots) - 1)
    while slots[slot] >= 0 and page_id[slots[slot]] != page:
        slot = (slot + 1) & (len(slots) - 1)
    return slot


@kernel
def refill(slots: NDArray[np.int32], old: NDArray[np.int32], page_id: NDArray[np.int64]) -> None:
    """Put the rows of an old hash table into a new, empty one."""
    for row in old:
        if row >= 0:
            slots[slot_of(page_id[row], slots, page_id)] = row


@kernel
def find(pages: NDArray[np.int64], slots: NDArray[np.int32], page_id: NDArray[np.int64]) -> NDArray[np.int32]:
    """Look up the latest row of each page, -1 where there is none."""
    rows = np.empty(len(pages), np.int32)
    for place in range(len(pages)):
        rows[place] = slots[slot_of(pages[place], slots, page_id)]
    return rows


@kernel
def merge(pages: NDArray[np.int64], new: Pair, table: Table, rows: int) -> int:
    """Add files after the first ``rows`` rows; give back how many rows there are then."""
    page_id, hashes, alive, slots = table
    for place in range(len(pages)):
        slot = slot_of(pages[place], slots, page_id)
        row = slots[slot]
        if row >= 0:
            same = hashes[PHASH][row] == new[PHASH][place] and hashes[DHASH][row] == new[DHASH][place]
            alive[row] = same
            if same:
                continue
        page_id[rows] = pages[place]
        hashes[PHASH][rows] = new[PHASH][place]
        hashes[DHASH][rows] = new[DHASH][place]
        alive[rows] = True
        slots[slot] = rows
        rows += 1
    return rows


def last_places(pages: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where each page comes for the last time, in the order of the pages."""
    if (pages[1:] > pages[:-1]).all():
        return np.arange(len(pages))
    _, from_behind = np.unique(pages[::-1], return_index=True)
    return len(pages) - 1 - from_behind


def by_page(pages: NDArray[np.int64], hashes: Pair) -> dict[int, tuple[int, int]]:
    """The pairs of hashes of pages, as plain numbers."""
    pairs = zip(hashes[PHASH].tolist(), hashes[DHASH].tolist(), strict=True)
    return dict(zip(pages.tolist(), pairs, strict=True))


class Columns:
    """Rows of a page id (int64), its hashes (uint64) and whether it is to be found by them.

    A page is found by its latest row, unless hidden. Entries from ``rows`` on are spare room.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.found = 0
        self.page_id: NDArray[np.int64] = np.zeros(0, np.int64)
        self.hashes: Pair = (np.zeros(0, np.uint64), np.zeros(0, np.uint64))
        self.alive: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._slots: NDArray[np.int32] = np.full(2, -1, np.int32)

    def put(self, pages: NDArray[np.int64], hashes: Pair) -> None:
        """Add a row for each file whose hashes are new, and find it by these from now on."""
        last = last_places(pages)
        self._make_room(self.rows + len(last))
        new = hashes[PHASH][last], hashes[DHASH][last]
        table = self.page_id, self.hashes, self.alive, self._slots
        self.rows = merge(pages[last], new, table, self.rows)
        self._count()

    def hide(self, pages: NDArray[np.int64]) -> None:
        """Find these pages no longer."""
        rows = self._latest(pages)
        self.alive[rows[rows >= 0]] = False
        self._count()

    def pairs(self, pages: NDArray[np.int64]) -> dict[int, tuple[int, int]]:
        """Both hashes of those pages that are to be found."""
        if not self.rows:
            return {}
        rows = self._latest(pages)
        rows = rows[rows >= 0]
        rows = rows[self.alive[rows]]
        return by_page(self.page_id[rows], (self.hashes[PHASH][rows], self.hashes[DHASH][rows]))

    def _latest(self, pages: NDArray[np.int64]) -> NDArray[np.int32]:
        # A copy, as numba would compile anew for an array that is read-only or strided.
        return find(np.array(pages), self._slots, self.page_id)

    def _count(self) -> None:
        self.found = int(np.count_nonzero(self.alive[: self.rows]))

    def _make_room(self, rows: int) -> None:
        self.page_id, self.alive = roomy(self.page_id, rows), roomy(self.alive, rows)
        self.hashes = roomy(self.hashes[PHASH], rows), roomy(self.hashes[DHASH], rows)
        # A quarter stays free, so that the search for a free slot is short.
        if rows > len(self._slots) * 3 // 4:
            slots = np.full(1 << (rows * 4 // 3).bit_length(), -1, np.int32)
            refill(slots, self._slots, self.page_id)
            self._slots = slots
