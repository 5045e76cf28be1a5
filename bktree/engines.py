"""The engines by name, as ``IMAGEHASH_ENGINE`` chooses them."""

import numpy as np

from bktree.budget import fastest, memory_limit
from bktree.columns import last_places
from bktree.frozen import Freeze, for_scan, for_tables, for_trees
from bktree.kernel import KERNELS
from bktree.memory import Memory, require_files
from bktree.protocol import Hashes, PageIds, Tolerance

ENGINES: dict[str, Freeze] = {"multi-index": for_tables, "bktree": for_trees, "scan": for_scan}
"""How each lays out its files, from the fastest to the leanest."""

INT32 = np.iinfo(np.int32)


def chosen(name: str, files: int) -> str:
    """The engine that a name, or ``auto``, stands for where there are so many files.

    Raises ValueError for an unknown name, and MemoryError where ``auto`` finds none that fits.
    """
    if name in ENGINES:
        return name
    if name != "auto":
        raise ValueError(f"there is no engine {name!r}: choose from {', '.join(['auto', *ENGINES])}")
    memory = memory_limit()
    fitting = fastest(files, memory)
    if fitting is None:
        raise MemoryError(f"no engine holds {files:,} files in {memory / 1e9:.1f} GB of memory")
    return fitting


def build(name: str, page_id: PageIds, phash: Hashes, dhash: Hashes) -> Memory:
    """Build an engine by its name, or ``auto`` for the fastest that the memory is enough for.

    Takes one-dimensional arrays of one length: page ids (int64, in any order), phash and dhash
    (uint64). Raises ValueError for other arrays, and as `chosen` does.
    """
    name = chosen(name, len(page_id))
    require_files(page_id, phash, dhash)
    last = last_places(page_id)
    # Page ids of the wiki are of 32 bits. Should any be beyond, it is kept beside the base.
    fits = (page_id[last] >= INT32.min) & (page_id[last] <= INT32.max)
    frozen, beyond = last[fits], last[~fits]
    engine = Memory(name, ENGINES[name](page_id[frozen], (phash[frozen], dhash[frozen])))
    engine.add(page_id[beyond], phash[beyond], dhash[beyond])
    return engine


def compile_kernels() -> int:
    """Compile all kernels, or load them from the cache, so that no request waits; give back how many."""
    hashes, later = np.zeros(1, np.uint64), np.arange(3, dtype=np.uint64)
    for name in ENGINES:
        engine = build(name, np.zeros(1, np.int64), hashes, hashes)
        engine.hide(np.zeros(1, np.int64))
        # What compiles when the first row comes keeps all searches waiting.
        engine.add(np.arange(1, 4), later, later)
        engine.hashes([0])
        engine.search(0, 0, Tolerance(1, 1))
        engine.search_many(hashes, hashes, Tolerance(1, 1))
    return len(KERNELS)
