"""The order of matches, where a search stops, and which of them are listed."""

from functools import partial
from operator import index
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bktree import bitmap
from bktree.bitmap import Bitmap
from bktree.kernel import DHASH, PHASH, Pair, Query, kernel, longer, mixed, prefetch
from bktree.protocol import BITS

SUMS = 2 * BITS + 1
"""How many sums of two distances there are."""


Base = tuple[NDArray[np.int32], Pair, Bitmap]
"""Page ids, hashes and alive of rows where equal pairs of hashes lie side by side, in the order of pages."""

Live = tuple[NDArray[np.int64], Pair]
"""Page ids and hashes of rows in any order."""

Layers = tuple[Base, Live]
"""The rows that matches are of. Rows of the live layer are numbered on from those of the base.

A match with a row of the base stands for all those with the same pair of hashes from there on, one of
them alive at least; a match with a live row stands for that row alone.
"""

Position = tuple[int, int]
"""A sum of distances and a page id."""

Limits = tuple[int, int]
"""How many matches to list, and distinct pairs after which to stop."""

Answer = tuple[NDArray[np.int64], int, int]
"""Page id and both distances of the matches listed, their total, and the sum that the search stopped at."""

UNLIMITED = 1 << 62
LOWEST, HIGHEST = -(2**63), 2**63 - 1


class Match(NamedTuple):
    """A file within the tolerance."""

    page_id: int
    phash_distance: int
    dhash_distance: int


class Ranking(NamedTuple):
    """The answer to one query, as `bktree.protocol.Matches` describes it."""

    listed: list[Match]
    total: int
    truncated: bool


@kernel
def distances(match: int) -> tuple[int, int]:
    """Phash and dhash distance of a match, packed as `bktree.kernel.packed` says."""
    return (int(match) >> 8) & 0xFF, int(match) & 0xFF


