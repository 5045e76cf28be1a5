"""Files that came after the base was frozen: columns and a mutable BK-tree for each kind of hash."""

import numpy as np
from numpy.typing import NDArray

from bktree import tree
from bktree.columns import Columns
from bktree.kernel import DHASH, PHASH, Pair, Query, kernel
from bktree.plan import Probe
from bktree.ranking import Live
from bktree.scan import Found, scanned, with_match
from bktree.tree import Arrays, Tree, probed

Layer = tuple[tuple[Arrays, Arrays], Live, NDArray[np.bool_], int, int]
"""Trees, columns and alive of the rows, how many there are, and up to which radius a tree is used."""


@kernel
def within_added(found: Found, layer: Layer, query: Query, probe: Probe, first: int) -> Found:
    """Append the added rows that a probe asks for, numbered from ``first`` on."""
    trees, (_, hashes), alive, rows, reach = layer
    if rows and probe.radius >= 0:
        if probe.radius > reach:
            fresh = scanned(rows, hashes, alive, query, probe)
        else:
            fresh = probed(trees[probe.kind], hashes, alive, query, probe)
        for match in fresh:
            found = with_match(found, match + (first << 16))
    return found


class Added(Columns):
    """Rows that are indexed as they come."""

    def __init__(self) -> None:
        super().__init__()
        self._trees = Tree(), Tree()

    def put(self, pages: NDArray[np.int64], hashes: Pair) -> None:
        """Add a row for each file whose hashes are new, and find it by these from now on."""
        first = self.rows
        super().put(pages, hashes)
        for kind in (PHASH, DHASH):
            self._trees[kind].insert(self.hashes[kind], first, self.rows)

    def layer(self) -> Layer:
        """All that a search needs."""
        trees = self._trees[PHASH].arrays, self._trees[DHASH].arrays
        return trees, (self.page_id, self.hashes), self.alive, self.rows, tree.REACH
