"""Hashes cut into three chunks, and the numbers near a chunk.

A chunk is every third bit of a hash, as neighbouring bits of real hashes are alike and so tell little
more than one of them. Bit 63, which is set in the phash of every photo, is in a chunk of dhash alone.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bktree.kernel import kernel, signed

CHUNKS = 3

TABLES = 2 * CHUNKS
"""Those of phash come first."""

WIDTHS = (21, 21, 21, 22, 21, 21)
"""Most bits of a chunk, by table."""

DEEPEST = 5
"""Most bits in which a bucket that is looked at may differ from the query's own."""


@kernel
def chunk_of(value: np.uint64, chunk: int, width: int) -> int:
    """The lowest ``width`` bits of a chunk: bits ``chunk``, ``chunk`` + 3 and so on (Morton 1966)."""
    bits = (int(value) >> chunk) & 0x1249249249249249
    bits = (bits ^ (bits >> 2)) & 0x10C30C30C30C30C3
    bits = (bits ^ (bits >> 4)) & 0x100F00F00F00F00F
    bits = (bits ^ (bits >> 8)) & 0x1F0000FF0000FF
    bits = (bits ^ (bits >> 16)) & 0x1F00000000FFFF
    bits = (bits ^ (bits >> 32)) & 0x1FFFFF
    top = 0 if chunk else signed(int(value) >> 63) << 21
    return (signed(bits) | top) & ((1 << width) - 1)


_SHELLS = [
    sorted(sum(1 << bit for bit in bits) for bits in combinations(range(max(WIDTHS)), weight))
    for weight in range(DEEPEST + 1)
]

FLIPS = np.array([number for shell in _SHELLS for number in shell], np.uint32)
"""Numbers with up to `DEEPEST` bits set, by how many there are, and then from the smallest on."""

EDGES = np.cumsum([0, *map(len, _SHELLS)])
"""Where among them those with 0, 1, 2 and more bits begin."""


@kernel
def choose(bits: int, weight: int) -> int:
    """How many numbers of so many bits have ``weight`` of them set."""
    ways = 1
    for taken in range(weight):
        ways = ways * (bits - taken) // (taken + 1)
    return ways


@kernel
def flips(width: int, weight: int) -> NDArray[np.uint32]:
    """All numbers of ``width`` bits with ``weight`` of them set, which is to change that many bits."""
    # Those of fewer bits are smaller, and lead.
    return FLIPS[EDGES[weight] :][: choose(width, weight)]
