"""Answers from the frozen base and from what was added to it, by whichever way is the fastest."""

import math

import numpy as np
from numpy.typing import NDArray

from bktree.added import Added, Layer, within_added
from bktree.bitmap import bitmap, is_set
from bktree.bulktree import leaves_near
from bktree.fitting import Fit, best_fit
from bktree.frozen import Base, nothing, rows_of
from bktree.kernel import DHASH, PHASH, Pair, Query, kernel, nearest, prefetch, signed
from bktree.lending import Lent, borrower
from bktree.lookup import AHEAD, looked_up
from bktree.plan import NOTHING, Probe
from bktree.protocol import BITS
from bktree.ranking import Answer, Limits, Position, rank
from bktree.scan import GROUP, Found, Rows, swept, swept_by_group

SWEPT = 0.5
"""Nanoseconds to look at a row when passing over all; see `bktree.fitting`. One search alone takes half of
that, and some of them side by side wait for memory."""

RANKED = 50.0
"""Nanoseconds to rank a file that is found."""

WITHIN = np.cumsum(
    [math.comb(BITS // 2, distance // 2) * (distance % 2 == 0) for distance in range(BITS + 1)]
)
WITHIN = WITHIN / WITHIN[BITS]
"""Share of all files whose hash is within each distance of any other, about: as if a hash had half as many
bits, each of them twice, since bits of real hashes go along with one another."""

REACH = 5
"""Largest radius that a frozen tree is used for: beyond, so much of it is visited that a scan is faster."""

Probes = tuple[Probe, Probe]

Effort = tuple[float, int]
"""`SWEPT` and `REACH`."""

Layers = tuple[Base, Layer]
"""The files."""

Both = tuple[Base, Layer, Effort]
"""All that a search needs to know of the files."""

NO_FILES: Layers = ((nothing(), bitmap(0)), Added().layer())

NO_PROBES: Probes = (NOTHING, NOTHING)

START: Position = (-1, 0)

layers_of, probes_of = borrower(NO_FILES), borrower(NO_PROBES)


@kernel
def climbed(found: Found, base: Base, query: Query, probe: Probe) -> Found:
    """Append the rows of the base that a probe asks for, by the tree."""
    files, alive = base
    tree, rows = files.trees[probe.kind], (files.hashes, alive)
    by_rows = (files.hashes[PHASH], files.order[:0])
    column = (tree.keys, files.order) if probe.kind == DHASH else by_rows
    leaves, keys, value = leaves_near(tree, query[probe.kind], probe.radius), column[0], query[probe.kind]
    for leaf in leaves[:AHEAD]:
        prefetch(keys, signed(tree.starts[leaf]))
    for number in range(len(leaves)):
        if number + AHEAD < len(leaves):
            prefetch(keys, signed(tree.starts[leaves[number + AHEAD]]))
        start, stop = signed(tree.starts[leaves[number]]), signed(tree.starts[leaves[number] + 1])
        if nearest(keys[start:stop], value) <= probe.radius:
            found = swept(found, rows, query, probe, column, start, stop)
    return found


@kernel
def is_sweep(base: Base, radius: int, reach: int) -> bool:
    """Whether there is no faster way within this radius than to pass over all rows."""
    files, _ = base
    return not len(files.tables.widths) and (radius > reach or not len(files.trees[PHASH].starts))


@kernel
def sweep_cost(base: Base, effort: Effort) -> float:
    """About how many nanoseconds it takes to pass over all rows."""
    return float(effort[0] * len(base[0].page_id))


@kernel
def fit_of(base: Base, query: Query, probe: Probe, effort: Effort) -> Fit:
    """How to look for what a probe asks for, and what that costs: at the most what passing over all does."""
    most, tables = sweep_cost(base, effort), base[0].tables
    if probe.radius < 0:
        return Fit(probe, tables.widths[:0], 0.0)
    if len(tables.widths):
        fit = best_fit(tables, probe, query, most)
        if fit.cost < most:
            return fit
    return Fit(probe, tables.widths[:0], most)


@kernel
def ranking_cost(rows: int, probe: Probe) -> float:
    """About how many nanoseconds it takes to rank what a probe finds, if files were scattered evenly."""
    if probe.radius < 0:
        return 0.0
    nearer = WITHIN[probe.low - 1] if probe.low else 0.0
    return float(RANKED * rows * WITHIN[probe.radius] * (WITHIN[probe.high] - nearer))


@kernel
def within_base(found: Found, base: Base, query: Query, fit: Fit, effort: Effort) -> Found:
    """Append the rows of the base that a probe asks for."""
    (files, alive), probe = base, fit.probe
    if probe.radius < 0:
        return found
    if fit.cost < sweep_cost(base, effort):
        return looked_up(found, base, query, fit)
    if not len(files.tables.widths) and not is_sweep(base, probe.radius, effort[1]):
        return climbed(found, base, query, probe)
    column = (files.hashes[probe.kind], files.order[:0])
    return swept(found, (files.hashes, alive), query, probe, column, 0, len(files.page_id))


@kernel
def ranked(found: Found, both: Both, query: Query, probes: Probes, after: Position, limits: Limits) -> Answer:
    """Append what was added, and rank everything found."""
    (files, alive), layer, _ = both
    for probe in probes:
        found = within_added(found, layer, query, probe, len(files.page_id))
    matches, count = found
    return rank(matches[:count], ((files.page_id, files.hashes, alive), layer[1]), after, limits)


@kernel
def answer(
    both: Both, query: Query, probes: Probes, after: Position, limits: Limits, most: float
) -> tuple[Answer, bool]:
    """Answer one query from both layers, unless that costs more than ``most`` nanoseconds; and tell which."""
    base, layer, effort = both
    first, second = probes
    fits = fit_of(base, query, first, effort), fit_of(base, query, second, effort)
    rows, added = len(base[0].page_id) + layer[3], effort[0] * layer[3]
    cost = fits[0].cost + ranking_cost(rows, first) + added
    if second.radius >= 0:
        cost += fits[1].cost + ranking_cost(rows, second) + added
    found = (np.empty(64, np.int64), 0)
    if cost > most:
        return (np.empty((0, 3), np.int64), 0, 0), False
    for fit in fits:
        found = within_base(found, base, query, fit, effort)
    return ranked(found, both, query, probes, after, limits), True


@kernel
def answer_one(
    files: Lent, effort: Effort, query: Query, probes: Lent, after: Position, limits: Limits, most: float
) -> tuple[Answer, bool]:
    """Answer one query from Python."""
    base, layer = layers_of(files)
    return answer((base, layer, effort), query, probes_of(probes), after, limits, most)


@kernel
def pairs_of(files: Lent, pages: NDArray[np.int64]) -> tuple[NDArray[np.int64], Pair]:
    """Those of the pages that are to be found in the base, and their hashes."""
    (base, alive), _ = layers_of(files)
    rows = rows_of(base, pages)
    for place in range(len(rows)):
        if rows[place] >= 0 and not is_set(alive, rows[place]):
            rows[place] = -1
    known = rows >= 0
    rows = rows[known]
    return pages[known], (base.hashes[PHASH][rows], base.hashes[DHASH][rows])


@kernel
def found_by_group(rows: Rows, queries: Pair, probes: Probes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pass over the base once for many queries; give back what is found for one after the other."""
    (some, count), owners = swept_by_group(rows, queries, probes[0])
    (more, others), more_owners = swept_by_group(rows, queries, probes[1])
    matches = np.concatenate((some[:count], more[:others]))
    both = np.concatenate((owners, more_owners))
    return matches[np.argsort(both)], np.cumsum(np.bincount(both, minlength=len(queries[PHASH])))


@kernel
def answer_many(
    files: Lent, effort: Effort, queries: Pair, lent_probes: Lent, limits: Limits, most: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Answer many from Python: what is listed for all; for each where that ends, its total and stop.

    That is of those before the first that costs more than ``most`` nanoseconds, see `answer`.
    """
    base, layer = layers_of(files)
    both, probes = (base, layer, effort), probes_of(lent_probes)
    listed, count = np.empty((len(queries[PHASH]), 3), np.int64), 0
    ends = np.empty((len(queries[PHASH]), 3), np.int64)
    rows = (base[0].hashes, base[1])
    at_once = is_sweep(base, probes[0].radius, effort[1]) and most == np.inf
    for first in range(0, len(ends), GROUP):
        group = (queries[PHASH][first : first + GROUP], queries[DHASH][first : first + GROUP])
        matches, stops = np.empty(0, np.int64), np.zeros(GROUP, np.int64)
        if at_once:
            matches, stops = found_by_group(rows, group, probes)
        start = 0
        for place in range(len(group[PHASH])):
            query = (group[PHASH][place], group[DHASH][place])
            if at_once:
                # With room for one more, as twice the room of none would be none.
                found = (np.append(matches[start : stops[place]], 0), stops[place] - start)
                start = stops[place]
                some, total, stop = ranked(found, both, query, probes, START, limits)
            else:
                (some, total, stop), done = answer(both, query, probes, START, limits, most)
                if not done:
                    return listed[:count], ends[: first + place]
            if count + len(some) > len(listed):
                larger = np.empty((2 * (count + len(some)), 3), np.int64)
                larger[:count] = listed[:count]
                listed = larger
            listed[count : count + len(some)] = some
            count += len(some)
            ends[first + place] = (count, total, stop)
    return listed[:count], ends
