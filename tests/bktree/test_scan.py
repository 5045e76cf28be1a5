import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bktree import bitmap
from bktree.engines import build
from bktree.frozen import Frozen, for_scan
from bktree.kernel import DHASH, PHASH, Query, packed
from bktree.plan import Probe
from bktree.protocol import Tolerance
from bktree.ranking import run_end
from bktree.scan import BLOCK, Found, Rows, scanned, swept, swept_by_group
from tests.bktree.conftest import COMPILED, WIDE, crowd, to_arrays

MANY = 1500 if COMPILED else 150

probes = st.builds(
    lambda radius, low, high, kind: Probe(radius, min(low, high), high, kind),
    radius=st.integers(-1, 64),
    low=st.just(0) | st.integers(0, 64),
    high=st.integers(0, 64),
    kind=st.sampled_from([PHASH, DHASH]),
)
shapes = st.tuples(st.integers(0, 1000), st.integers(0, 20), st.sampled_from([1, 2, 5, 100]))


def scene(seed: int, flips: int, copies: int) -> tuple[Frozen, Rows]:
    """Files laid out, some of them hidden."""
    pages, phash, dhash = crowd(seed, MANY // copies, flips, copies)
    by_page = np.argsort(pages)
    files = for_scan(pages[by_page], (phash[by_page], dhash[by_page]))
    alive = bitmap.bitmap(len(pages))
    bitmap.put(alive, np.flatnonzero(np.random.default_rng(seed).random(len(pages)) < 0.4), False)
    return files, (files.hashes, alive)


def one_by_one(rows: Rows, query: Query, probe: Probe, start: int = 0, stop: int | None = None) -> list[int]:
    """The first row of each run of equal pairs that a probe asks for, packed with its distances."""
    hashes, alive = rows
    matches, row = [], start
    while row < (len(hashes[PHASH]) if stop is None else stop):
        end = run_end(hashes, row)
        near, beside = (
            int(hashes[kind][row] ^ query[kind]).bit_count() for kind in (probe.kind, 1 - probe.kind)
        )
        living = any(bitmap.is_set(alive, place) for place in range(row, end))
        if near <= probe.radius and probe.low <= beside <= probe.high and living:
            matches.append(packed(row, near, beside, probe.kind))
        row = end
    return matches


def none_found() -> Found:
    return np.empty(1, np.int64), 0


@settings(deadline=None, max_examples=60 if COMPILED else 15)
@given(shape=shapes, probe=probes, number=st.integers(0, 9))
def test_a_sweep_agrees_with_one_by_one(shape: tuple[int, int, int], probe: Probe, number: int) -> None:
    files, rows = scene(*shape)
    query = files.hashes[PHASH][number], files.hashes[DHASH][-1 - number]

    for value in (query, (~query[PHASH], query[DHASH])):
        column = files.hashes[probe.kind], files.order
        matches, count = swept(none_found(), rows, value, probe, column, 0, len(files.page_id))
        assert matches[:count].tolist() == one_by_one(rows, value, probe)


@settings(deadline=None, max_examples=30 if COMPILED else 10)
@given(shape=shapes, probe=probes, part=st.floats(0, 1))
def test_a_sweep_of_a_part_sees_nothing_else(shape: tuple[int, int, int], probe: Probe, part: float) -> None:
    files, rows = scene(*shape)
    query, column = (files.hashes[PHASH][0], files.hashes[DHASH][0]), (files.hashes[probe.kind], files.order)
    cut = run_end(files.hashes, int(part * (len(files.page_id) - 1)))

    for start, stop in [(0, cut), (cut, len(files.page_id)), (cut, cut)]:
        matches, count = swept(none_found(), rows, query, probe, column, start, stop)
        assert matches[:count].tolist() == one_by_one(rows, query, probe, start, stop)


@settings(deadline=None, max_examples=40 if COMPILED else 10)
@given(shape=shapes, probe=probes, asked=st.integers(0, 9))
def test_a_sweep_for_a_group_agrees_with_one_by_one(
    shape: tuple[int, int, int], probe: Probe, asked: int
) -> None:
    files, rows = scene(*shape)
    queries = files.hashes[PHASH][:asked].copy(), files.hashes[DHASH][-asked:][:asked].copy()

    (matches, count), owners = swept_by_group(rows, queries, probe)

    assert len(owners) == count
    for number, query in enumerate(zip(*queries, strict=True)):
        own = matches[:count][owners == number]
        assert sorted(own.tolist()) == one_by_one(rows, query, probe)


@settings(deadline=None, max_examples=40 if COMPILED else 10)
@given(shape=shapes, probe=probes)
def test_rows_in_any_order_are_scanned_one_by_one(shape: tuple[int, int, int], probe: Probe) -> None:
    _, phash, dhash = crowd(shape[0], MANY // 2, shape[1])
    alive = np.random.default_rng(shape[0]).random(len(phash)) < 0.5
    rows, query = 2 * len(phash) // 3, (int(phash[-1]), int(dhash[0]))

    expected = []
    for row in np.flatnonzero(alive[:rows]).tolist():
        pair = (int(phash[row]) ^ query[0]).bit_count(), (int(dhash[row]) ^ query[1]).bit_count()
        if pair[probe.kind] <= probe.radius and probe.low <= pair[1 - probe.kind] <= probe.high:
            expected.append(row << 16 | pair[0] << 8 | pair[1])
    asked = np.uint64(query[0]), np.uint64(query[1])
    assert scanned(rows, (phash, dhash), alive, asked, probe).tolist() == expected


@pytest.mark.parametrize("rows", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_the_last_row_of_any_block_is_seen(rows: int) -> None:
    last = np.array([rows - 1]), np.array([7], np.uint64), np.array([7], np.uint64)
    frozen = build("scan", *to_arrays(dict.fromkeys(range(rows - 1), (0, 0)) | {rows - 1: (7, 7)}))
    changed = build("scan", *to_arrays(dict.fromkeys(range(rows), (0, 0))))
    changed.add(*last)
    added = build("scan", *to_arrays({}))
    added.add(*to_arrays(dict.fromkeys(range(rows), (0, 0))))
    added.add(*last)

    for engine in (frozen, changed, added):
        assert engine.search(7, 7, Tolerance(0, 0)) == ([(rows - 1, 0, 0)], 1, False)
        assert engine.search(0, 0, Tolerance(0, 0), first=0).total == rows - 1
        assert engine.search(0, 0, WIDE, first=0).total == rows


@pytest.mark.parametrize("ahead", [0, 1, BLOCK - 2, BLOCK - 1, BLOCK])
@pytest.mark.parametrize("copies", [2, BLOCK, 2 * BLOCK + 1])
def test_runs_go_on_across_blocks(ahead: int, copies: int) -> None:
    before = {page: (page, page) for page in range(ahead)}
    run = dict.fromkeys(range(ahead, ahead + copies), (1 << 20, 1 << 20))
    after = {page: (1 << 21 | page, page) for page in range(ahead + copies, ahead + copies + 5)}
    engine = build("scan", *to_arrays(before | run | after))

    for kind in (Tolerance(0, 64), Tolerance(64, 0)):
        found = engine.search(1 << 20, 1 << 20, kind)
        assert found == ([(page, 0, 0) for page in run], copies, False)
        queries = np.full(2, 1 << 20, np.uint64)
        assert engine.search_many(queries, queries, kind) == [found, found]
