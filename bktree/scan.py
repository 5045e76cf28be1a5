"""Search by passing over every row: no index, no memory beyond the hashes, the same time at any radius."""

import numpy as np
from numpy.typing import NDArray

from bktree import bitmap
from bktree.bitmap import Bitmap
from bktree.kernel import PHASH, Pair, Query, hamming, kernel, longer, nearest, packed, signed
from bktree.plan import Probe
from bktree.ranking import run_end

BLOCK = 256
"""Rows looked over at a time: few enough to be still at hand when one of them is a hit."""

GROUP = 64
"""Queries that a block is compared with while it is at hand."""

Found = tuple[NDArray[np.int64], int]
"""Packed matches, and how many of them there are; the rest is spare room."""

Rows = tuple[Pair, Bitmap]
"""Hashes of a base, and which of its rows are to be found."""

Column = tuple[NDArray[np.uint64], NDArray[np.uint32]]
"""Hashes, and the row of each; no rows if those are 0, 1, 2 and so on."""


@kernel
def with_match(found: Found, match: int) -> Found:
    """Append a match."""
    matches, count = found
    if count == len(matches):
        matches = longer(matches)
    matches[count] = match
    return matches, count + 1


@kernel
def with_run(found: Found, rows: Rows, query: Query, probe: Probe, row: int, end: int) -> Found:
    """Append a run of equal pairs, if a probe asks for it and any of it is alive."""
    # A kernel is called with as little as it needs: numba counts references to every array passed.
    hashes, alive = rows
    near = hamming(hashes[probe.kind][row], query[probe.kind])
    beside = hamming(hashes[1 - probe.kind][row], query[1 - probe.kind])
    if near <= probe.radius and probe.low <= beside <= probe.high and bitmap.count(alive, row, end):
        return with_match(found, packed(row, near, beside, probe.kind))
    return found


@kernel
def with_block(
    found: Found, rows: Rows, query: Query, probe: Probe, column: Column, place: int, stop: int
) -> tuple[Found, int]:
    """Append what a probe asks for from ``place`` on; give back where to go on, at ``stop`` or after it."""
    keys, order = column
    value = query[probe.kind]
    while place < stop:
        end = place + 1
        if hamming(keys[place], value) <= probe.radius:
            row = signed(order[place]) if len(order) else place
            run = run_end(rows[0], row)
            found = with_run(found, rows, query, probe, row, run)
            # Equal pairs lie side by side in every order.
            end = place + run - row
        place = end
    return found, place


@kernel
def swept(
    found: Found, rows: Rows, query: Query, probe: Probe, column: Column, start: int, stop: int
) -> Found:
    """Append what a probe asks for, by passing over a part of a column."""
    (keys, _), value, place = column, query[probe.kind], start
    while place < stop:
        end = min(place + BLOCK, stop)
        if nearest(keys[place:end], value) > probe.radius:
            place = end
        else:
            found, place = with_block(found, rows, query, probe, column, place, end)
    return found


@kernel
def swept_by_group(rows: Rows, queries: Pair, probe: Probe) -> tuple[Found, NDArray[np.int64]]:
    """Find what a probe asks for near each of many queries in one pass, and for which query each match is."""
    keys, values = rows[0][probe.kind], queries[probe.kind]
    column = (keys, np.empty(0, np.uint32))
    places = np.zeros(len(queries[PHASH]), np.int64)
    found, owners = (np.empty(64, np.int64), 0), np.empty(64, np.int64)
    if probe.radius < 0:
        return found, owners[:0]
    for start in range(0, len(keys), BLOCK):
        stop = min(start + BLOCK, len(keys))
        for number in range(len(places)):
            if places[number] >= stop or nearest(keys[start:stop], values[number]) > probe.radius:
                continue
            query, before = (queries[0][number], queries[1][number]), found[1]
            place = max(start, places[number])
            found, places[number] = with_block(found, rows, query, probe, column, place, stop)
            if found[1] > len(owners):
                more = np.empty(len(found[0]), np.int64)
                more[:before] = owners[:before]
                owners = more
            owners[before : found[1]] = number
    return found, owners[: found[1]]


@kernel
def scanned(
    rows: int, hashes: Pair, alive: NDArray[np.bool_], query: Query, probe: Probe
) -> NDArray[np.int64]:
    """Match the first ``rows`` rows one by one."""
    radius, low, high, kind = probe
    near, far = hashes[kind], hashes[1 - kind]
    near_query, far_query = query[kind], query[1 - kind]
    found = (np.empty(64, np.int64), 0)
    for start in range(0, rows, BLOCK):
        stop = min(start + BLOCK, rows)
        if nearest(near[start:stop], near_query) > radius:
            continue
        for row in range(start, stop):
            distance = hamming(near[row], near_query)
            if distance > radius:
                continue
            beside = hamming(far[row], far_query)
            if alive[row] and low <= beside <= high:
                found = with_match(found, packed(row, distance, beside, kind))
    matches, count = found
    return matches[:count]
