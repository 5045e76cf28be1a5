"""Tables of multi-index hashing: which files have which number for a chunk of their hash.

Each kind of hash has an order of its files, that by its first chunk, so that the files in a bucket of
its first table are next to one another and need no list. The other tables list places in that order.
A place tells the upper bits of the first chunk, by an outline of all of them, and the lowest bits are
beside it in the list. So most of what is listed is known to be too far away without a look at the hash.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bktree.chunks import CHUNKS, TABLES, WIDTHS, chunk_of
from bktree.kernel import DHASH, PHASH, Pair, kernel
from bktree.parallel import together
from bktree.records import WORDS, Records, put_records

BLOCKS_BITS = 16
"""There are up to 2 ** 16 outlines, as many as stay in the cache that each core has to itself."""

LISTS = TABLES - 2
"""Tables that list places."""

ENTRY_BITS = 32
"""Bits of an entry in a list: a place, and above it as many of the lowest bits of its first chunk as fit."""

OUTLINE_BITS = 5
"""Bits of an outline that have how many bits it is to be shifted by; the first chunk is above."""


class Tables(NamedTuple):
    """What leads from a chunk to files. None of it ever changes."""

    offsets: NDArray[np.uint32]
    """For each table in turn, where each bucket begins, and how many files there are."""
    widths: NDArray[np.int64]
    """Bits of the chunk of each table."""
    places: NDArray[np.uint32]
    """For each second and third table, the places of files by their bucket, in ascending order in each, and
    the lowest bits of their first chunk beside them."""
    outlines: NDArray[np.uint32]
    """For each kind, of each block of places the first chunk: the first one's, and how many of its low bits
    are beside the places or not those of all in the block."""
    records: Records
    """For dhash, the row of each place. For phash, places are rows."""


def widths_of(files: int) -> list[int]:
    """Bits of chunks that make for some 4 to 8 files in a bucket, or more where there are too many files."""
    fewer = max(min(WIDTHS) - files.bit_length() + 3, 0)
    return [max(most - fewer, 1) for most in WIDTHS]


def no_tables() -> Tables:
    """Stand in for tables where there are none."""
    none = np.zeros((0, 0), np.uint32)
    return Tables(np.zeros(0, np.uint32), np.zeros(0, np.int64), none, none, np.zeros((0, WORDS), np.uint16))


@kernel
def offsets_of(tables: Tables, table: int) -> NDArray[np.uint32]:
    """Where the buckets of one table begin, and those of tables after it."""
    begin = 0
    for width in tables.widths[:table]:
        begin += (1 << width) + 1
    return tables.offsets[begin:]


@kernel
def beside_bits(files: int, width: int) -> int:
    """How many of the lowest bits of a first chunk are beside a place in a list."""
    bits = 0
    while files >> bits:
        bits += 1
    return min(ENTRY_BITS - bits, width)


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
    beside: int = 0,
) -> None:
    """List the places of the hashes by their buckets, and count where each of these begins.

    Each place has the lowest bits of its first chunk ``beside`` it, so many of them.
    """
    fill(hashes, chunk, width, offsets)
    for place in range(len(hashes)):
        bucket = chunk_of(hashes[place], chunk, width)
        places[offsets[bucket]] = chunk_of(hashes[place], 0, beside) << (ENTRY_BITS - beside) | place
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
    bits, beside = block_bits(len(hashes)), beside_bits(len(hashes), width)
    for block in range(len(outlines)):
        first = block << bits
        last = min(first + (1 << bits), len(hashes)) - 1
        value = chunk_of(hashes[first], 0, width)
        differing = value ^ chunk_of(hashes[last], 0, width)
        low = beside
        while differing >> low:
            low += 1
        outlines[block] = value << OUTLINE_BITS | low + OUTLINE_BITS


def tabulate(hashes: Pair, first: NDArray[np.uint32]) -> Tables:
    """Make the tables of rows that are in the order of the first chunk of phash, whose offsets are given."""
    files = len(hashes[PHASH])
    widths = widths_of(files)
    begins = np.cumsum([0, *((1 << width) + 1 for width in widths)])
    offsets = np.empty(begins[-1], np.uint32)
    tables = [offsets[begin:end] for begin, end in pairwise(begins)]
    tables[0][:] = first
    places = np.empty((LISTS, files), np.uint32)
    outlines = np.empty((2, -(-files >> block_bits(files))), np.uint32)
    records = np.empty((files, WORDS), np.uint16)
    beside = [beside_bits(files, widths[CHUNKS * kind]) for kind in (PHASH, DHASH)]

    def by_phash() -> None:
        outline(hashes[PHASH], widths[0], outlines[PHASH])
        for chunk in (1, 2):
            spread(hashes[PHASH], chunk, widths[chunk], tables[chunk], places[chunk - 1], beside[PHASH])

    def by_dhash() -> None:
        rows = np.empty(files, np.uint32)
        spread(hashes[DHASH], 0, widths[CHUNKS], tables[CHUNKS], rows)
        ordered = hashes[DHASH][rows]
        put_records(ordered, rows, records)
        del rows
        outline(ordered, widths[CHUNKS], outlines[DHASH])
        for chunk in (1, 2):
            width = widths[CHUNKS + chunk]
            spread(ordered, chunk, width, tables[CHUNKS + chunk], places[chunk + 1], beside[DHASH])

    together(by_phash, by_dhash)
    return Tables(offsets, np.array(widths), places, outlines, records)
