"""A BK-tree in flat arrays, after Burkhard and Keller, "Some approaches to best-match file searching" (1973).

A node holds a pivot, and below it a child for each distance from the pivot. By the triangle
inequality a hash within r of a query, which itself is d from the pivot, lies under one of the
children d - r to d + r. Unlike in the paper, the last levels are buckets of up to 512 hashes: to look
through one takes less time than to follow a few pointers.
"""

import numpy as np
from numpy.typing import NDArray

from bktree.bulktree import best_pivot
from bktree.columns import roomy
from bktree.kernel import Pair, Query, hamming, kernel, longer, nearest, packed
from bktree.plan import Probe
from bktree.protocol import BITS

Arrays = tuple[
    NDArray[np.int32],  # children of each node by distance: 0 none, positive a node, negative -1 - a leaf
    NDArray[np.uint64],  # pivot of each node; node 0 has none, its child 0 is the root
    NDArray[np.int64],  # start, count and size class of each leaf
    NDArray[np.uint64],  # distinct hashes, in the block of their leaf
    NDArray[np.int32],  # newest row of each of these hashes
    NDArray[np.int32],  # next older row with the hash of this row, or -1
    NDArray[np.int64],  # first free block of each size class, plus 1; it has the next one for a row
    NDArray[np.int64],  # nodes, leaves and places in use
]

SMALLEST = 4
SIZES = 8
LARGEST = SMALLEST << (SIZES - 1)
"""Hashes in the blocks of the first and the last size class; a leaf with more becomes a node."""

NODES, LEAVES, PLACES = 0, 1, 2
ROOM = (1, BITS + 1, SMALLEST * (BITS + 1) + 5 * LARGEST)
"""What one insertion may need of each at most, where its leaf comes to be a node with 65 leaves.

A leaf that has grown to n hashes has gone through blocks of less than 4 n hashes together, or one of
the smallest; and the new hash may make one of the leaves grow once more.
"""

REACH = 5
"""Largest radius that the tree is used for: beyond, so much of it is visited that a scan is faster."""


@kernel
def allocated(tree: Arrays, size: int) -> int:
    """Start of a block of this size class."""
    _, _, _, _, newest, _, free, used = tree
    if free[size]:
        start = free[size] - 1
        free[size] = newest[start]
        return int(start)
    start = used[PLACES]
    used[PLACES] += SMALLEST << size
    return int(start)


@kernel
def release(tree: Arrays, start: int, size: int) -> None:
    """Give a block back."""
    _, _, _, _, newest, _, free, _ = tree
    newest[start] = free[size]
    free[size] = start + 1


@kernel
def new_leaf(tree: Arrays, node: int, edge: int) -> int:
    """Hang an empty leaf under a node."""
    children, _, leaves, _, _, _, _, used = tree
    leaf = used[LEAVES]
    used[LEAVES] += 1
    leaves[leaf] = (allocated(tree, 0), 0, 0)
    children[node, edge] = -1 - leaf
    return int(leaf)


@kernel
def put(tree: Arrays, leaf: int, key: np.uint64, row: int) -> None:
    """Append a hash to a leaf, which moves to a block twice the size where its own is full."""
    _, _, leaves, hashes, newest, _, _, _ = tree
    start, count, size = leaves[leaf]
    if count == SMALLEST << size:
        block = allocated(tree, size + 1)
        hashes[block : block + count] = hashes[start : start + count]
        newest[block : block + count] = newest[start : start + count]
        release(tree, start, size)
        start = block
        leaves[leaf] = (start, count, size + 1)
    hashes[start + count] = key
    newest[start + count] = row
    leaves[leaf, 1] += 1


@kernel
def split(tree: Arrays, node: int, edge: int, leaf: int) -> None:
    """Replace a full leaf under a node by a node with leaves of its own."""
    children, pivots, leaves, hashes, newest, _, _, used = tree
    start, count, size = leaves[leaf]
    pivot = best_pivot(hashes[start : start + count])
    fresh = used[NODES]
    used[NODES] += 1
    pivots[fresh] = pivot
    for place in range(start, start + count):
        distance = hamming(hashes[place], pivot)
        child = children[fresh, distance]
        target = -1 - child if child else new_leaf(tree, fresh, distance)
        put(tree, target, hashes[place], newest[place])
    release(tree, start, size)
    children[node, edge] = fresh


@kernel
def place_of(tree: Arrays, leaf: int, key: np.uint64) -> int:
    """Where a leaf holds a hash, or -1."""
    _, _, leaves, hashes, _, _, _, _ = tree
    start, count, _ = leaves[leaf]
    if nearest(hashes[start : start + count], key) > 0:
        return -1
    place = start
    while hashes[place] != key:
        place += 1
    return int(place)


