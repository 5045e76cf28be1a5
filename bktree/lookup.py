"""Multi-index hashing, after Norouzi, Punjani and Fleet, "Fast search in Hamming space" (2012).

Tables by parts of each hash lead to the few rows that can be near a query. Nearly all of the time goes into
waiting for memory, so that everything is asked of it some steps before it is needed.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bktree.bitmap import WORD
from bktree.chunks import CHUNKS, choose, chunk_of, flips
from bktree.fitting import Fit
from bktree.frozen import Base
from bktree.kernel import DHASH, PHASH, Pair, Query, hamming, kernel, prefetch, signed
from bktree.ranking import run_end
from bktree.records import WORDS, Records, part_bits, parts_of, parts_told, record_at
from bktree.scan import Found, with_run
from bktree.tables import ENTRY_BITS, OUTLINE_BITS, beside_bits, block_bits, offsets_of

AHEAD = 16
"""Steps by which memory is asked beforehand: enough to wait little, no more than it answers at one time."""

BATCH = 2048
"""Places that are gathered before any of them is followed."""

LONG = 32
"""Places after which it is worth a look whether all were of the same pair of hashes."""

Spans = NDArray[np.uint32]
"""For each bucket: where it begins and ends in a table; how far the first chunk, and how far what the table
does not tell, may be of a hash that is looked for in it."""

Batch = NDArray[np.int64]
"""A place << 8 | how far what its table does not tell may be; later the row in its stead."""


class Table(NamedTuple):
    """What a table has of files, by their places, and by what to tell these."""

    hashes: Pair
    records: Records
    """The row of each place; none if those are 0, 1, 2 and so on."""
    listed: NDArray[np.uint32]
    """Places by their bucket, with bits of their first chunk beside them; none if those are 0, 1, 2 ..."""
    outlines: NDArray[np.uint32]
    home: int
    """The first chunk of the query."""
    beside: int
    """How many of its lowest bits are beside a place."""
    memory: NDArray[np.uint8]
    """What a bucket leads to first."""
    size: int
    """Bytes of that for each file in the bucket."""


@kernel
def spans_near(
    offsets: NDArray[np.uint32], home: int, width: int, farthest: NDArray[np.int64], untold: int
) -> Spans:
    """The buckets near one, with what ``farthest`` has for the number of bits that each differs in.

    What the table does not tell may be ``untold`` away, less those bits.
    """
    count = 0
    for weight in range(len(farthest)):
        count += choose(width, weight)
    spans, end = np.empty((count, 4), np.uint32), 0
    for weight in range(len(farthest)):
        for flip in flips(width, weight):
            bucket = home ^ signed(flip)
            prefetch(offsets, bucket)
            spans[end, 0], spans[end, 2], spans[end, 3] = bucket, farthest[weight], max(untold - weight, 0)
            end += 1
    for span in range(len(spans)):
        bucket = signed(spans[span, 0])
        spans[span, 0], spans[span, 1] = offsets[bucket], offsets[bucket + 1]
    return spans


@kernel
def prefetch_span(memory: NDArray[np.uint8], size: int, spans: Spans, span: int) -> None:
    """Have the beginning of a span, if there is one, on its way."""
    if span < len(spans):
        start, stop = signed(spans[span, 0]), signed(spans[span, 1])
        stop = min(stop, start + LONG)
        prefetch(memory, size * start)
        prefetch(memory, size * (start + stop) >> 1)
        prefetch(memory, size * stop - 1)


@kernel
def run_at(hashes: Pair, records: Records, place: int) -> int:
    """How many places from this one on are of one pair of hashes, where it may be more than `LONG`; or 1."""
    row, later = place, place + LONG
    if len(records):
        bits = part_bits(len(records))
        (row, _), (later, _) = record_at(records, row, bits), record_at(records, later, bits)
    return run_end(hashes, row) - row if later == row + LONG else 1


@kernel
def in_a_row(listed: NDArray[np.uint32], at: int) -> bool:
    """Whether the next `LONG` places follow one another, as those of one pair of hashes do in every list."""
    return not len(listed) or signed(listed[at + LONG]) == signed(listed[at]) + LONG


@kernel
def gather(table: Table, spans: Spans, first: int, batch: Batch) -> tuple[int, int]:
    """Fill a batch with the places in spans from the ``first`` on; but one for many of equal pairs.

    Leaves out what is listed, but has a first chunk that is too far. Gives back the span to go on with,
    shortened by what was taken, and how many places there are.
    """
    # Taken out of the table once, as numba counts references whenever something is.
    _, _, listed, outlines, home, beside, memory, size = table
    block = block_bits(len(table.hashes[PHASH]))
    above, mask = np.uint32(ENTRY_BITS - beside), np.uint32((1 << (ENTRY_BITS - beside)) - 1)
    own, own_low, count = np.uint32(home << OUTLINE_BITS), np.uint32(home & ((1 << beside) - 1)), 0
    for span in range(first, len(spans)):
        prefetch_span(memory, size, spans, span + AHEAD)
        at, stop = signed(spans[span, 0]), signed(spans[span, 1])
        farthest, untold = signed(spans[span, 2]), signed(spans[span, 3])
        while at < stop:
            if count + LONG > len(batch):
                spans[span, 0] = at
                return span, count
            end = min(at + LONG, stop)
            if end < stop:
                prefetch(memory, size * end)
                prefetch(memory, size * (end + LONG // 2))
                place = signed(listed[at] & mask) if len(listed) else at
                run = run_at(table.hashes, table.records, place) if in_a_row(listed, at) else 1
                if run > LONG:
                    batch[count] = place << 8 | untold
                    count += 1
                    at += run
                    continue
            if len(listed):
                for entry in listed[at:end]:
                    place = signed(entry & mask)
                    outline = outlines[place >> block]
                    # Of this mask LLVM makes nothing, as processors shift by the five lowest bits anyway.
                    high = (outline ^ own) >> (outline & np.uint32((1 << OUTLINE_BITS) - 1))
                    low = (entry >> above) ^ own_low
                    distance = hamming(np.uint64(high), np.uint64(0)) + hamming(np.uint64(low), np.uint64(0))
                    batch[np.uint64(count)] = place << 8 | untold
                    count += distance <= farthest
            else:
                for place in range(at, end):
                    batch[np.uint64(count + place - at)] = place << 8 | untold
                count += end - at
            at = end
    return len(spans), count


@kernel
def keep_recorded(records: Records, value: np.uint64, chunk: int, batch: Batch) -> int:
    """Keep places by what their records have of the chunks that are not told, and put rows in their stead."""
    bits = part_bits(len(records))
    own, told = parts_of(value, bits), parts_told(chunk, bits)
    count = 0
    for entry in batch[:AHEAD]:
        prefetch(records, WORDS * (entry >> 8))
    for each in range(len(batch)):
        if each + AHEAD < len(batch):
            prefetch(records, WORDS * (batch[each + AHEAD] >> 8))
        row, parts = record_at(records, batch[each] >> 8, bits)
        untold = batch[each] & 0xFF
        batch[np.uint64(count)] = row << 8
        count += hamming(np.uint64((parts ^ own) & ~told), np.uint64(0)) <= untold
    return count


@kernel
def keep_near(hashes: NDArray[np.uint64], value: np.uint64, radius: int, batch: Batch) -> int:
    """Keep the rows whose hash is near, as plain rows."""
    count = 0
    for entry in batch[:AHEAD]:
        prefetch(hashes, entry >> 8)
    for each in range(len(batch)):
        if each + AHEAD < len(batch):
            prefetch(hashes, batch[each + AHEAD] >> 8)
        row = batch[each] >> 8
        batch[np.uint64(count)] = row
        count += hamming(hashes[np.uint64(row)], value) <= radius
    return count


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
def table_of(base: Base, query: Query, kind: int, chunk: int) -> Table:
    """One table of a base, to be looked into for a query."""
    (files, _), tables, value = base, base[0].tables, query[kind]
    column, width = files.hashes[kind], tables.widths[CHUNKS * kind]
    listed = tables.places[(CHUNKS - 1) * kind + chunk - 1 if chunk else 0]
    records = tables.records if kind == DHASH else tables.records[:0]
    if chunk:
        memory, size = listed.view(np.uint8), listed.itemsize
    elif len(records):
        memory, size = records.reshape(-1).view(np.uint8), WORDS * records.itemsize
    else:
        memory, size = column.view(np.uint8), column.itemsize
    home, beside = chunk_of(value, 0, width), beside_bits(len(column), width)
    listed = listed if chunk else listed[:0]
    return Table(files.hashes, records, listed, tables.outlines[kind], home, beside, memory, size)


@kernel
def looked_up(found: Found, base: Base, query: Query, fit: Fit) -> Found:
    """Append what a probe asks for, by way of the tables."""
    (files, alive), (probe, radii, _), tables = base, fit, base[0].tables
    hashes, value = files.hashes[probe.kind], query[probe.kind]
    widths, batch = tables.widths[CHUNKS * probe.kind :][:CHUNKS], np.empty(BATCH, np.int64)
    for chunk in range(CHUNKS):
        table = table_of(base, query, probe.kind, chunk)
        offsets, near = offsets_of(tables, CHUNKS * probe.kind + chunk), chunk_of(value, chunk, widths[chunk])
        # What is due at another chunk than the first is beyond the radius of that.
        untold = probe.radius - (radii[0] + 1 if chunk else 0)
        spans = spans_near(offsets, near, widths[chunk], farthest_due(chunk, probe.radius, radii), untold)
        for span in range(AHEAD):
            prefetch_span(table.memory, table.size, spans, span)
        span = start = end = 0
        while span < len(spans):
            span, count = gather(table, spans, span, batch)
            if len(table.records):
                count = keep_recorded(table.records, value, chunk, batch[:count])
            count = keep_near(hashes, value, probe.radius, batch[:count])
            for row in batch[:count]:
                prefetch(files.hashes[1 - probe.kind], row)
                prefetch(alive, row // WORD)
            for row in batch[:count]:
                if start <= row < end or due_at(radii, apart(hashes[row], value, widths)) != chunk:
                    continue
                start, end = row, run_end(files.hashes, row)
                found = with_run(found, (files.hashes, alive), query, probe, start, end)
    return found
