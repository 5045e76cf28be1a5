"""Hashes as rows of 64 bits, and back."""

import numpy as np
from numpy.typing import NDArray

from bktree.protocol import BITS, Hashes

TOP = BITS - 1
"""The bit of phash that every photo has set: the mean over the picture is above the median."""

ONES = BITS // 2
"""How many bits of a photo's phash are set: those above the median."""


def to_bits(hashes: Hashes) -> NDArray[np.bool_]:
    """Bits of n hashes, the lowest first: bool[n, 64]."""
    octets = np.ascontiguousarray(hashes).astype("<u8").view(np.uint8).reshape(-1, BITS // 8)
    return np.unpackbits(octets, axis=1, bitorder="little").view(np.bool_)


def to_hashes(bits: NDArray[np.bool_]) -> Hashes:
    """The n hashes whose bits, the lowest first, are the rows of bool[n, 64]."""
    return np.packbits(bits, axis=1, bitorder="little").view("<u8").ravel().astype(np.uint64, copy=False)


def photo_like(scores: NDArray[np.float32]) -> Hashes:
    """The n phashes that have the top bit and the 31 others that score highest set; float32[n, 64]."""
    zeros = BITS - ONES
    others = np.argpartition(scores[:, :TOP], zeros, axis=1)[:, zeros:]
    bits = np.zeros(scores.shape, np.bool_)
    bits[:, TOP] = True
    bits.ravel()[others + BITS * np.arange(len(scores))[:, None]] = True
    return to_hashes(bits)
