"""The two perceptual hashes of a picture, and how they are written down.

Both are 64 unsigned bits: `phash` keeps the signs of the lowest frequencies of a discrete cosine
transform, `dhash` whether each pixel of a 9 x 8 reduction is darker than its right neighbour
(https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html). The first bit
of imagehash's array is the highest of the number.
"""

import re
from importlib.metadata import version
from typing import NamedTuple

import imagehash
from PIL import Image

BITS = 64
HEX_DIGITS = BITS // 4

# A DCT compared with its own median sets half of the bits, except where coefficients are equal.
_PHASH_ONES = BITS // 2
_DHASH_FEWEST, _DHASH_MOST = 4, 60


class Hashes(NamedTuple):
    """The hashes of one picture, each an unsigned number of 64 bits."""

    phash: int
    dhash: int


def hash_image(image: Image.Image) -> Hashes:
    """Hash an upright, opaque RGB or L image, to the very bits of `imagehash.phash` and `imagehash.dhash`."""
    grey = image.convert("L")
    return Hashes(_number(imagehash.phash(grey)), _number(imagehash.dhash(grey)))


def _number(image_hash: imagehash.ImageHash) -> int:
    return int(str(image_hash), 16)


def parse_hex(text: str) -> int:
    """Read a hash of exactly 16 hexadecimal digits, with or without `0x`; ValueError for anything else."""
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    if not re.fullmatch("[0-9A-Fa-f]*", digits):
        raise ValueError(f"{text[:100]!r} is not hexadecimal; a hash has {HEX_DIGITS} digits from 0 to f")
    if len(digits) != HEX_DIGITS:
        found = f"{len(digits)} hexadecimal digit{'' if len(digits) == 1 else 's'}"
        raise ValueError(f"{text[:100]!r} has {found}; a hash has {HEX_DIGITS}")
    return int(digits, 16)


def format_hex(value: int) -> str:
    """Write a hash as 16 lower-case hexadecimal digits; ValueError where it is not one."""
    return f"{check_hash(value):0{HEX_DIGITS}x}"


def check_hash(value: int) -> int:
    """Return the value, or raise ValueError where it is no unsigned number of 64 bits."""
    if not 0 <= value < 1 << BITS:
        raise ValueError(f"{value} is not a hash; a hash is from 0 to {(1 << BITS) - 1}")
    return value


def low_information(phash: int, dhash: int) -> bool:
    """Tell whether the picture is so plain that unlike pictures share its hashes: flags, blank pages."""
    return phash.bit_count() != _PHASH_ONES or not _DHASH_FEWEST <= dhash.bit_count() <= _DHASH_MOST


def library_versions() -> str:
    """Name what computed a hash, for its provenance: `imagehash 4.3.2, pillow 13.0.0`."""
    return ", ".join(f"{name} {version(name)}" for name in ("imagehash", "pillow"))
