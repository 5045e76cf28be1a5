from itertools import product

import pytest

from bktree.kernel import DHASH, PHASH
from bktree.plan import NOTHING, Probe, plan
from bktree.protocol import Tolerance

SOME = (0, 1, 2, 5, 8, 63, 64)
TOLERANCES = [Tolerance(*parts) for parts in product(SOME, SOME, (None, *SOME))]


def by_the_rule(tolerance: Tolerance) -> set[tuple[int, int]]:
    closest = 64 if tolerance.closest is None else tolerance.closest
    inside = product(range(tolerance.phash + 1), range(tolerance.dhash + 1))
    return {pair for pair in inside if min(pair) <= closest}


@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_probes_cover_the_rule_once(tolerance: Tolerance) -> None:
    covered = []
    for radius, low, high, kind in plan(tolerance).probes:
        pairs = product(range(radius + 1), range(low, high + 1))
        covered += [pair if kind == PHASH else pair[::-1] for pair in pairs]

    assert len(covered) == len(set(covered))
    assert set(covered) == by_the_rule(tolerance)
    assert plan(tolerance).largest == max(map(sum, by_the_rule(tolerance)))


def test_the_smaller_radius_is_probed() -> None:
    assert plan(Tolerance(4, 8)).probes == (Probe(4, 0, 8, PHASH), NOTHING)
    assert plan(Tolerance(8, 4)).probes == (Probe(4, 0, 8, DHASH), NOTHING)
    assert plan(Tolerance(4, 4)).probes == (Probe(4, 0, 4, PHASH), NOTHING)
    assert plan(Tolerance(8, 8, 2)).probes == (Probe(2, 0, 8, PHASH), Probe(2, 3, 8, DHASH))


@pytest.mark.parametrize(
    "tolerance", [Tolerance(-1, 8), Tolerance(8, 65), Tolerance(8, 8, -1), Tolerance(8, 8, 65)]
)
def test_distances_outside_0_to_64_are_refused(tolerance: Tolerance) -> None:
    with pytest.raises(ValueError, match="distance from 0 to 64"):
        plan(tolerance)
