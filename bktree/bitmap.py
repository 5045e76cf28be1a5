"""Bits in arrays of 64-bit words, one for each row: an eighth of what a byte for each would take."""

import numpy as np
from numpy.typing import NDArray

from bktree.kernel import hamming, kernel

Bitmap = NDArray[np.uint64]

WORD = 64


def bitmap(bits: int) -> Bitmap:
    """Make a bitmap with all bits set."""
    return np.full(-(-bits // WORD), ~np.uint64(0))


@kernel
def is_set(bits: Bitmap, place: int) -> bool:
    """Whether one bit is set."""
    return bool((bits[place >> 6] >> np.uint64(place & 63)) & np.uint64(1))


@kernel
def count(bits: Bitmap, start: int, stop: int) -> int:
    """How many bits are set from ``start`` up to ``stop``."""
    total = 0
    while start < stop:
        last = min(stop, (start | (WORD - 1)) + 1)
        # Both shifts are below 64, as LLVM demands.
        word = (bits[start >> 6] >> np.uint64(start & 63)) << np.uint64(WORD - (last - start))
        total += hamming(word, np.uint64(0))
        start = last
    return total


@kernel
def put(bits: Bitmap, places: NDArray[np.int64], value: bool) -> int:
    """Set or clear the bits at these places; give back how many were not so before."""
    changed = 0
    for place in places:
        if is_set(bits, place) != value:
            bits[place >> 6] ^= np.uint64(1) << np.uint64(place & 63)
            changed += 1
    return changed
