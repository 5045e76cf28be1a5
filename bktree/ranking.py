"""The order of matches, where a search stops, and which of them are listed."""

from operator import index
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bktree.columns import Columns
from bktree.kernel import DHASH, PHASH, Pair, kernel, mixed
from bktree.protocol import BITS

SUMS = 2 * BITS + 1
"""How many sums of two distances there are."""


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
def stop_of(ordered: NDArray[np.int64], edges: NDArray[np.int64], hashes: Pair, bound: int) -> int:
    """Sum by which the matches have ``bound`` distinct pairs of hashes, or the number of sums."""
    if len(ordered) < bound:
        return SUMS
    size = 16
    while size < 2 * bound:
        size *= 2
    rows, pairs = np.full(size, -1, np.int64), 0
    for level in range(SUMS):
        for match in ordered[edges[level] : edges[level + 1]]:
            row = match >> 16
            phash, dhash = hashes[PHASH][row], hashes[DHASH][row]
            slot = mixed(mixed(int(np.int64(phash))) ^ int(np.int64(dhash))) & (size - 1)
            while rows[slot] >= 0 and (
                hashes[PHASH][rows[slot]] != phash or hashes[DHASH][rows[slot]] != dhash
            ):
                slot = (slot + 1) & (size - 1)
            if rows[slot] < 0:
                rows[slot] = row
                pairs += 1
                if pairs == bound:
                    return level
    return SUMS


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
def rank(
    found: NDArray[np.int64],
    page_id: NDArray[np.int64],
    hashes: Pair,
    after: tuple[int, int],
    limits: tuple[int, int],
) -> tuple[NDArray[np.int64], int, int]:
    """List matches as rows of page id and both distances; give their total and where the search stopped.

    ``after`` is a sum and a page id, ``limits`` are the first and the bound of a search.
    """
    first, bound = limits
    after_sum, after_page = after
    edges = edges_of(found)
    ordered = by_sum(found, edges)
    stop = stop_of(ordered, edges, hashes, bound)
    total = int(edges[min(stop + 1, SUMS)])
    listed, count = np.empty((min(first, total), 3), np.int64), 0
    for level in range(max(after_sum, 0), min(stop + 1, SUMS)):
        if count == len(listed) or edges[level] == edges[level + 1]:
            continue
        matches = ordered[edges[level] : edges[level + 1]]
        pages = page_id[matches >> 16]
        if level == after_sum:
            later = pages > after_page
            matches, pages = matches[later], pages[later]
        matches, pages = smallest(matches, pages, len(listed) - count)
        for place in range(len(pages)):
            phash, dhash = distances(matches[place])
            listed[count] = (pages[place], phash, dhash)
            count += 1
    return listed[:count], total, stop


def ranked(
    found: NDArray[np.int64],
    columns: Columns,
    largest: int,
    *,
    first: int | None,
    after: tuple[int, int] | None,
    bound: int | None,
) -> Ranking:
    """Answer as `bktree.protocol.Engine.search` says.

    ``found`` are all matches within the tolerance, packed as by `bktree.kernel.packed` and in any
    order, and ``largest`` is the largest sum that the tolerance allows.
    """
    limits = _limit(first, len(found)), _limit(bound, len(found) + 1)
    after_sum, after_page = (-1, 0) if after is None else after
    position = index(after_sum), index(after_page)
    listed, total, stop = rank(found, columns.page_id, columns.hashes, position, limits)
    return Ranking([Match._make(row) for row in listed.tolist()], total, stop < largest)


def _limit(asked: int | None, most: int) -> int:
    return most if asked is None else min(index(asked), most)
