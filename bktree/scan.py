"""Search by passing over every row: no index, no memory beyond the hashes, the same time at any radius."""

import numpy as np
from numpy.typing import NDArray

from bktree.columns import Columns
from bktree.kernel import Pair, Query, hamming, kernel, longer, nearest, packed
from bktree.memory import Memory
from bktree.plan import Probe

BLOCK = 256
"""Rows looked over at a time: few enough to be still at hand when one of them is a hit."""


@kernel
def scanned(
    rows: int, hashes: Pair, alive: NDArray[np.bool_], query: Query, probe: Probe
) -> NDArray[np.int64]:
    """Match the first ``rows`` rows one by one."""
    radius, low, high, kind = probe
    near, far = hashes[kind], hashes[1 - kind]
    near_query, far_query = query[kind], query[1 - kind]
    found, count = np.empty(64, np.int64), 0
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
                if count == len(found):
                    found = longer(found)
                found[count] = packed(row, distance, beside, kind)
                count += 1
    return found[:count]


def scan(columns: Columns, probe: Probe, query: Query) -> NDArray[np.int64]:
    """Answer a probe from the columns alone."""
    return scanned(columns.rows, columns.hashes, columns.alive, query, probe)


class Scan(Memory):
    """The engine that compares a query with every file."""

    name = "scan"

    def _index(self, first: int) -> None:
        pass

    def _probe(self, probe: Probe, query: Query) -> NDArray[np.int64]:
        return scan(self._columns, probe, query)
