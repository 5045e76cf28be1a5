"""Answers from the frozen base and from what was added to it, by whichever way is the fastest."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bktree.added import Layer, within_added
from bktree.bulktree import Bulktree, leaves_near
from bktree.fitting import best_fit
from bktree.frozen import Base, Frozen
from bktree.kernel import DHASH, PHASH, Pair, Query, kernel, signed
from bktree.lookup import looked_up
from bktree.plan import Probe
from bktree.ranking import Answer, Limits, Position, rank
from bktree.scan import GROUP, Found, Rows, swept, swept_by_group
from bktree.tables import Tables

SWEPT = 0.1
"""Time to look at a row when passing over all, where one that a table leads to takes 1."""

REACH = 5
"""Largest radius that a frozen tree is used for: beyond, so much of it is visited that a scan is faster."""

Probes = tuple[Probe, Probe]

Nameless = Any
"""Tuples without names in the stead of named ones: numba takes those from Python in half the time."""

Effort = tuple[float, int]
"""`SWEPT` and `REACH`."""

Both = tuple[Base, Layer, Effort]
"""All that a search needs to know of the files."""

START: Position = (-1, 0)


def nameless(part: Any) -> Nameless:
    """The parts of a tuple, and of those in it."""
    return tuple(nameless(each) for each in part) if isinstance(part, tuple) else part


@kernel
def named(base: Nameless) -> Base:
    """Give the parts of a base their names back."""
    (page_id, hashes, by_page, order, tables, (first, second)), alive = base
    trees = (Bulktree(*first), Bulktree(*second))
    return Frozen(page_id, hashes, by_page, order, Tables(*tables), trees), alive


@kernel
def climbed(found: Found, base: Base, query: Query, probe: Probe) -> Found:
    """Append the rows of the base that a probe asks for, by the tree."""
    files, alive = base
    tree, rows = files.trees[probe.kind], (files.hashes, alive)
    by_rows = (files.hashes[PHASH], files.order[:0])
    column = (tree.keys, files.order) if probe.kind == DHASH else by_rows
    for leaf in leaves_near(tree, query[probe.kind], probe.radius):
        start, stop = signed(tree.starts[leaf]), signed(tree.starts[leaf + 1])
        found = swept(found, rows, query, probe, column, start, stop)
    return found


@kernel
def is_sweep(base: Base, radius: int, reach: int) -> bool:
    """Whether there is no faster way within this radius than to pass over all rows."""
    files, _ = base
    return not len(files.tables.widths) and (radius > reach or not len(files.trees[PHASH].starts))


@kernel
def within_base(found: Found, base: Base, query: Query, probe: Probe, effort: Effort) -> Found:
    """Append the rows of the base that a probe asks for."""
    (files, alive), (per_row, reach) = base, effort
    if probe.radius < 0:
        return found
    if not is_sweep(base, probe.radius, reach):
        if not len(files.tables.widths):
            return climbed(found, base, query, probe)
        most = per_row * len(files.page_id)
        fit = best_fit(files.tables, probe, query, most)
        if fit.cost < most:
            return looked_up(found, base, query, fit)
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
def answer(both: Both, query: Query, probes: Probes, after: Position, limits: Limits) -> Answer:
    """Answer one query from both layers."""
    base, _, effort = both
    found = (np.empty(64, np.int64), 0)
    for probe in probes:
        found = within_base(found, base, query, probe, effort)
    return ranked(found, both, query, probes, after, limits)


@kernel
def answer_one(both: Nameless, query: Query, probes: Nameless, after: Position, limits: Limits) -> Answer:
    """Answer one query from Python."""
    base, layer, effort = both
    first, second = probes
    return answer((named(base), layer, effort), query, (Probe(*first), Probe(*second)), after, limits)


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
    nameless_both: Nameless, queries: Pair, nameless_probes: Nameless, limits: Limits
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Answer many from Python: what is listed for all; for each where that ends, its total and stop."""
    nameless_base, layer, effort = nameless_both
    base, (one, two) = named(nameless_base), nameless_probes
    both, probes = (base, layer, effort), (Probe(*one), Probe(*two))
    listed, count = np.empty((len(queries[PHASH]), 3), np.int64), 0
    ends = np.empty((len(queries[PHASH]), 3), np.int64)
    rows = (base[0].hashes, base[1])
    at_once = is_sweep(base, probes[0].radius, effort[1])
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
                some, total, stop = answer(both, query, probes, START, limits)
            if count + len(some) > len(listed):
                larger = np.empty((2 * (count + len(some)), 3), np.int64)
                larger[:count] = listed[:count]
                listed = larger
            listed[count : count + len(some)] = some
            count += len(some)
            ends[first + place] = (count, total, stop)
    return listed[:count], ends
