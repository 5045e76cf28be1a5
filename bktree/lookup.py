"""Multi-index hashing, after Norouzi, Punjani and Fleet, "Fast search in Hamming space" (2012).

Tables by parts of each hash lead to the few rows that can be near a query.
"""

import numpy as np
from numpy.typing import NDArray

from bktree.chunks import CHUNKS, choose, chunk_of, flips
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
"""Where each bucket begins and ends, and how far the first chunk may be of what is looked for in it."""

Batch = tuple[NDArray[np.uint32], NDArray[np.uint8]]
"""Places or rows, and how far the first chunk of each may be, or whether it is farther than it may be."""


@kernel
def spans_near(
    offsets: NDArray[np.uint32], home: int, width: int, farthest: NDArray[np.int64], listed: Listed
) -> Span:
    """The buckets near one, with what ``farthest`` has for the number of bits that each differs in."""
    count = 0
    for weight in range(len(farthest)):
        count += choose(width, weight)
    spans, end = np.empty((count, 3), np.uint32), 0
    for weight in range(len(farthest)):
        for flip in flips(width, weight):
            bucket = home ^ signed(flip)
            prefetch(offsets, bucket)
            spans[end, 0], spans[end, 2] = bucket, farthest[weight]
            end += 1
    for span in range(len(spans)):
        bucket = signed(spans[span, 0])
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
    hashes: Pair, order: Order, lists: Lists, spans: Span, first: int, batch: Batch
) -> tuple[int, int]:
    """Fill a batch with the places in buckets from the ``first`` on; perhaps with one of many equal pairs.

    Where nothing is listed, a bucket is of the places from its begin to its end. Gives back the bucket
    to go on with, shortened by what was taken, and how many places there are.
    """
    (listed, outlines, bits), (places, farthest) = lists, batch
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
                places[count], farthest[count] = place, spans[span, 2]
                count += 1
                at += run
                continue
            if len(listed):
                for each in range(at, end):
                    places[count + each - at], farthest[count + each - at] = listed[each], spans[span, 2]
                    prefetch(outlines, signed(listed[each]) >> bits)
            else:
                for each in range(at, end):
                    places[count + each - at] = each
            count += end - at
            at = end
    return len(spans), count


@kernel
def keep(batch: Batch) -> int:
    """Move the places that are not too far to the front; give back how many they are."""
    places, too_far = batch
    count = 0
    for each in range(len(places)):
        places[count] = places[each]
        count += not too_far[each]
    return count


@kernel
def keep_outlined(lists: Lists, home: int, batch: Batch) -> int:
    """Keep the places whose first chunk may be near enough, as far as the outlines tell."""
    (_, outlines, bits), (places, farthest), own = lists, batch, np.uint32(home)
    # All are told before any is kept, as LLVM can then use whole vectors.
    for each in range(len(places)):
        outline = outlines[signed(places[each]) >> bits]
        differing = ((outline ^ own) & np.uint32((1 << LOW_BITS) - 1)) >> (outline >> np.uint32(LOW_BITS))
        farthest[each] = hamming(np.uint64(differing), np.uint64(0)) > farthest[each]
    return keep(batch)


@kernel
def keep_near(hashes: NDArray[np.uint64], value: np.uint64, most: int, batch: Batch) -> int:
    """Keep the rows whose hash is within a distance."""
    rows, too_far = batch
    for each in range(len(rows)):
        too_far[each] = hamming(hashes[signed(rows[each])], value) > most
    return keep(batch)


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
def farthest_due(chunk: int, radius: int, radii: NDArray[np.int64]) -> NDArray[np.int64]:
    """The largest distance in the first chunk of a hash that is due at a chunk, for each distance in that.

    The radii add up to that of the probe less 2. So what is at a distance in the second chunk, and due
    there, is at no less than ``other`` in the third, and only the rest is left for the first; or with the
    second and the third in each other's place.
    """
    farthest = np.arange(radii[chunk] + 1)
    if chunk:
        for distance in range(len(farthest)):
            other = distance - int(radii[chunk]) + int(radii[CHUNKS - chunk]) + (chunk - 1)
            farthest[distance] = max(radius - distance - max(other, 0), 0)
    return farthest


@kernel
def looked_up(found: Found, base: Base, query: Query, fit: Fit) -> Found:
    """Append what a probe asks for, by way of the tables."""
    (files, alive), (probe, radii, _), tables = base, fit, base[0].tables
    hashes, value = files.hashes[probe.kind], query[probe.kind]
    order = files.order if probe.kind == DHASH else files.order[:0]
    widths = tables.widths[CHUNKS * probe.kind :][:CHUNKS]
    home, bits = chunk_of(value, 0, widths[0]), block_bits(len(hashes))
    places, too_far = np.empty(BATCH, np.uint32), np.empty(BATCH, np.uint8)
    for chunk in range(CHUNKS):
        listed = tables.places[(CHUNKS - 1) * probe.kind + max(chunk - 1, 0)]
        lists = (listed if chunk else listed[:0], tables.outlines[probe.kind], bits)
        offsets, near = offsets_of(tables, CHUNKS * probe.kind + chunk), chunk_of(value, chunk, widths[chunk])
        due = farthest_due(chunk, probe.radius, radii)
        spans = spans_near(offsets, near, widths[chunk], due, lists[0])
        span = start = end = 0
        while span < len(spans):
            span, count = gather(files.hashes, order, lists, spans, span, (places, too_far))
            if chunk:
                count = keep_outlined(lists, home, (places[:count], too_far[:count]))
            fetch(hashes, order, places[:count])
            count = keep_near(hashes, value, probe.radius, (places[:count], too_far[:count]))
            for close in places[:count]:
                row = signed(close)
                if start <= row < end or due_at(radii, apart(hashes[row], value, widths)) != chunk:
                    continue
                start, end = row, run_end(files.hashes, row)
                found = with_run(found, (files.hashes, alive), query, probe, start, end)
    return found
