"""Multi-index hashing, after Norouzi, Punjani and Fleet, "Fast search in Hamming space" (2012).

Tables by parts of each hash lead to the few rows that can be near a query.
"""

import numpy as np
from numpy.typing import NDArray

from bktree.chunks import CHUNKS, chunk_of, flips
from bktree.fitting import Fit
from bktree.frozen import Base
from bktree.kernel import DHASH, Pair, Query, hamming, kernel, prefetch, signed
from bktree.ranking import run_end
from bktree.scan import Found, with_run
from bktree.tables import LOW_BITS, block_bits, offsets_of

LINE = 16
"""Entries of a list that come from memory together."""

BATCH = 2048
"""Rows whose hashes are fetched at one time: enough to wait little, few enough to stay at hand."""

LONG = 32
"""Places after which it is worth a look whether all were of the same pair of hashes."""

Order = NDArray[np.uint32]

"""Rows in the order of a hash's tables; none if that is 0, 1, 2 and so on."""

Listed = NDArray[np.uint32]
"""Places of files by their bucket; none if those are 0, 1, 2 and so on."""

Lists = tuple[Listed, NDArray[np.uint32], int]
"""What is listed, outlines, and the binary logarithm of how many places each of those is of."""

Span = NDArray[np.uint32]
"""Where each bucket begins and ends."""


@kernel
def spans_of(offsets: NDArray[np.uint32], home: int, flipped: NDArray[np.uint32], listed: Listed) -> Span:
    """Find where the buckets are whose numbers differ from that of one by a flip."""
    spans = np.empty((len(flipped), 2), np.uint32)
    for flip in flipped:
        prefetch(offsets, home ^ signed(flip))
    for span in range(len(spans)):
        bucket = home ^ signed(flipped[span])
        start, stop = signed(offsets[bucket]), signed(offsets[bucket + 1])
        spans[span, 0], spans[span, 1] = start, stop
        if len(listed):
            for ahead in range(start, min(stop, start + LONG), LINE):
                prefetch(listed, ahead)
    return spans


@kernel
def run_at(hashes: Pair, order: Order, place: int) -> int:
    """How many places from this one on are of one pair of hashes, where it may be more than `LONG`; or 1."""
    row, later = place, place + LONG
    if len(order):
        row, later = signed(order[row]), signed(order[later])
    return run_end(hashes, row) - row if later == row + LONG else 1


@kernel
def gather(
    hashes: Pair, order: Order, lists: Lists, spans: Span, first: int, places: NDArray[np.uint32]
) -> tuple[int, int]:
    """Fill a batch with the places in buckets from the ``first`` on; perhaps with one of many equal pairs.

    Where nothing is listed, a bucket is of the places from its begin to its end. Gives back the bucket
    to go on with, shortened by what was taken, and how many places there are.
    """
    listed, outlines, bits = lists
    count = 0
    for span in range(first, len(spans)):
        at, stop = signed(spans[span, 0]), signed(spans[span, 1])
        while at < stop:
            if count + LONG > len(places):
                spans[span, 0] = at
                return span, count
            end, run = min(at + LONG, stop), 1
            if end < stop:
                place = signed(listed[at]) if len(listed) else at
                if not len(listed) or listed[at + LONG] == place + LONG:
                    run = run_at(hashes, order, place)
            if run > LONG:
                places[count] = place
                count += 1
                at += run
                continue
            if len(listed):
                for each in range(at, end):
                    places[count + each - at] = listed[each]
                    prefetch(outlines, signed(listed[each]) >> bits)
            else:
                for each in range(at, end):
                    places[count + each - at] = each
            count += end - at
            at = end
    return len(spans), count


@kernel
def keep(places: NDArray[np.uint32], distances: NDArray[np.uint8], most: int) -> NDArray[np.uint32]:
    """Those of the places whose distance is not more than ``most``, in place."""
    count = 0
    for each in range(len(places)):
        places[count] = places[each]
        count += distances[each] <= most
    return places[:count]


@kernel
def keep_outlined(
    lists: Lists, home: int, most: int, places: NDArray[np.uint32], distances: NDArray[np.uint8]
) -> NDArray[np.uint32]:
    """Those of the places whose first chunk may be within a distance, as far as the outlines tell."""
    (_, outlines, bits), own = lists, np.uint32(home)
    # Distances first, as LLVM can then use whole vectors.
    for each in range(len(places)):
        outline = outlines[signed(places[each]) >> bits]
        differing = ((outline ^ own) & np.uint32((1 << LOW_BITS) - 1)) >> (outline >> np.uint32(LOW_BITS))
        distances[each] = hamming(np.uint64(differing), np.uint64(0))
    return keep(places, distances, most)