@kernel
def insert(tree: Arrays, key: np.uint64, row: int) -> None:
    """Add one row."""
    children, pivots, leaves, _, newest, older, _, _ = tree
    node, edge = 0, 0
    while True:
        child = children[node, edge]
        if child > 0:
            node, edge = child, hamming(pivots[child], key)
            continue
        leaf = -1 - child if child else new_leaf(tree, node, edge)
        place = place_of(tree, leaf, key)
        if place >= 0:
            older[row] = newest[place]
            newest[place] = row
            return
        if leaves[leaf, 1] < LARGEST:
            put(tree, leaf, key, row)
            return
        split(tree, node, edge, leaf)


@kernel
def insert_rows(tree: Arrays, keys: NDArray[np.uint64], first: int, stop: int) -> int:
    """Add rows from ``first`` up to ``stop``, or up to the one returned, for which there may be no room."""
    children, _, leaves, hashes, _, older, _, used = tree
    for row in range(first, stop):
        if (
            used[NODES] + ROOM[NODES] > len(children)
            or used[LEAVES] + ROOM[LEAVES] > len(leaves)
            or used[PLACES] + ROOM[PLACES] > len(hashes)
        ):
            return row
        older[row] = -1
        insert(tree, keys[row], row)
    return stop


@kernel
def leaves_near(tree: Arrays, query: np.uint64, radius: int) -> NDArray[np.int32]:
    """Every leaf that may hold a hash within the radius."""
    children, pivots, _, _, _, _, _, used = tree
    near, count = np.empty(used[LEAVES], np.int32), 0
    nodes, waiting = np.empty(used[NODES], np.int32), 1
    nodes[0] = 0
    while waiting:
        waiting -= 1
        node = nodes[waiting]
        away = hamming(pivots[node], query) if node else 0
        for child in children[node, max(away - radius, 0) : away + radius + 1]:
            if child > 0:
                nodes[waiting] = child
                waiting += 1
            elif child < 0:
                near[count] = -1 - child
                count += 1
    return near[:count]


@kernel
def probed(
    tree: Arrays, hashes: Pair, alive: NDArray[np.bool_], query: Query, probe: Probe
) -> NDArray[np.int64]:
    """Match the rows that the tree leads to."""
    _, _, leaves, keys, newest, older, _, _ = tree
    radius, low, high, kind = probe
    far, near_query, far_query = hashes[1 - kind], query[kind], query[1 - kind]
    found, count = np.empty(64, np.int64), 0
    for leaf in leaves_near(tree, near_query, radius):
        start, stop = leaves[leaf, 0], leaves[leaf, 0] + leaves[leaf, 1]
        if nearest(keys[start:stop], near_query) > radius:
            continue
        for place in range(start, stop):
            distance = hamming(keys[place], near_query)
            row = newest[place] if distance <= radius else -1
            while row >= 0:
                beside = hamming(far[row], far_query)
                if alive[row] and low <= beside <= high:
                    if count == len(found):
                        found = longer(found)
                    found[count] = packed(row, distance, beside, kind)
                    count += 1
                row = older[row]
    return found[:count]


class Tree:
    """The rows by one kind of hash. Equal hashes are one key, so that many of them cost no depth."""

    def __init__(self) -> None:
        self.arrays: Arrays = (
            np.zeros((1, BITS + 1), np.int32),
            np.zeros(1, np.uint64),
            np.zeros((0, 3), np.int64),
            np.empty(0, np.uint64),
            np.empty(0, np.int32),
            np.empty(0, np.int32),
            np.zeros(SIZES, np.int64),
            np.array([1, 0, 0]),
        )

    def insert(self, keys: NDArray[np.uint64], first: int, stop: int) -> None:
        """Add the rows from ``first`` up to ``stop``, whose hashes are in ``keys``."""
        while first < stop:
            self._make_room(len(keys))
            first = insert_rows(self.arrays, keys, first, stop)

    def _make_room(self, rows: int) -> None:
        children, pivots, leaves, hashes, newest, older, free, used = self.arrays
        nodes, more_leaves, places = (int(taken) + need for taken, need in zip(used, ROOM, strict=True))
        self.arrays = (
            roomy(children, nodes),
            roomy(pivots, nodes),
            roomy(leaves, more_leaves),
            roomy(hashes, places),
            roomy(newest, places),
            roomy(older, rows),
            free,
            used,
        )
