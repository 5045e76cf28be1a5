from typing import Any

import numpy as np
import pytest

from bktree.chunks import CHUNKS, DEEPEST, chunk_of
from bktree.fitting import BUCKET, best_fit, fitted, shell_cost
from bktree.frozen import Frozen, freeze
from bktree.kernel import DHASH, KERNELS, PHASH
from bktree.plan import NOTHING, Probe

COMPILED = hasattr(KERNELS[0], "py_func")
COUNT = 50_000 if COMPILED else 3000
QUERY = (np.uint64(0x8F3C5A96E1D20B47), np.uint64(0x123456789ABCDEF0))


@pytest.fixture(scope="module")
def files() -> Frozen:
    """Hashes at random, with every second dhash like the query's in its first chunk."""
    rng = np.random.default_rng(1)
    phash, dhash = rng.integers(0, 2**64, (2, COUNT), np.uint64)
    first = np.uint64(sum(1 << bit for bit in range(0, 64, CHUNKS)))
    dhash[::2] = dhash[::2] & ~first | QUERY[DHASH] & first
    return freeze(np.arange(COUNT), (phash, dhash))


@pytest.mark.parametrize("table", range(2 * CHUNKS))
@pytest.mark.parametrize("weight", [0, 1, 2, 3])
def test_the_cost_of_a_shell_is_about_its_buckets_and_rows(files: Frozen, table: int, weight: int) -> None:
    home = chunk_of(QUERY[table // CHUNKS], table % CHUNKS, files.width)
    near = home ^ files.flips[files.shells[weight] : files.shells[weight + 1]].astype(np.int64)
    sizes = np.diff(files.offsets[table].astype(np.int64))[near]

    cost = shell_cost(files, table, home, weight)

    rows = (cost - BUCKET * len(near)) / (1 if table else 0.15)
    assert rows == pytest.approx(sizes.sum(), rel=0.0 if len(near) < 64 else 0.5, abs=1e-6)


def test_shells_that_are_too_deep_are_never_worth_it(files: Frozen) -> None:
    assert shell_cost(files, 1, 0, DEEPEST + 1) == np.inf


@pytest.mark.parametrize("kind", [PHASH, DHASH])
@pytest.mark.parametrize("radius", [0, 1, 2, 3, 5, 8, 11, 15])
def test_radii_add_up_to_what_the_pigeonhole_principle_asks_for(
    files: Frozen, kind: int, radius: int
) -> None:
    fit = fitted(files, Probe(radius, 0, 64, kind), QUERY, np.inf)

    assert fit.radii.sum() == radius - CHUNKS + 1
    assert fit.radii.min() >= -1
    assert fit.radii.max() <= DEEPEST


def test_a_full_bucket_is_kept_away_from(files: Frozen) -> None:
    for radius in range(5):
        assert fitted(files, Probe(radius, 0, 64, DHASH), QUERY, np.inf).radii[0] == -1


def test_what_costs_too_much_is_given_up(files: Frozen) -> None:
    assert fitted(files, Probe(64, 0, 64, PHASH), QUERY, np.inf).cost == np.inf
    cost = fitted(files, Probe(8, 0, 8, PHASH), QUERY, np.inf).cost
    assert fitted(files, Probe(8, 0, 8, PHASH), QUERY, cost / 2).cost >= cost / 2
    assert fitted(files, Probe(8, 0, 8, PHASH), QUERY, cost + 1).cost == cost


def test_nothing_costs_nothing(files: Frozen) -> None:
    fit: Any = best_fit(files, NOTHING, QUERY, np.inf)

    assert fit.cost == 0
    assert fit.radii.tolist() == [-1] * CHUNKS


def test_the_cheaper_hash_is_looked_by(files: Frozen) -> None:
    for probe in (Probe(8, 0, 8, DHASH), Probe(8, 0, 8, PHASH), Probe(12, 0, 4, PHASH)):
        fit = best_fit(files, probe, QUERY, np.inf)
        swapped = Probe(probe.high, 0, probe.radius, 1 - probe.kind)
        costs = {side: fitted(files, side, QUERY, np.inf).cost for side in (probe, swapped)}
        assert fit.probe == min(costs, key=costs.__getitem__)
        assert fit.cost == min(costs.values())


def test_a_probe_with_a_lowest_distance_stays_as_it_is(files: Frozen) -> None:
    probe = Probe(8, 1, 0, DHASH)

    assert best_fit(files, probe, QUERY, np.inf).probe == probe
