"""Which buckets to look into for a query, fitted to how full they are.

By the general pigeonhole principle (Qin et al., "GPH: Similarity Search in Hamming Space", 2018) a hash
within r of a query agrees with it in one of m chunks up to that chunk's own radius, whichever radii
were chosen to add up to r - m + 1. A chunk with radius -1 is not looked at.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bktree.chunks import CHUNKS, DEEPEST, chunk_of
from bktree.frozen import Frozen
from bktree.kernel import Query, kernel, signed
from bktree.plan import Probe

SAMPLE = 32
"""Buckets, among all at one distance from the query's own, whose sizes stand for those of the rest."""

BUCKET, SIDE_BY_SIDE = 2.0, 0.15
"""Time to go to a bucket, and to look at a row beside others, where one anywhere takes 1."""


class Fit(NamedTuple):
    """A probe, the radius of each chunk, and about how long it takes to look there."""

    probe: Probe
    radii: NDArray[np.int64]
    cost: float


@kernel
def shell_cost(files: Frozen, table: int, home: int, weight: int) -> float:
    """About how long it takes to look into all buckets that are ``weight`` bits from one."""
    if weight > DEEPEST:
        return np.inf
    start, stop = files.shells[weight], files.shells[weight + 1]
    offsets = files.offsets[table]
    rows, seen = 0, 0
    for place in range(start, stop, max((stop - start) // SAMPLE, 1)):
        bucket = home ^ signed(files.flips[place])
        rows += signed(offsets[bucket + 1]) - signed(offsets[bucket])
        seen += 1
    # The rows of the first table are those of its buckets, in order.
    row = 1.0 if table else SIDE_BY_SIDE
    return float((stop - start) * (BUCKET + row * rows / max(seen, 1)))


@kernel
def fitted(files: Frozen, probe: Probe, query: Query, most: float) -> Fit:
    """Widen the radius of one chunk after the other, whichever is the cheapest, until they cover the probe's.

    Gives up, at some cost from ``most`` on, where that would not come to less.
    """
    homes, ahead = np.empty(CHUNKS, np.int64), np.empty(CHUNKS, np.float64)
    for chunk in range(CHUNKS):
        homes[chunk] = chunk_of(query[probe.kind], chunk, files.width)
        ahead[chunk] = shell_cost(files, CHUNKS * probe.kind + chunk, homes[chunk], 0)
    radii, cost = np.full(CHUNKS, -1, np.int64), 0.0
    for _ in range(probe.radius + 1):
        chunk = int(np.argmin(ahead))
        cost += ahead[chunk]
        if cost >= most:
            break
        radii[chunk] += 1
        table = CHUNKS * probe.kind + chunk
        ahead[chunk] = shell_cost(files, table, homes[chunk], radii[chunk] + 1)
    return Fit(probe, radii, cost)


@kernel
def best_fit(files: Frozen, probe: Probe, query: Query, most: float) -> Fit:
    """Fit a probe, or the same one by the other hash where that is cheaper. See `fitted` for ``most``."""
    fit = fitted(files, probe, query, most)
    if probe.low == 0:
        beside = Probe(probe.high, 0, probe.radius, 1 - probe.kind)
        other = fitted(files, beside, query, min(fit.cost, most))
        if other.cost < fit.cost:
            return other
    return fit
