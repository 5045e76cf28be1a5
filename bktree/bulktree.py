"""A BK-tree made of all its hashes at once, and never changed after.

As in `bktree.tree`, the last levels are leaves that are looked through. Made in bulk they need no room
to grow: hashes are brought into the order of the tree, and a leaf is a part of it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bktree.kernel import hamming, kernel
from bktree.protocol import BITS

LARGEST = 512
"""Hashes of a leaf at most, unless they are all equal."""

CANDIDATES, SAMPLE = 16, 1024
"""Hashes that are considered as a pivot, and hashes whose distances from them are looked at."""

ROOT = 0


class Bulktree(NamedTuple):
    """Nodes, the root first, and leaves."""

    children: NDArray[np.int32]
    """Children of each node by their distance: 0 none, positive a node, negative -1 - a leaf."""
    pivots: NDArray[np.uint64]
    """Pivot of each node."""
    starts: NDArray[np.uint32]
    """Where each leaf starts in the order of the tree, and where the last one ends."""
    keys: NDArray[np.uint64]
    """Hashes in the order of the tree; of phash none, since that is the order of rows."""


Growing = tuple[NDArray[np.int32], NDArray[np.uint64], NDArray[np.uint32], int, int]
"""Children, pivots and starts with spare room, and how many nodes and leaves there are."""


def no_tree() -> Bulktree:
    """Stand in for a tree where there is none."""
    hashes = np.zeros(0, np.uint64)
    return Bulktree(np.zeros((0, BITS + 1), np.int32), hashes, np.zeros(0, np.uint32), hashes)


@kernel
def best_pivot(members: NDArray[np.uint64]) -> np.uint64:
    """The hash, of a few among the members, whose distances to a sample of them are the most varied."""
    # A pivot from among the members is sure to part them: itself at 0 from the others.
    sample = members[:: max(len(members) // SAMPLE, 1)]
    best, pivot = (len(sample) + 1) ** 2, members[0]
    for candidate in sample[:: max(len(sample) // CANDIDATES, 1)]:
        spread = np.zeros(BITS + 1, np.int64)
        for member in sample:
            spread[hamming(candidate, member)] += 1
        cost = (spread * spread).sum()
        if cost < best:
            best, pivot = cost, candidate
    return np.uint64(pivot)


@kernel
def part(keys: NDArray[np.uint64], order: NDArray[np.uint32], pivot: np.uint64) -> NDArray[np.int64]:
    """Sort hashes by their distance from a pivot, in place; tell where each distance begins.

    The American flag sort of McIlroy, Bostic and McIlroy (1993).
    """
    edges = np.zeros(BITS + 2, np.int64)
    for key in keys:
        edges[hamming(key, pivot) + 1] += 1
    edges = np.cumsum(edges)
    heads = edges.copy()
    for distance in range(BITS + 1):
        while heads[distance] < edges[distance + 1]:
            place = heads[distance]
            key, row = keys[place], order[place]
            away = hamming(key, pivot)
            while away != distance:
                other = heads[away]
                heads[away] += 1
                key, keys[other] = keys[other], key
                row, order[other] = order[other], row
                away = hamming(key, pivot)
            keys[place], order[place] = key, row
            heads[distance] += 1
    return edges


@kernel
def with_room(tree: Growing) -> Growing:
    """Give a tree that grows room for one node and its children."""
    children, pivots, starts, nodes, leaves = tree
    if nodes == len(children):
        more_children = np.zeros((2 * nodes, BITS + 1), np.int32)
        more_pivots = np.zeros(2 * nodes, np.uint64)
        more_children[:nodes], more_pivots[:nodes] = children, pivots
        children, pivots = more_children, more_pivots
    if leaves + BITS + 2 > len(starts):
        more_starts = np.zeros(2 * len(starts), np.uint32)
        more_starts[:leaves] = starts[:leaves]
        starts = more_starts
    return children, pivots, starts, nodes, leaves


@kernel
def grown(
    keys: NDArray[np.uint64], order: NDArray[np.uint32]
) -> tuple[NDArray[np.int32], NDArray[np.uint64], NDArray[np.uint32]]:
    """Bring hashes, and the rows beside them, into the order of a tree; give back its nodes and leaves."""
    room = 8
    tree = (
        np.zeros((room, BITS + 1), np.int32),
        np.zeros(room, np.uint64),
        np.zeros(room * (BITS + 2), np.uint32),
        0,
        0,
    )
    # What is to be parted yet: where it starts and stops, and the node and edge that it hangs from.
    waiting = [(0, len(keys), -1, 0)]
    while waiting:
        start, stop, above, edge = waiting.pop()
        tree = with_room(tree)
        children, pivots, starts, nodes, leaves = tree
        if above >= 0 and (edge == 0 or stop - start <= LARGEST):
            children[above, edge] = -1 - leaves
            starts[leaves] = start
            tree = (children, pivots, starts, nodes, leaves + 1)
            continue
        if above >= 0:
            children[above, edge] = nodes
        if start == stop:
            break
        pivots[nodes] = best_pivot(keys[start:stop])
        edges = start + part(keys[start:stop], order[start:stop], pivots[nodes])
        for distance in range(BITS, -1, -1):
            if edges[distance] < edges[distance + 1]:
                waiting.append((edges[distance], edges[distance + 1], nodes, distance))  # noqa: PERF401
        tree = (children, pivots, starts, nodes + 1, leaves)
    children, pivots, starts, nodes, leaves = tree
    starts[leaves] = len(keys)
    return children[:nodes].copy(), pivots[:nodes].copy(), starts[: leaves + 1].copy()


@kernel
def leaves_near(tree: Bulktree, query: np.uint64, radius: int) -> NDArray[np.int32]:
    """Every leaf that may hold a hash within the radius, in the order of the tree."""
    near, count = np.empty(len(tree.starts), np.int32), 0
    waiting, left = np.empty(len(tree.starts) + len(tree.pivots), np.int32), 0
    if len(tree.pivots):
        waiting[left] = ROOT
        left += 1
    while left:
        left -= 1
        node = waiting[left]
        if node < 0:
            near[count] = -1 - node
            count += 1
            continue
        away = hamming(tree.pivots[node], query)
        for distance in range(min(away + radius, BITS), max(away - radius, 0) - 1, -1):
            if tree.children[node, distance]:
                waiting[left] = tree.children[node, distance]
                left += 1
    return near[:count]