@kernel
def edges_of(found: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many matches have a smaller sum than 0, 1, 2 and so on."""
    edges = np.zeros(SUMS + 1, np.int64)
    for match in found:
        phash, dhash = distances(match)
        edges[phash + dhash + 1] += 1
    return np.cumsum(edges)


@kernel
def by_sum(found: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Matches in the order of their sums, by counting and not comparing."""
    places, ordered = edges.copy(), np.empty(len(found), np.int64)
    for match in found:
        phash, dhash = distances(match)
        ordered[places[phash + dhash]] = match
        places[phash + dhash] += 1
    return ordered


@kernel
def run_end(hashes: Pair, row: int) -> int:
    """The row after those that lie side by side from this one on and have the same pair of hashes."""
    rows = len(hashes[PHASH])
    phash, dhash = hashes[PHASH][row], hashes[DHASH][row]
    last, step = row, 1
    # Twice as far each time, and then half as far: a run of n takes 2 log n steps (Bentley and Yao 1976).
    while last + step < rows and hashes[PHASH][last + step] == phash and hashes[DHASH][last + step] == dhash:
        last += step
        step *= 2
    while step > 1:
        step //= 2
        place = last + step
        if place < rows and hashes[PHASH][place] == phash and hashes[DHASH][place] == dhash:
            last = place
    return last + 1


@kernel
def pair_of(match: int, layers: Layers) -> Query:
    """Both hashes that a match was found by."""
    (_, base, _), (_, live) = layers
    row, rows = match >> 16, len(base[PHASH])
    if row < rows:
        return base[PHASH][row], base[DHASH][row]
    return live[PHASH][row - rows], live[DHASH][row - rows]


@kernel
def files_in(matches: NDArray[np.int64], layers: Layers) -> int:
    """How many files matches stand for."""
    (base_page, hashes, alive), _ = layers
    files = len(matches)
    for match in matches:
        row = match >> 16
        if row < len(base_page):
            prefetch(base_page, row)
            files += bitmap.count(alive, row, run_end(hashes, row)) - 1
    return files


@kernel
def stop_of(ordered: NDArray[np.int64], edges: NDArray[np.int64], layers: Layers, bound: int) -> int:
    """Sum by which the matches have ``bound`` distinct pairs of hashes, or the number of sums."""
    if len(ordered) < bound:
        return SUMS
    size = 16
    while size < 2 * bound:
        size *= 2
    slots, pairs = np.full(size, -1, np.int64), 0
    for level in range(SUMS):
        for match in ordered[edges[level] : edges[level + 1]]:
            phash, dhash = pair_of(match, layers)
            slot = mixed(mixed(int(np.int64(phash))) ^ int(np.int64(dhash))) & (size - 1)
            while slots[slot] >= 0 and pair_of(slots[slot], layers) != (phash, dhash):
                slot = (slot + 1) & (size - 1)
            if slots[slot] < 0:
                slots[slot] = match
                pairs += 1
                if pairs == bound:
                    return level
    return SUMS


@kernel
def files_of(
    matches: NDArray[np.int64], layers: Layers, least: int, most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List matches file by file with their pages from ``least`` on, of equal pairs in the base ``most``."""
    (base_page, hashes, alive), (live_page, _) = layers
    each, pages, count = np.empty(len(matches), np.int64), np.empty(len(matches), np.int64), 0
    rows = len(base_page)
    for match in matches:
        row, left = match >> 16, most
        end = run_end(hashes, row) if row < rows else row + 1
        if row < rows and least > LOWEST:
            row += int(np.searchsorted(base_page[row:end], least))
        while row < end and left:
            page = np.int64(base_page[row]) if row < rows else live_page[row - rows]
            if page >= least and (row >= rows or bitmap.is_set(alive, row)):
                if count == len(pages):
                    each, pages = longer(each), longer(pages)
                each[count], pages[count] = match, page
                count += 1
                left -= 1
            row += 1
    return each[:count], pages[:count]


@kernel
def smallest(
    level: NDArray[np.int64], pages: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The matches, and their pages, with the ``count`` smallest page ids, in order."""
    if count < len(pages):
        chosen = pages <= np.partition(pages, count - 1)[count - 1]
        level, pages = level[chosen], pages[chosen]
    order = np.argsort(pages)
    return level[order], pages[order]


@kernel
def rank(found: NDArray[np.int64], layers: Layers, after: Position, limits: Limits) -> Answer:
    """Order all matches within a tolerance, packed as by `bktree.kernel.packed`, and list some of them."""
    first, bound = limits
    after_sum, after_page = after
    edges = edges_of(found)
    ordered = by_sum(found, edges)
    stop = stop_of(ordered, edges, layers, bound)
    total = files_in(ordered[: edges[min(stop + 1, SUMS)]], layers)
    listed, count = np.empty((min(first, total), 3), np.int64), 0
    for level in range(max(after_sum, 0), min(stop + 1, SUMS)):
        if count == len(listed) or edges[level] == edges[level + 1]:
            continue
        least = LOWEST
        if level == after_sum:
            if after_page == HIGHEST:
                continue
            least = after_page + 1
        left = len(listed) - count
        matches, pages = files_of(ordered[edges[level] : edges[level + 1]], layers, least, left)
        matches, pages = smallest(matches, pages, left)
        for place in range(len(pages)):
            phash, dhash = distances(matches[place])
            listed[count] = (pages[place], phash, dhash)
            count += 1
    return listed[:count], total, stop


def position_of(after: tuple[int, int] | None) -> Position:
    """Where a listing goes on. Raises ValueError for what takes more than 64 bits."""
    if after is None:
        return -1, 0
    if not all(LOWEST <= index(part) <= HIGHEST for part in after):
        raise ValueError(f"a position is a distance sum and a page id of 64 bits, not {after}")
    return index(after[0]), index(after[1])


def limits_of(first: int | None, bound: int | None) -> Limits:
    """How much is asked for. Raises ValueError for a negative ``first`` and a ``bound`` below 1."""
    if first is not None and index(first) < 0:
        raise ValueError(f"first is how many matches to list, not {first}")
    if bound is not None and index(bound) < 1:
        raise ValueError(f"bound is at least 1, not {bound}")
    return _limit(first), _limit(bound)


def _limit(asked: int | None) -> int:
    return UNLIMITED if asked is None else min(index(asked), UNLIMITED)


def ranking_of(answer: Answer, largest: int) -> Ranking:
    """Answer for Python, where ``largest`` is the largest sum that the tolerance allows."""
    listed, total, stop = answer
    return Ranking(matches_of(listed), total, stop < largest)


def matches_of(listed: NDArray[np.int64]) -> list[Match]:
    """Matches for Python."""
    # As by Match._make, which takes three times as long.
    return list(map(partial(tuple.__new__, Match), zip(*listed.T.tolist(), strict=True)))
