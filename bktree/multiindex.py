"""Multi-index hashing, after Norouzi, Punjani and Fleet, "Fast search in Hamming space" (2012).

Tables by parts of each hash lead to the few rows that can be near a query. They are laid out once,
and files that come later are kept in a BK-tree beside them.
"""

import numpy as np
from numpy.typing import NDArray

from bktree import tree
from bktree.chunks import CHUNKS, chunk_of
from bktree.columns import last_places
from bktree.fitting import Fit, best_fit
from bktree.frozen import Frozen, freeze, rows_of
from bktree.kernel import (
    DHASH,
    PHASH,
    Pair,
    Query,
    hamming,
    kernel,
    longer,
    nearest,
    packed,
    prefetch,
    signed,
)
from bktree.memory import require_files, require_hashes
from bktree.plan import NOTHING, Probe, plan
from bktree.protocol import BOUND, Hashes, PageIds, Tolerance
from bktree.ranking import (
    Answer,
    Limits,
    Live,
    Match,
    Position,
    Ranking,
    limits_of,
    rank,
    run_end,
)
from bktree.scan import BLOCK, scanned
from bktree.tree import Arrays, BKTree, probed

INT32 = np.iinfo(np.int32)

SWEPT = 0.1
"""Time to look at a row when passing over all, where one that a table leads to takes 1."""

LINE = 16
"""Rows of a list that come from memory together."""

BATCH = 2048
"""Rows whose hashes are fetched at one time: enough to wait little, few enough to stay at hand."""

LONG = 32
"""Rows after which it is worth a look whether they were all the same."""

Probes = tuple[Probe, Probe]

Added = tuple[tuple[Arrays, Arrays], Live, NDArray[np.bool_], int]
"""Trees, columns and alive of the live rows, and how many rows there are."""

Effort = tuple[float, int]
"""The time that a sweep over the base takes, and the largest radius that the trees are used for."""

Both = tuple[Frozen, Added, Effort]
"""All that a search needs to know of the files."""

Found = tuple[NDArray[np.int64], int]
"""Packed matches, and how many of them there are; the rest is spare room."""


@kernel
def with_match(found: Found, match: int) -> Found:
    """Append a match."""
    matches, count = found
    if count == len(matches):
        matches = longer(matches)
    matches[count] = match
    return matches, count + 1


@kernel
def with_run(found: Found, files: Frozen, query: Query, probe: Probe, row: int, end: int) -> Found:
    """Append a run of equal pairs, if a probe asks for it and any of it is alive."""
    near = hamming(files.hashes[probe.kind][row], query[probe.kind])
    beside = hamming(files.hashes[1 - probe.kind][row], query[1 - probe.kind])
    if near <= probe.radius and probe.low <= beside <= probe.high and files.alive[row:end].any():
        return with_match(found, packed(row, near, beside, probe.kind))
    return found


@kernel
def swept(found: Found, files: Frozen, query: Query, probe: Probe) -> Found:
    """Append what a probe asks for, by passing over every row."""
    hashes, value = files.hashes[probe.kind], query[probe.kind]
    row = 0
    while row < len(hashes):
        stop = min(row + BLOCK, len(hashes))
        if nearest(hashes[row:stop], value) > probe.radius:
            row = stop
        while row < stop:
            end = row + 1
            if hamming(hashes[row], value) <= probe.radius:
                end = run_end(files.hashes, row)
                found = with_run(found, files, query, probe, row, end)
            row = end
    return found


@kernel
def buckets(files: Frozen, table: int, home: int, radius: int) -> NDArray[np.uint32]:
    """Where the buckets near one begin and end."""
    offsets, rows = files.offsets[table], files.rows[max(table - 1, 0)]
    spans = np.empty((files.shells[radius + 1], 2), np.uint32)
    for place in range(len(spans)):
        prefetch(offsets, home ^ signed(files.flips[place]))
    for place in range(len(spans)):
        bucket = home ^ signed(files.flips[place])
        start, stop = signed(offsets[bucket]), signed(offsets[bucket + 1])
        spans[place, 0], spans[place, 1] = start, stop
        if table:
            for ahead in range(start, min(stop, start + LONG), LINE):
                prefetch(rows, ahead)
    return spans


