"""Records of six bytes: the row of a file, and as much of its hash as there is room for beside that.

They lead from the order of a hash's first chunk to rows. What they have of the other two chunks tells of
most files that these are too far away, and so spares going to the hash, which is anywhere in memory.
"""

import numpy as np
from numpy.typing import NDArray

from bktree.chunks import chunk_of
from bktree.kernel import kernel, signed

Records = NDArray[np.uint16]
"""Records in an array of `WORDS` columns, the lowest bits first."""

WORDS = 3
"""Numbers of 16 bits that make a record."""

BITS = 16 * WORDS

MOST = 21
"""Bits of a chunk at most."""


@kernel
def part_bits(files: int) -> int:
    """How many bits of the second chunk, and as many of the third, a record of one of so many files has."""
    row = 0
    while files >> row:
        row += 1
    return min((BITS - row) // 2, MOST)


@kernel
def parts_of(value: np.uint64, bits: int) -> int:
    """What a record has of a hash."""
    return chunk_of(value, 1, bits) << bits | chunk_of(value, 2, bits)


@kernel
def parts_told(chunk: int, bits: int) -> int:
    """Those bits, of what a record has of a hash, that are of one chunk."""
    part = (1 << bits) - 1
    return (0, part << bits, part)[chunk]


@kernel
def record_at(records: Records, place: int, bits: int) -> tuple[int, int]:
    """The row in a record, and what it has of the hash."""
    at = np.uint64(place)
    record = signed(records[at, 0]) | signed(records[at, 1]) << 16 | signed(records[at, 2]) << 32
    return record & ((1 << (BITS - 2 * bits)) - 1), record >> (BITS - 2 * bits)


@kernel
def put_records(hashes: NDArray[np.uint64], rows: NDArray[np.uint32], records: Records) -> None:
    """Make the records of hashes and their rows."""
    bits = part_bits(len(rows))
    for place in range(len(rows)):
        record = parts_of(hashes[place], bits) << (BITS - 2 * bits) | signed(rows[place])
        for column in range(WORDS):
            records[place, column] = (record >> (16 * column)) & 0xFFFF