@kernel
def fetch(hashes: NDArray[np.uint64], order: Order, places: NDArray[np.uint32]) -> None:
    """Put rows in the stead of places, and have their hashes on the way from memory before any is needed."""
    if len(order):
        for place in places:
            prefetch(order, signed(place))
        for each in range(len(places)):
            places[each] = order[signed(places[each])]
            prefetch(hashes, signed(places[each]))
    else:
        for row in places:
            prefetch(hashes, signed(row))


@kernel
def keep_near(
    hashes: NDArray[np.uint64],
    value: np.uint64,
    most: int,
    rows: NDArray[np.uint32],
    distances: NDArray[np.uint8],
) -> NDArray[np.uint32]:
    """Those of the rows whose hash is within a distance."""
    for each in range(len(rows)):
        distances[each] = hamming(hashes[signed(rows[each])], value)
    return keep(rows, distances, most)


@kernel
def apart(a: np.uint64, b: np.uint64, widths: NDArray[np.int64]) -> tuple[int, int, int]:
    """The distances of two hashes in each chunk."""
    differing = np.uint64(a ^ b)
    return (
        hamming(np.uint64(chunk_of(differing, 0, widths[0])), np.uint64(0)),
        hamming(np.uint64(chunk_of(differing, 1, widths[1])), np.uint64(0)),
        hamming(np.uint64(chunk_of(differing, 2, widths[2])), np.uint64(0)),
    )


@kernel
def due_at(radii: NDArray[np.int64], distances: tuple[int, int, int]) -> int:
    """The one chunk by which a hash is to be found, of all those by which it can be.

    That is the first, if within its radius, or else whichever of the other two it is farther within.
    """
    first, second, third = distances
    if first <= radii[0]:
        return 0
    return 1 if second - radii[1] <= third - radii[2] else 2


@kernel
def farthest(chunk: int, radii: NDArray[np.int64], weight: int) -> int:
    """The largest distance in the first chunk of a hash that is due at a later one, at a distance there.

    The radii add up to that of the probe less 2. What is at ``weight`` in the second chunk, and due there,
    is at ``weight - radii[1] + radii[2]`` or more in the third, and only the rest is left for the first.
    """
    other = weight - int(radii[chunk]) + int(radii[CHUNKS - chunk]) + (chunk - 1)
    return int(radii.sum()) + CHUNKS - 1 - weight - max(other, 0)


@kernel
def looked_up(found: Found, base: Base, query: Query, fit: Fit) -> Found:
    """Append what a probe asks for, by way of the tables."""
    (files, alive), (probe, radii, _), tables = base, fit, base[0].tables
    hashes, value = files.hashes[probe.kind], query[probe.kind]
    order = files.order if probe.kind == DHASH else files.order[:0]
    widths = tables.widths[CHUNKS * probe.kind :][:CHUNKS]
    home = chunk_of(value, 0, widths[0])
    bits = block_bits(len(hashes))
    batch, distances = np.empty(BATCH, np.uint32), np.empty(BATCH, np.uint8)
    for chunk in range(CHUNKS):
        listed = tables.places[(CHUNKS - 1) * probe.kind + max(chunk - 1, 0)]
        lists = (listed if chunk else listed[:0], tables.outlines[probe.kind], bits)
        offsets = offsets_of(tables, CHUNKS * probe.kind + chunk)
        near = chunk_of(value, chunk, widths[chunk])
        for weight in range(radii[chunk] + 1):
            spans = spans_of(offsets, near, flips(widths[chunk], weight), lists[0])
            span = start = end = 0
            while span < len(spans):
                span, count = gather(files.hashes, order, lists, spans, span, batch)
                rows = batch[:count]
                if chunk:
                    most = farthest(chunk, radii, weight)
                    rows = keep_outlined(lists, home, most, rows, distances)
                fetch(hashes, order, rows)
                for close in keep_near(hashes, value, probe.radius, rows, distances):
                    row = signed(close)
                    if start <= row < end or due_at(radii, apart(hashes[row], value, widths)) != chunk:
                        continue
                    start, end = row, run_end(files.hashes, row)
                    found = with_run(found, (files.hashes, alive), query, probe, start, end)
    return found
