"""The engines by name, as ``IMAGEHASH_ENGINE`` chooses them."""

import numpy as np

from bktree.kernel import KERNELS
from bktree.memory import Memory
from bktree.multiindex import MultiIndex
from bktree.protocol import Engine, Hashes, PageIds, Tolerance
from bktree.scan import Scan
from bktree.tree import BKTree

ENGINES: dict[str, type[Memory]] = {engine.name: engine for engine in (MultiIndex, BKTree, Scan)}

AUTO = MultiIndex.name
"""What ``auto`` stands for."""


def build(name: str, page_id: PageIds, phash: Hashes, dhash: Hashes) -> Engine:
    """Build an engine by its name, or ``auto`` for the best one.

    Takes one-dimensional arrays of one length: page ids (int64, in any order), phash and dhash
    (uint64). Raises ValueError for other arrays and for an unknown name.
    """
    engine = ENGINES.get(AUTO if name == "auto" else name)
    if engine is None:
        raise ValueError(f"there is no engine {name!r}: choose from {', '.join(['auto', *ENGINES])}")
    return engine(page_id, phash, dhash)


def compile_kernels() -> int:
    """Compile all kernels, or load them from the cache, so that no request waits; give back how many."""
    hashes = np.zeros(1, np.uint64)
    for name in ENGINES:
        engine = build(name, np.zeros(1, np.int64), hashes, hashes)
        engine.hide(np.zeros(1, np.int64))
        engine.search(0, 0, Tolerance(1, 1))
        engine.search_many(hashes, hashes, Tolerance(1, 1))
    return len(KERNELS)
