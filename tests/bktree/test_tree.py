from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bktree import tree
from bktree.engines import build
from bktree.kernel import DHASH, PHASH
from bktree.memory import Memory
from bktree.protocol import Tolerance
from bktree.tree import LARGEST, LEAVES, NODES, PLACES, SMALLEST, Tree
from tests.bktree.conftest import (
    COMPILED,
    FULL,
    Columns,
    Files,
    Near,
    brute_force,
    crowd,
    flipped,
    leaves_below,
    to_arrays,
    to_files,
)

pytestmark = pytest.mark.usefixtures("always_by_index")

MANY = 60_000 if COMPILED else 3_000


def added(columns: Columns) -> Memory:
    """An engine with nothing in its base, so that only trees that files are added to answer."""
    engine = build("scan", *to_arrays({}))
    engine.add(*columns)
    return engine


@pytest.fixture(scope="module")
def engine(real: Files) -> Memory:
    return added(to_arrays(real))


def in_tree(keys: NDArray[np.uint64], *stops: int) -> Tree:
    made = Tree()
    for first, stop in pairwise([0, *stops, len(keys)]):
        made.insert(keys, first, stop)
    return made


def leaves_of(made: Tree) -> dict[int, tuple[tuple[int, int], ...]]:
    """Every leaf, with the pivots and distances that lead to it."""
    children, pivots = made.arrays[:2]
    return leaves_below(children, pivots, int(children[0, 0])) if children[0, 0] else {}


@settings(deadline=None, max_examples=20 if COMPILED else 5)
@given(seed=st.integers(0, 1000), flips=st.integers(0, 20), part=st.floats(0, 1))
def test_every_hash_is_in_one_leaf_at_the_right_distances(seed: int, flips: int, part: float) -> None:
    keys = flipped(seed, MANY // 20, flips)
    made = in_tree(keys, int(part * len(keys)))
    _, _, leaves, hashes, newest, older, _, _ = made.arrays

    rows: dict[int, list[int]] = {}
    for leaf, path in leaves_of(made).items():
        start, count, _ = leaves[leaf]
        assert 0 < count <= LARGEST
        for place in range(start, start + count):
            key, row = int(hashes[place]), int(newest[place])
            assert all((key ^ pivot).bit_count() == distance for pivot, distance in path)
            assert key not in rows
            rows[key] = []
            while row >= 0:
                rows[key].append(row)
                row = int(older[row])

    expected: dict[int, list[int]] = {}
    for row, key in enumerate(keys.tolist()):
        expected.setdefault(key, []).insert(0, row)
    assert rows == expected


@settings(deadline=None, max_examples=20 if COMPILED else 5)
@given(seed=st.integers(0, 1000), flips=st.integers(4, 64))
def test_blocks_are_in_use_or_free_and_never_overlap(seed: int, flips: int) -> None:
    made = in_tree(flipped(seed, 3 * LARGEST, flips))
    _, _, leaves, _, newest, _, free, used = made.arrays

    blocks = [(int(leaves[leaf, 0]), int(leaves[leaf, 2])) for leaf in leaves_of(made)]
    for size in range(tree.SIZES):
        head = int(free[size])
        while head:
            blocks.append((head - 1, size))
            head = int(newest[head - 1])
    places = [place for start, size in blocks for place in range(start, start + (SMALLEST << size))]

    assert sorted(places) == list(range(used[PLACES]))
    assert used[NODES] > 1


def test_a_split_part_for_part_stays_within_the_room_it_asks_for() -> None:
    # Three distances of equal share from the first key, which outgrow their blocks at the same time.
    rng = np.random.default_rng(3)
    for widths in ([1, 2, 3], [4, 14, 24]):
        bits = [rng.choice(64, width, replace=False).tolist() for _ in range(2 * LARGEST) for width in widths]
        keys = np.array([sum(1 << bit for bit in some) for some in bits], np.uint64)
        made = Tree()
        for row in range(len(keys)):
            before = made.arrays[-1].copy()
            made.insert(keys, row, row + 1)
            assert (made.arrays[-1] - before <= tree.ROOM).all()


def test_equal_hashes_cost_one_key() -> None:
    made = in_tree(np.full(MANY, 5, np.uint64))

    assert made.arrays[-1].tolist() == [1, 1, SMALLEST]


@pytest.mark.parametrize("kind", [PHASH, DHASH])
@pytest.mark.parametrize("radius", [0, 1, 2, 3, 4, 6, 8, 12, 20])
def test_a_radius_finds_what_pybktree_finds(
    real: Files, engine: Memory, near: Near, kind: int, radius: int
) -> None:
    tolerance = Tolerance(radius, 64) if kind == PHASH else Tolerance(64, radius)

    for query in [*list(real.values())[:12], (0, 0), (FULL, FULL), (1 << 63, 0)]:
        listed = engine.search(*query, tolerance, bound=None).listed
        assert {page for page, _, _ in listed} == near(query, kind, radius)


@settings(deadline=None, max_examples=25 if COMPILED else 5)
@given(
    seed=st.integers(0, 1000),
    flips=st.integers(0, 40),
    query=st.integers(0, FULL) | st.integers(-100, 100),
    radii=st.tuples(st.integers(0, 64), st.integers(0, 64)),
    closest=st.none() | st.integers(0, 12),
)
def test_the_tree_agrees_with_brute_force_at_all_radii(
    seed: int, flips: int, query: int, radii: tuple[int, int], closest: int | None
) -> None:
    columns = crowd(seed, MANY // 20, flips)
    files, tolerance = to_files(columns), Tolerance(*radii, closest)
    pair = files.get(query, (query & FULL, ~query & FULL))

    found = added(columns).search(*pair, tolerance, bound=None)

    assert found == brute_force(files, *pair, tolerance)


def test_room_grows_with_the_rows() -> None:
    keys = flipped(1, MANY, 64)

    made = in_tree(keys, *range(0, MANY, MANY // 7))

    children, pivots, leaves, hashes, newest, older, _, used = made.arrays
    assert len(children) == len(pivots) >= used[NODES]
    assert len(leaves) >= used[LEAVES]
    assert len(hashes) == len(newest) >= used[PLACES]
    assert len(older) == MANY
