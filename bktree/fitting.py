"""Which buckets to look into for a query, fitted to how full they are.

By the general pigeonhole principle (Qin et al., "GPH: Similarity Search in Hamming Space", 2018) a hash
within r of a query agrees with it in one of m chunks up to that chunk's own radius, whichever radii
were chosen to add up to r - m + 1. A chunk with radius -1 is not looked at.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bktree.chunks import CHUNKS, DEEPEST, choose, chunk_of, flips
from bktree.kernel import Query, kernel, signed
from bktree.plan import Probe
from bktree.tables import Tables, offsets_of

SAMPLE = 8
"""Buckets, among all at one distance from the query's own, whose sizes stand for those of the rest."""

BUCKET = 28.0
"""Nanoseconds to go to a bucket. Of this and the next only the ratios count."""

ROW = (3.4, 2.6, 2.4, 5.4, 3.6, 3.3)
"""Nanoseconds to look at each row of a bucket, by table."""


class Fit(NamedTuple):
    """A probe, the radius of each chunk, and about how long it takes to look there."""

    probe: Probe
    radii: NDArray[np.int64]
    cost: float


@kernel
def rows_near(offsets: NDArray[np.uint32], flipped: NDArray[np.uint32], home: int) -> float:
    """About how many rows a bucket has of those whose numbers differ from that of one by a flip."""
    rows, seen = 0, 0
    for place in range(0, len(flipped), max(len(flipped) // SAMPLE, 1)):
        bucket = home ^ signed(flipped[place])
        rows += signed(offsets[bucket + 1]) - signed(offsets[bucket])
        seen += 1
    return rows / seen


@kernel
def shell_cost(tables: Tables, table: int, home: int, weight: int) -> float:
    """About how long it takes to look into all buckets that are ``weight`` bits from one."""
    width = tables.widths[table]
    rows = rows_near(offsets_of(tables, table), flips(width, weight), home)
    return float(choose(width, weight) * (BUCKET + ROW[table] * rows))


@kernel
def least_cost(width: int, weight: int) -> float:
    """How long it takes at least."""
    return np.inf if weight > min(DEEPEST, width) else choose(width, weight) * BUCKET


@kernel
def fitted(tables: Tables, probe: Probe, query: Query, most: float) -> Fit:
    """Widen the radius of one chunk after the other, whichever is the cheapest, until they cover the probe's.

    Gives up, at some cost from ``most`` on, where that would not come to less.
    """
    homes, ahead = np.empty(CHUNKS, np.int64), np.full(CHUNKS, BUCKET)
    sampled = np.zeros(CHUNKS, np.bool_)
    for chunk in range(CHUNKS):
        homes[chunk] = chunk_of(query[probe.kind], chunk, tables.widths[CHUNKS * probe.kind + chunk])
    radii, cost, left = np.full(CHUNKS, -1, np.int64), 0.0, probe.radius + 1
    if probe.radius >= CHUNKS * (DEEPEST + 1):
        return Fit(probe, radii, np.inf)
    while left and cost < most:
        chunk = int(np.argmin(ahead))
        table = CHUNKS * probe.kind + chunk
        if not sampled[chunk] and ahead[chunk] < np.inf:
            ahead[chunk] = shell_cost(tables, table, homes[chunk], radii[chunk] + 1)
            sampled[chunk] = True
            continue
        cost += ahead[chunk]
        left -= 1
        radii[chunk] += 1
        ahead[chunk] = least_cost(tables.widths[table], radii[chunk] + 1)
        sampled[chunk] = False
    return Fit(probe, radii, cost)


@kernel
def best_fit(tables: Tables, probe: Probe, query: Query, most: float) -> Fit:
    """Fit a probe, or the same one by the other hash where that is cheaper. See `fitted` for ``most``."""
    fit = fitted(tables, probe, query, most)
    if probe.low == 0:
        beside = Probe(probe.high, 0, probe.radius, 1 - probe.kind)
        other = fitted(tables, beside, query, min(fit.cost, most))
        if other.cost < fit.cost:
            return other
    return fit
