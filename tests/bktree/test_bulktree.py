from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bktree import bulktree
from bktree.bulktree import LARGEST, ROOT, Bulktree, grown, leaves_near
from bktree.engines import build
from bktree.kernel import DHASH, PHASH
from bktree.memory import Memory
from bktree.protocol import Tolerance
from tests.bktree.conftest import (
    COMPILED,
    FULL,
    WIDE,
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

MANY = 5000 if COMPILED else 300

flips = st.integers(0, 20) | st.just(64)


@pytest.fixture(scope="module", autouse=True)
def largest() -> Iterator[int]:
    """How large a leaf may be: in plain Python less than usual, so that few hashes make a deep tree."""
    if COMPILED:
        yield LARGEST
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulktree, "LARGEST", 8)
        yield 8


def planted(keys: NDArray[np.uint64]) -> tuple[Bulktree, NDArray[np.uint32]]:
    """A tree of hashes, and where each of them was."""
    ordered, order = keys.copy(), np.arange(len(keys), dtype=np.uint32)
    return Bulktree(*grown(ordered, order), ordered), order


def assert_every_hash_is_in_its_leaf(keys: NDArray[np.uint64], largest: int) -> None:
    tree, order = planted(keys)

    assert sorted(order.tolist()) == list(range(len(keys)))
    assert tree.keys.tolist() == keys[order].tolist()
    starts = tree.starts.tolist()
    assert (starts[0], starts[-1]) == (0, len(keys))
    leaves = leaves_below(tree.children, tree.pivots, ROOT) if len(keys) else {}
    assert sorted(leaves) == list(range(len(starts) - 1))
    for leaf, path in leaves.items():
        members = tree.keys[starts[leaf] : starts[leaf + 1]].tolist()
        assert len(members) > 0
        assert len(members) <= largest or len(set(members)) == 1
        assert all((key ^ pivot).bit_count() == distance for key in members for pivot, distance in path)


@settings(deadline=None, max_examples=40 if COMPILED else 15)
@given(seed=st.integers(0, 1000), count=st.integers(0, 3) | st.integers(0, MANY), flips=flips)
def test_every_hash_is_in_one_leaf_at_the_right_distances(
    largest: int, seed: int, count: int, flips: int
) -> None:
    assert_every_hash_is_in_its_leaf(flipped(seed, count, flips), largest)


DEGENERATE = {
    "none": np.zeros(0, np.uint64),
    "one": np.array([1 << 63], np.uint64),
    "all equal": np.full(MANY, 0x8F3C5A96E1D20B47, np.uint64),
    "complements": np.where(np.arange(MANY) % 3, np.uint64(0), np.uint64(FULL)),
    "all but one equal": np.arange(MANY, dtype=np.uint64) // np.uint64(MANY - 1),
    "single bits": np.uint64(1) << (np.arange(MANY, dtype=np.uint64) % np.uint64(64)),
    "in order": np.arange(MANY, dtype=np.uint64),
}


@pytest.mark.parametrize("keys", DEGENERATE.values(), ids=DEGENERATE.keys())
def test_degenerate_hashes_are_in_their_leaves(largest: int, keys: NDArray[np.uint64]) -> None:
    assert_every_hash_is_in_its_leaf(keys, largest)


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_equal_hashes_are_one_leaf(count: int) -> None:
    tree, _ = planted(np.full(count, 7, np.uint64))

    assert tree.pivots.tolist() == [7]
    assert tree.starts.tolist() == [0, count]


def test_trees_of_many_nodes_are_given_room(largest: int) -> None:
    tree, _ = planted(flipped(1, 150 * largest, 64))

    assert len(tree.pivots) == len(tree.children) > 16
    assert len(tree.starts) > 8 * 66


@settings(deadline=None, max_examples=60 if COMPILED else 15)
@given(
    seed=st.integers(0, 1000),
    count=st.integers(0, MANY),
    flips=flips,
    query=st.integers(0, FULL),
    bits=st.sets(st.integers(0, 63), max_size=12),
    radius=st.integers(-1, 64),
)
def test_every_leaf_with_a_hash_within_the_radius_is_near(
    seed: int, count: int, flips: int, query: int, bits: set[int], radius: int
) -> None:
    tree, _ = planted(flipped(seed, count, flips))
    starts = tree.starts.tolist()
    whole = int(tree.keys[query % count]) if count and query % 2 else query
    value = whole ^ sum(1 << bit for bit in bits)

    near = leaves_near(tree, np.uint64(value), radius).tolist()

    assert near == sorted(set(near))
    assert set(near) <= set(range(len(starts) - 1))
    for leaf in set(range(len(starts) - 1)) - set(near):
        members = tree.keys[starts[leaf] : starts[leaf + 1]].tolist()
        assert all((key ^ value).bit_count() > radius for key in members)


@pytest.fixture(scope="module")
def engine(real: Files) -> Memory:
    return build("bktree", *to_arrays(real))


@pytest.mark.parametrize("kind", [PHASH, DHASH])
@pytest.mark.parametrize("radius", [0, 1, 2, 3, 4, 6, 8, 12, 20])
def test_a_radius_finds_what_pybktree_finds(
    real: Files, engine: Memory, near: Near, kind: int, radius: int
) -> None:
    tolerance = Tolerance(radius, 64) if kind == PHASH else Tolerance(64, radius)

    for query in [*list(real.values())[:12], (0, 0), (FULL, FULL), (1 << 63, 0)]:
        listed = engine.search(*query, tolerance, bound=None).listed
        assert {page for page, _, _ in listed} == near(query, kind, radius)


@settings(deadline=None, max_examples=40 if COMPILED else 12)
@given(
    seed=st.integers(0, 1000),
    flips=st.integers(0, 40),
    copies=st.integers(1, 3),
    query=st.integers(0, FULL) | st.integers(-100, 100),
    radii=st.tuples(st.integers(0, 64), st.integers(0, 64)),
    closest=st.none() | st.integers(0, 12),
)
def test_the_tree_agrees_with_brute_force_at_all_radii(
    seed: int, flips: int, copies: int, query: int, radii: tuple[int, int], closest: int | None
) -> None:
    columns = crowd(seed, MANY // 2, flips, copies)
    files, tolerance = to_files(columns), Tolerance(*radii, closest)
    pair = files.get(query, (query & FULL, ~query & FULL))

    found = build("bktree", *columns).search(*pair, tolerance, bound=None)

    assert found == brute_force(files, *pair, tolerance)


@pytest.mark.parametrize("keys", DEGENERATE.values(), ids=DEGENERATE.keys())
def test_degenerate_hashes_are_found(keys: NDArray[np.uint64]) -> None:
    columns = np.arange(len(keys)), keys, keys[::-1].copy()
    engine, files = build("bktree", *columns), to_files(columns)

    for query in [(0, 0), (FULL, 0), (1 << 63, 3), (0x8F3C5A96E1D20B47, 0x8F3C5A96E1D20B47)]:
        for tolerance in (Tolerance(0, 64), Tolerance(64, 0), Tolerance(5, 9, 1), WIDE):
            found = engine.search(*query, tolerance, bound=None)
            assert found == brute_force(files, *query, tolerance)
