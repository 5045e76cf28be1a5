"""Hashes cut into three chunks, and the numbers near a chunk.

A chunk is every third bit of a hash, as neighbouring bits of real hashes are alike and so tell little
more than one of them. Bit 63, which is set in the phash of every photo, is in no chunk.
"""

from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bktree.kernel import kernel, signed

CHUNKS = 3

WIDTH = 21
"""Most bits of a chunk."""

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
    return signed(bits ^ (bits >> 32)) & ((1 << width) - 1)


@cache
def flips(width: int) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Numbers of ``width`` bits, up to `DEEPEST` of them set, and where those with 0, 1, 2 and so on begin.

    The latter ends with how many numbers there are.
    """
    shells = [
        [sum(1 << bit for bit in bits) for bits in combinations(range(width), weight)]
        for weight in range(DEEPEST + 1)
    ]
    edges = np.cumsum([0, *map(len, shells)])
    return np.array([number for shell in shells for number in shell], np.uint32), edges
