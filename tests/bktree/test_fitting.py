from math import comb

import numpy as np
import pytest

from bktree.chunks import CHUNKS, DEEPEST, TABLES, chunk_of
from bktree.fitting import BUCKET, ROW, SAMPLE, best_fit, fitted, least_cost, shell_cost
from bktree.frozen import for_tables
from bktree.kernel import DHASH, PHASH
from bktree.plan import NOTHING, Probe
from bktree.tables import Tables, offsets_of
from tests.bktree.conftest import COMPILED

COUNT = 50_000 if COMPILED else 3000
QUERY = (np.uint64(0x8F3C5A96E1D20B47), np.uint64(0x123456789ABCDEF0))


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Hashes at random, with every second dhash like the query's in its first chunk."""
    rng = np.random.default_rng(1)
    phash, dhash = rng.integers(0, 2**64, (2, COUNT), np.uint64)
    first = np.uint64(sum(1 << bit for bit in range(0, 64, CHUNKS)))
    dhash[::2] = dhash[::2] & ~first | QUERY[DHASH] & first
    return for_tables(np.arange(COUNT), (phash, dhash)).tables


def home_of(tables: Tables, table: int) -> int:
    return chunk_of(QUERY[table // CHUNKS], table % CHUNKS, int(tables.widths[table]))


@pytest.mark.parametrize("table", range(TABLES))
@pytest.mark.parametrize("weight", [0, 1, 2, 3])
def test_the_cost_of_a_shell_is_about_its_buckets_and_rows(tables: Tables, table: int, weight: int) -> None:
    home, width = home_of(tables, table), int(tables.widths[table])
    sizes = np.diff(offsets_of(tables, table)[: (1 << width) + 1].astype(np.int64))
    near = [bucket for bucket in range(1 << width) if (bucket ^ home).bit_count() == weight]

    cost = shell_cost(tables, table, home, weight)

    rows = (cost - BUCKET * len(near)) / ROW[table]
    assert rows == pytest.approx(sizes[near].sum(), rel=0.0 if len(near) < 2 * SAMPLE else 0.5, abs=1e-6)


@pytest.mark.parametrize("weight", range(DEEPEST + 1))
def test_no_shell_costs_less_than_its_buckets(tables: Tables, weight: int) -> None:
    width = int(tables.widths[0])

    assert least_cost(width, weight) == BUCKET * comb(width, weight)
    assert least_cost(width, weight) <= shell_cost(tables, 0, home_of(tables, 0), weight)


def test_shells_that_are_too_deep_are_never_worth_it() -> None:
    assert least_cost(21, DEEPEST + 1) == np.inf
    assert least_cost(3, 3) == BUCKET
    assert least_cost(3, 4) == np.inf


@pytest.mark.parametrize("kind", [PHASH, DHASH])
@pytest.mark.parametrize("radius", [0, 1, 2, 3, 5, 8, 11, 15])
def test_radii_add_up_to_what_the_pigeonhole_principle_asks_for(
    tables: Tables, kind: int, radius: int
) -> None:
    fit = fitted(tables, Probe(radius, 0, 64, kind), QUERY, np.inf)

    assert fit.radii.sum() == radius - CHUNKS + 1
    assert fit.radii.min() >= -1
    assert fit.radii.max() <= DEEPEST


def test_a_full_bucket_is_kept_away_from(tables: Tables) -> None:
    for radius in range(5):
        assert fitted(tables, Probe(radius, 0, 64, DHASH), QUERY, np.inf).radii[0] == -1


def test_radii_are_widened_where_that_costs_the_least(tables: Tables) -> None:
    for radius in range(1, 12):
        narrow, wide = (
            fitted(tables, Probe(each, 0, 64, PHASH), QUERY, np.inf) for each in (radius - 1, radius)
        )
        (chunk,) = np.flatnonzero(wide.radii - narrow.radii)
        next_ones = [
            shell_cost(tables, each, home_of(tables, each), int(narrow.radii[each]) + 1)
            for each in range(CHUNKS)
            if narrow.radii[each] < min(DEEPEST, tables.widths[each])
        ]
        assert wide.cost - narrow.cost == pytest.approx(min(next_ones))
        assert wide.radii[chunk] == narrow.radii[chunk] + 1


def test_what_costs_too_much_is_given_up(tables: Tables) -> None:
    assert fitted(tables, Probe(64, 0, 64, PHASH), QUERY, np.inf).cost == np.inf
    cost = fitted(tables, Probe(8, 0, 8, PHASH), QUERY, np.inf).cost
    assert fitted(tables, Probe(8, 0, 8, PHASH), QUERY, cost / 2).cost >= cost / 2
    assert fitted(tables, Probe(8, 0, 8, PHASH), QUERY, cost + 1).cost == cost


def test_nothing_costs_nothing(tables: Tables) -> None:
    fit = best_fit(tables, NOTHING, QUERY, np.inf)

    assert fit.cost == 0
    assert fit.radii.tolist() == [-1] * CHUNKS


def test_the_cheaper_hash_is_looked_by(tables: Tables) -> None:
    for probe in (Probe(8, 0, 8, DHASH), Probe(8, 0, 8, PHASH), Probe(12, 0, 4, PHASH)):
        fit = best_fit(tables, probe, QUERY, np.inf)
        swapped = Probe(probe.high, 0, probe.radius, 1 - probe.kind)
        costs = {side: fitted(tables, side, QUERY, np.inf).cost for side in (probe, swapped)}
        assert fit.probe == min(costs, key=costs.__getitem__)
        assert fit.cost == min(costs.values())


def test_a_probe_with_a_lowest_distance_stays_as_it_is(tables: Tables) -> None:
    probe = Probe(8, 1, 0, DHASH)

    assert best_fit(tables, probe, QUERY, np.inf).probe == probe
