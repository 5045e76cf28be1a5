import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bktree import tree
from bktree.added import Added, within_added
from bktree.kernel import DHASH, PHASH
from bktree.plan import NOTHING, Probe
from tests.bktree.conftest import COMPILED, FULL, flipped

FIRST = 1000

probes = st.builds(
    lambda radius, high, kind: Probe(radius, 0, high, kind),
    radius=st.integers(0, 64) | st.integers(0, 8),
    high=st.integers(0, 64),
    kind=st.sampled_from([PHASH, DHASH]),
)


def rows_near(added: Added, query: tuple[int, int], probe: Probe) -> list[int]:
    """Rows that a probe asks for, as they are numbered behind those of a base."""
    asked = np.uint64(query[0]), np.uint64(query[1])
    matches, count = within_added((np.empty(1, np.int64), 0), added.layer(), asked, probe, FIRST)
    return sorted((matches[:count] >> 16).tolist())


@pytest.mark.parametrize("reach", [-1, tree.REACH, 64])
@settings(deadline=None, max_examples=30 if COMPILED else 8)
@given(
    seed=st.integers(0, 1000),
    counts=st.lists(st.integers(0, 400 if COMPILED else 40), max_size=3),
    flips=st.integers(0, 30),
    probe=probes,
)
def test_all_that_came_is_found_however_it_is_looked_for(
    reach: int, seed: int, counts: list[int], flips: int, probe: Probe
) -> None:
    added, expected = Added(), []
    hashes = flipped(seed, sum(counts) + 1, flips), flipped(seed + 1, sum(counts) + 1, flips)
    first = 0
    for count in counts:
        part = slice(first, first + count)
        added.put(np.arange(first, first + count), (hashes[PHASH][part], hashes[DHASH][part]))
        first += count
    added.hide(np.arange(0, first, 3))
    query = int(hashes[PHASH][-1]), int(hashes[DHASH][0])

    for row in (row for row in range(first) if row % 3):
        away = [(int(hashes[kind][row]) ^ query[kind]).bit_count() for kind in (PHASH, DHASH)]
        if away[probe.kind] <= probe.radius and away[1 - probe.kind] <= probe.high:
            expected.append(FIRST + row)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree, "REACH", reach)
        assert rows_near(added, query, probe) == expected


def test_a_file_is_found_by_its_latest_hashes_alone() -> None:
    added, page = Added(), np.array([2**40])
    for value in (1, FULL, 1):
        added.put(page, (np.array([value], np.uint64), np.array([value], np.uint64)))

    for probe in (Probe(0, 0, 0, PHASH), Probe(64, 0, 64, DHASH), Probe(2, 0, 64, DHASH)):
        assert rows_near(added, (1, 1), probe) == [FIRST + 2]
    assert rows_near(added, (FULL, FULL), Probe(0, 0, 0, PHASH)) == []


def test_nothing_is_found_by_a_probe_for_nothing_and_where_nothing_came() -> None:
    added = Added()
    assert rows_near(added, (0, 0), Probe(64, 0, 64, PHASH)) == []

    added.put(np.arange(3), (np.zeros(3, np.uint64), np.zeros(3, np.uint64)))
    assert rows_near(added, (0, 0), NOTHING) == []
    assert rows_near(added, (0, 0), Probe(0, 0, 0, PHASH)) == [FIRST, FIRST + 1, FIRST + 2]


def test_spare_room_is_not_searched() -> None:
    added = Added()
    for page in range(11):
        added.put(np.array([page]), (np.ones(1, np.uint64), np.ones(1, np.uint64)))

    assert len(added.alive) > 11
    assert len(rows_near(added, (0, 0), Probe(64, 0, 64, PHASH))) == 11
