"""Tables of multi-index hashing: which files have which number for a chunk of their hash.

Each kind of hash has an order of its files, that by its first chunk, so that the files in a bucket of
its first table are next to one another and need no list. The other tables list places in that order.
As a place tells much of the first chunk, most of what they list is known to be too far away without
a look at the hash.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bktree.chunks import CHUNKS, TABLES, WIDTHS, chunk_of
from bktree.kernel import DHASH, PHASH, Pair, kernel
from bktree.parallel import together

BLOCKS_BITS = 17
"""There are up to 2 ** 17 outlines, as many as stay in the cache that each core has to itself."""

LISTS = TABLES - 2
"""Tables that list places."""

LOW_BITS = 24
"""Where the number of low bits that differ is in an outline; the first chunk is below."""


class Tables(NamedTuple):
    """What leads from a chunk to files. None of it ever changes."""

    offsets: NDArray[np.uint32]
    """For each table in turn, where each bucket begins, and how many files there are."""
    widths: NDArray[np.int64]
    """Bits of the chunk of each table."""
    places: NDArray[np.uint32]
    """For each second and third table, the places of files by their bucket, in ascending order in each."""
    outlines: NDArray[np.uint32]
    """For each kind, of each block of places the first chunk: the first one's, and how many of its low
    bits are not those of all in the block."""


def widths_of(files: int) -> list[int]:
    """Bits of chunks that make for some 4 to 8 files in a bucket, or more where there are too many files."""
    fewer = max(min(WIDTHS) - files.bit_length() + 3, 0)
    return [max(most - fewer, 1) for most in WIDTHS]


def no_tables() -> Tables:
    """Stand in for tables where there are none."""
    none = np.zeros((0, 0), np.uint32)
    return Tables(np.zeros(0, np.uint32), np.zeros(0, np.int64), none, none)


@kernel
def offsets_of(tables: Tables, table: int) -> NDArray[np.uint32]:
    """Where the buckets of one table begin, and those of tables after it."""
    begin = 0
    for width in tables.widths[:table]:
        begin += (1 << width) + 1
    return tables.offsets[begin:]


@kernel
def fill(hashes: NDArray[np.uint64], chunk: int, width: int, offsets: NDArray[np.uint32]) -> None:
    """Count where each bucket begins."""
    offsets[:] = 0
    for value in hashes:
        offsets[chunk_of(value, chunk, width) + 1] += 1
    for bucket in range(1 << width):
        offsets[bucket + 1] += offsets[bucket]


@kernel
def spread(
    hashes: NDArray[np.uint64],
    chunk: int,
    width: int,
    offsets: NDArray[np.uint32],
    places: NDArray[np.uint32],
) -> None:
    """List the places of the hashes by their buckets, and count where each of these begins."""
    fill(hashes, chunk, width, offsets)
    for place in range(len(hashes)):
        bucket = chunk_of(hashes[place], chunk, width)
        places[offsets[bucket]] = place
        offsets[bucket] += 1
    # By now each bucket begins where the next one did.
    for bucket in range(1 << width, 0, -1):
        offsets[bucket] = offsets[bucket - 1]
    offsets[0] = 0


@kernel
def block_bits(files: int) -> int:
    """Binary logarithm of how many places an outline is of."""
    bits = 0
    while files >> (bits + BLOCKS_BITS):
        bits += 1
    return bits


@kernel
def outline(hashes: NDArray[np.uint64], width: int, outlines: NDArray[np.uint32]) -> None:
    """Outline hashes that are in the order of their first chunk."""
    bits = block_bits(len(hashes))
    for block in range(len(outlines)):
        first = block << bits
        last = min(first + (1 << bits), len(hashes)) - 1
        value = chunk_of(hashes[first], 0, width)
        differing = value ^ chunk_of(hashes[last], 0, width)
        low = 0
        while differing >> low:
            low += 1
        outlines[block] = low << LOW_BITS | value


def tabulate(hashes: Pair, first: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], Tables]:
    """Make the tables of rows that are in the order of the first chunk of phash; ``first`` are its offsets.

    Gives back the rows in the order of the first chunk of dhash as well.
    """
    files = len(hashes[PHASH])
    widths = widths_of(files)
    begins = np.cumsum([0, *((1 << width) + 1 for width in widths)])
    offsets = np.empty(begins[-1], np.uint32)
    tables = [offsets[begin:end] for begin, end in pairwise(begins)]
    tables[0][:] = first
    places = np.empty((LISTS, files), np.uint32)
    outlines = np.empty((2, -(-files >> block_bits(files))), np.uint32)
    order = np.empty(files, np.uint32)

    def by_phash() -> None:
        outline(hashes[PHASH], widths[0], outlines[PHASH])
        for chunk in (1, 2):
            spread(hashes[PHASH], chunk, widths[chunk], tables[chunk], places[chunk - 1])

    def by_dhash() -> None:
        spread(hashes[DHASH], 0, widths[CHUNKS], tables[CHUNKS], order)
        ordered = hashes[DHASH][order]
        outline(ordered, widths[CHUNKS], outlines[DHASH])
        for chunk in (1, 2):
            spread(ordered, chunk, widths[CHUNKS + chunk], tables[CHUNKS + chunk], places[chunk + 1])

    together(by_phash, by_dhash)
    return order, Tables(offsets, np.array(widths), places, outlines)