@kernel
def gather(
    files: Frozen, table: int, spans: NDArray[np.uint32], first: int, rows: NDArray[np.uint32]
) -> tuple[int, int]:
    """Fill a batch with rows of buckets from the ``first`` on; of many equal pairs perhaps only with one.

    Gives back the bucket to go on with, shortened by what was taken, and how many rows there are.
    """
    hashes, listed = files.hashes[table // CHUNKS], files.rows[max(table - 1, 0)]
    count = 0
    for span in range(first, len(spans)):
        place, stop = signed(spans[span, 0]), signed(spans[span, 1])
        while place < stop:
            if count == len(rows):
                spans[span, 0] = place
                return span, count
            row = signed(listed[place]) if table else place
            rows[count] = row
            count += 1
            # To compare the hashes of every row here would be to wait for each of them.
            prefetch(hashes, row)
            if place + LONG < stop and (not table or listed[place + LONG] == row + LONG):
                place += run_end(files.hashes, row) - row
            else:
                place += 1
    return len(spans), count


@kernel
def found_earlier(chunk: int, width: int, radii: NDArray[np.int64], a: np.uint64, b: np.uint64) -> bool:
    """Whether two hashes are within the radius of a chunk before this one already."""
    for earlier in range(chunk):
        differing = chunk_of(a, earlier, width) ^ chunk_of(b, earlier, width)
        if hamming(np.uint64(differing), np.uint64(0)) <= radii[earlier]:
            return True
    return False


@kernel
def keep_near(rows: NDArray[np.uint32], hashes: NDArray[np.uint64], value: np.uint64, radius: int) -> int:
    """Move the rows with a hash within the radius to the front; give back how many they are."""
    count = 0
    for row in rows:
        if hamming(hashes[row], value) <= radius:
            rows[count] = row
            count += 1
    return count


@kernel
def looked_up(found: Found, files: Frozen, query: Query, fit: Fit) -> Found:
    """Append what a probe asks for, by way of the tables."""
    probe, radii = fit.probe, fit.radii
    hashes, value = files.hashes[probe.kind], query[probe.kind]
    rows = np.empty(BATCH, np.uint32)
    for chunk in range(CHUNKS):
        table = CHUNKS * probe.kind + chunk
        spans = buckets(files, table, chunk_of(value, chunk, files.width), radii[chunk])
        span = start = end = 0
        while span < len(spans):
            span, count = gather(files, table, spans, span, rows)
            for near in rows[: keep_near(rows[:count], hashes, value, probe.radius)]:
                row = signed(near)
                if start <= row < end or found_earlier(chunk, files.width, radii, hashes[row], value):
                    continue
                start, end = row, run_end(files.hashes, row)
                found = with_run(found, files, query, probe, start, end)
    return found


@kernel
def within_base(found: Found, files: Frozen, query: Query, probe: Probe, most: float) -> Found:
    """Append the rows of the base that a probe asks for, by the tables if that takes less than ``most``."""
    fit = best_fit(files, probe, query, most)
    if fit.cost >= most:
        return swept(found, files, query, probe)
    return looked_up(found, files, query, fit)


@kernel
def within_added(found: Found, added: Added, query: Query, probe: Probe, reach: int, first: int) -> Found:
    """Append the rows of the live layer that a probe asks for, numbered from ``first`` on."""
    trees, (_, hashes), alive, rows = added
    if rows:
        if probe.radius > reach:
            fresh = scanned(rows, hashes, alive, query, probe)
        else:
            fresh = probed(trees[probe.kind], hashes, alive, query, probe)
        for match in fresh:
            found = with_match(found, match + (first << 16))
    return found


@kernel
def answer(both: Both, query: Query, probes: Probes, after: Position, limits: Limits) -> Answer:
    """Answer one query from both layers."""
    files, added, (most, reach) = both
    found = (np.empty(64, np.int64), 0)
    for probe in probes:
        found = within_base(found, files, query, probe, most)
        found = within_added(found, added, query, probe, reach, len(files.alive))
    matches, count = found
    layers = (files.page_id, files.hashes, files.alive), added[1]
    return rank(matches[:count], layers, after, limits)


@kernel
def answers(
    both: Both, queries: Pair, probes: Probes, limits: Limits
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Answer many: what is listed for all, and for each of them where that ends, its total and stop."""
    listed, count = np.empty((len(queries[PHASH]), 3), np.int64), 0
    ends = np.empty((len(queries[PHASH]), 3), np.int64)
    for place in range(len(ends)):
        query = queries[PHASH][place], queries[DHASH][place]
        some, total, stop = answer(both, query, probes, (-1, 0), limits)
        if count + len(some) > len(listed):
            larger = np.empty((2 * (count + len(some)), 3), np.int64)
            larger[:count] = listed[:count]
            listed = larger
        listed[count : count + len(some)] = some
        count += len(some)
        ends[place] = (count, total, stop)
    return listed[:count], ends


class MultiIndex(BKTree):
    """The engine that keeps the files it is built from in a multi-index, and those added later in a BK-tree.

    Page ids of the wiki are of 32 bits. Should any be beyond, it is kept in the tree as well.
    """

    name = "multi-index"

    def __init__(self, page_id: PageIds, phash: Hashes, dhash: Hashes) -> None:
        require_files(page_id, phash, dhash)
        last = last_places(page_id)
        fits = (page_id[last] >= INT32.min) & (page_id[last] <= INT32.max)
        frozen, beyond = last[fits], last[~fits]
        self._base = freeze(page_id[frozen], (phash[frozen], dhash[frozen]))
        self._in_base = len(frozen)
        super().__init__(page_id[beyond], phash[beyond], dhash[beyond])

    @classmethod
    def over(cls, base: Frozen) -> "MultiIndex":
        """Search files that were frozen before. Nothing but ``alive`` is ever written to.

        Arrays that are mapped from files are to be mapped copy-on-write (``mmap_mode="c"``).
        """
        engine = cls(np.zeros(0, np.int64), np.zeros(0, np.uint64), np.zeros(0, np.uint64))
        engine._base, engine._in_base = base, int(np.count_nonzero(base.alive))
        return engine

    def _put(self, pages: PageIds, hashes: Pair) -> None:
        last = last_places(pages)
        pages, hashes = pages[last], (hashes[PHASH][last], hashes[DHASH][last])
        rows = rows_of(self._base, pages)
        known = rows >= 0
        same = known.copy()
        for column, new in zip(self._base.hashes, hashes, strict=True):
            same[known] &= column[rows[known]] == new[known]
        self._mark(rows[known], same[known])
        super()._hide(pages[same])
        super()._put(pages[~same], (hashes[PHASH][~same], hashes[DHASH][~same]))

    def _hide(self, pages: PageIds) -> None:
        rows = np.unique(rows_of(self._base, np.array(pages)))
        self._mark(rows[rows >= 0], False)
        super()._hide(pages)

    def _mark(self, rows: NDArray[np.int64], alive: NDArray[np.bool_] | bool) -> None:
        before = np.count_nonzero(self._base.alive[rows])
        self._base.alive[rows] = alive
        self._in_base += int(np.count_nonzero(self._base.alive[rows]) - before)

    def _pairs(self, pages: PageIds) -> dict[int, tuple[int, int]]:
        rows = rows_of(self._base, pages)
        rows = rows[rows >= 0]
        rows = rows[self._base.alive[rows]]
        pairs = zip(*(column[rows].tolist() for column in self._base.hashes), strict=True)
        return super()._pairs(pages) | dict(zip(self._base.page_id[rows].tolist(), pairs, strict=True))

    def _found(self) -> int:
        return self._in_base + super()._found()

    def _both(self) -> Both:
        columns = self._columns
        trees = self._trees[PHASH].arrays, self._trees[DHASH].arrays
        added = trees, columns.layer(), columns.alive, columns.rows
        return self._base, added, (SWEPT * len(self._base.alive), tree.REACH)

    def _answer(self, query: Query, probes: tuple[Probe, ...], after: Position, limits: Limits) -> Answer:
        return answer(self._both(), query, _two(probes), after, limits)

    def search_many(
        self,
        phash: Hashes,
        dhash: Hashes,
        tolerance: Tolerance,
        *,
        first: int | None = None,
        bound: int | None = BOUND,
    ) -> list[Ranking]:
        """Answer many queries at one time, as `bktree.memory.Memory.search_many` does one after the other."""
        require_hashes(phash, dhash)
        probes, largest = plan(tolerance)
        limits = limits_of(first, bound)
        queries = np.array(phash), np.array(dhash)
        with self._lock.reading():
            listed, ends = answers(self._both(), queries, _two(probes), limits)
        matches, start = [Match._make(row) for row in listed.tolist()], 0
        rankings = []
        for end, total, stop in ends.tolist():
            rankings.append(Ranking(matches[start:end], total, stop < largest))
            start = end
        return rankings


def _two(probes: tuple[Probe, ...]) -> Probes:
    return probes[0], probes[1] if len(probes) > 1 else NOTHING
