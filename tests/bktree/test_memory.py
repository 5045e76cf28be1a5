"""What the engines in memory promise, checked against brute force."""

import operator
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from threading import Event, Semaphore, Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bktree import answers
from bktree.engines import ENGINES, build
from bktree.frozen import arrays_of, nbytes
from bktree.memory import Memory
from bktree.protocol import Engine, Tolerance
from bktree.snapshot import Snapshot, load, save
from tests.bktree.conftest import (
    COMPILED,
    FULL,
    WIDE,
    Columns,
    Files,
    brute_force,
    by_numpy,
    collection,
    crowd,
    flipped,
    to_arrays,
    to_files,
)

Build = Callable[..., Memory]

few_bits = st.sets(st.integers(0, 63), max_size=6).map(lambda bits: sum(1 << bit for bit in bits))
near_others = st.builds(operator.xor, st.sampled_from([0, FULL, 1 << 63, 0x8F3C5A96E1D20B47]), few_bits)
hashes = near_others | st.integers(0, FULL)
pairs = st.tuples(hashes, hashes)
pages = st.integers(-10, 30) | st.integers(-(2**31), 2**31 - 1) | st.integers(-(2**63), 2**63 - 1)
distances = st.integers(0, 12) | st.integers(0, 64)
tolerances = st.builds(Tolerance, distances, distances, st.none() | distances)
windows = st.fixed_dictionaries(
    {},
    optional={
        "first": st.none() | st.integers(0, 20),
        "after": st.none() | st.tuples(st.integers(-1, 130), pages),
        "bound": st.none() | st.integers(1, 40),
    },
)


@pytest.fixture(scope="module", params=list(ENGINES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def kind(name: str) -> Build:
    return partial(build, name)


@settings(deadline=None, max_examples=300 if COMPILED else 100)
@given(
    files=st.dictionaries(pages, pairs, max_size=50),
    query=pairs,
    tolerance=tolerances,
    window=windows,
)
def test_a_search_agrees_with_brute_force(
    kind: Build,
    files: Files,
    query: tuple[int, int],
    tolerance: Tolerance,
    window: Any,
) -> None:
    engine = kind(*to_arrays(files))

    window = {"bound": None} | window
    assert engine.search(*query, tolerance, **window) == brute_force(files, *query, tolerance, **window)
    assert len(engine) == len(files)


@settings(deadline=None, max_examples=60 if COMPILED else 8)
@given(data=st.data(), tolerance=tolerances, window=windows)
def test_real_hashes_agree_with_brute_force(
    kind: Build,
    real: Files,
    over_real: Memory,
    data: st.DataObject,
    tolerance: Tolerance,
    window: Any,
) -> None:
    page = data.draw(st.integers(-1000, len(real) - 1001))
    phash, dhash = (whole ^ data.draw(few_bits) for whole in real[page])

    window = {"bound": 1000} | window
    assert over_real.search(phash, dhash, tolerance, **window) == brute_force(
        real, phash, dhash, tolerance, **window
    )


@pytest.fixture(scope="module")
def over_real(kind: Build, real: Files) -> Memory:
    return kind(*to_arrays(real))


DEGENERATE = {
    "empty": {},
    "one": {5: (1 << 63, 3)},
    "all zero": dict.fromkeys(range(700), (0, 0)),
    "all equal": dict.fromkeys(range(-350, 350), (0x8F3C5A96E1D20B47, 17)),
    "complements": {page: (0, FULL) if page % 2 else (FULL, 0) for page in range(700)},
    "one phash": {page: (1 << 63, page) for page in range(700)},
    "one dhash": {page: (page << 20, FULL) for page in range(700)},
    "single bits": {page: (1 << page % 64, 1 << page % 63) for page in range(700)},
}


@pytest.mark.parametrize("files", DEGENERATE.values(), ids=DEGENERATE.keys())
@pytest.mark.parametrize(
    "tolerance", [Tolerance(0, 0), Tolerance(2, 4), WIDE, Tolerance(64, 64, 0), Tolerance(6, 9, 3)]
)
@pytest.mark.parametrize("query", [(0, 0), (FULL, 0), (1 << 63, 3), (0x8F3C5A96E1D20B47, 17)])
def test_degenerate_hashes_agree_with_brute_force(
    kind: Build,
    files: Any,
    tolerance: Tolerance,
    query: tuple[int, int],
) -> None:
    engine = kind(*to_arrays(files))

    windows: list[dict[str, Any]] = [
        {"bound": None},
        {"first": 10, "bound": 5},
        {"first": 10, "after": (1, 3), "bound": 100},
    ]
    for window in windows:
        assert engine.search(*query, tolerance, **window) == brute_force(files, *query, tolerance, **window)


SIZES = [0, 1, 2, 3, 16, 17, 63, 64, 65, 256, 257, 513]
LARGE = [255, 511, 512, 600, 1000, 4096, 10_000, 100_000]
TOLERANCES = [Tolerance(0, 0), Tolerance(5, 8), Tolerance(8, 3), Tolerance(11, 64, 2), Tolerance(64, 7), WIDE]


def assert_agrees_with_numpy(engine: Memory, columns: Columns) -> None:
    queries = [(0, 0), (FULL, 1 << 63), *zip(*(column[:3].tolist() for column in columns[1:]), strict=True)]
    for phash, dhash in queries:
        for tolerance in TOLERANCES:
            found = engine.search(phash ^ 1, dhash, tolerance, first=1000, bound=None)
            assert found == by_numpy(columns, phash ^ 1, dhash, tolerance, first=1000)


@pytest.mark.parametrize("count", [*SIZES, *LARGE] if COMPILED else SIZES)
def test_files_of_any_number_agree_with_numpy(kind: Build, count: int) -> None:
    for flips in (3, 12, 64):
        columns = crowd(count, count, flips)
        engine = kind(*columns)

        assert len(engine) == count
        assert_agrees_with_numpy(engine, columns)


@pytest.mark.parametrize("count", [*SIZES, *LARGE] if COMPILED else SIZES)
def test_degenerate_files_of_any_number_agree_with_numpy(kind: Build, count: int) -> None:
    pages, zero, full = np.arange(count), np.zeros(count, np.uint64), np.full(count, FULL, np.uint64)
    halves = np.where(pages % 2, zero, full)

    for columns in (
        (pages, zero, zero),
        (pages, full, full),
        (pages, halves, ~halves),
        (pages, flipped(1, count, 0), flipped(2, count, 0)),
        (pages, zero, np.arange(count, dtype=np.uint64)),
    ):
        assert_agrees_with_numpy(kind(*columns), columns)


@settings(deadline=None, max_examples=60 if COMPILED else 12)
@given(
    sizes=st.tuples(st.integers(0, 900 if COMPILED else 90), st.integers(0, 300 if COMPILED else 30)),
    copies=st.integers(1, 3),
    flips=st.integers(0, 40),
    query=st.tuples(st.integers(-100, 100) | st.integers(0, FULL), few_bits),
    tolerance=tolerances,
)
def test_both_layers_agree_with_numpy(
    kind: Build,
    sizes: tuple[int, int],
    copies: int,
    flips: int,
    query: tuple[int, int],
    tolerance: Tolerance,
) -> None:
    columns = crowd(1, sum(sizes), flips, copies)
    pages, *hashes = columns
    cut = sizes[0]
    phash, dhash = to_files(columns).get(query[0], (query[0] & FULL, query[1]))

    engine = kind(pages[:cut], *(column[:cut] for column in hashes))
    engine.add(pages[cut:], *(column[cut:] for column in hashes))

    found = engine.search(phash ^ query[1], dhash, tolerance, bound=None)
    assert found == by_numpy(columns, phash ^ query[1], dhash, tolerance)


@pytest.mark.skipif(not COMPILED, reason="plain Python takes too long")
@pytest.mark.parametrize("flips", [2, 8, 64])
def test_a_hundred_thousand_files_that_change_agree_with_numpy(kind: Build, flips: int) -> None:
    pages, phash, dhash = crowd(flips, 50_000, flips, copies=2)
    engine = kind(pages, phash, dhash)
    engine.add(pages[::7], phash[::7], dhash[::-1][::7])
    engine.hide(pages[::11])

    dhash[::7] = dhash[::-1][::7].copy()
    kept = np.arange(len(pages)) % 11 != 0
    assert len(engine) == kept.sum()
    assert_agrees_with_numpy(engine, (pages[kept], phash[kept], dhash[kept]))
    scan, queries = (
        build("scan", pages[kept], phash[kept], dhash[kept]),
        (phash[:30] ^ np.uint64(5), dhash[:30]),
    )
    for tolerance in TOLERANCES:
        for bound in (None, 20):
            many = engine.search_many(*queries, tolerance=tolerance, first=7, bound=bound)
            assert many == scan.search_many(*queries, tolerance=tolerance, first=7, bound=bound)


def test_hundreds_of_thousands_of_equal_hashes_are_counted(kind: Build) -> None:
    count = 400_000 if COMPILED else 4000
    page_id = np.random.default_rng(1).permutation(count) - 7
    phash = np.full(count, 1 << 63, np.uint64)
    phash[page_id == 0] ^= np.uint64(3)
    engine = kind(page_id, phash, np.zeros(count, np.uint64))

    found = engine.search(1 << 63, 0, Tolerance(8, 8), first=100)
    assert found.listed == [(page, 0, 0) for page in range(-7, 94) if page != 0]
    assert (found.total, found.truncated) == (count, False)

    found = engine.search(1 << 63, 0, WIDE, first=3, after=(0, count - 10), bound=1)
    assert found == ([(count - 9, 0, 0), (count - 8, 0, 0)], count - 1, True)


class Machine(RuleBasedStateMachine):
    """An engine and a dict, changed alike."""

    def __init__(self, kind: Build) -> None:
        super().__init__()
        self.kind = kind
        self.ever: list[int] = [0]

    @initialize(files=st.dictionaries(pages, pairs, max_size=40))
    def build(self, files: Files) -> None:
        self.engine = self.kind(*to_arrays(files))
        self.files = files
        self.ever += files

    @rule(batch=st.lists(st.tuples(pages, hashes, hashes), max_size=40))
    def add(self, batch: list[tuple[int, int, int]]) -> None:
        page_id = np.array([page for page, _, _ in batch], np.int64)
        columns = (np.array([row[place] for row in batch], np.uint64) for place in (1, 2))
        self.engine.add(page_id, *columns)
        self.files |= {page: (phash, dhash) for page, phash, dhash in batch}
        self.ever += page_id.tolist()

    @rule(data=st.data())
    def add_again(self, data: st.DataObject) -> None:
        for page in data.draw(st.lists(st.sampled_from(self.ever), max_size=5)):
            pair = self.files.get(page, (FULL, 1))
            self.engine.add(np.array([page]), *(np.array([value], np.uint64) for value in pair))
            self.files[page] = pair

    @rule(data=st.data(), unknown=st.lists(pages, max_size=3))
    def hide(self, data: st.DataObject, unknown: list[int]) -> None:
        hidden = unknown + data.draw(st.lists(st.sampled_from(self.ever), max_size=10))
        self.engine.hide(np.array(hidden, np.int64))
        for page in hidden:
            self.files.pop(page, None)

    @rule(query=pairs, tolerance=tolerances, window=windows)
    def search(self, query: tuple[int, int], tolerance: Tolerance, window: Any) -> None:
        window = {"bound": None} | window
        expected = brute_force(self.files, *query, tolerance, **window)
        assert self.engine.search(*query, tolerance, **window) == expected

    @invariant()
    def holds_the_same_files(self) -> None:
        assert self.engine.hashes([*self.ever, 2**70]) == self.files
        assert len(self.engine) == len(self.files)


def test_adding_and_hiding_agree_with_a_dict(kind: Build) -> None:
    run_state_machine_as_test(
        partial(Machine, kind),  # type: ignore[arg-type]
        settings=settings(deadline=None, max_examples=40 if COMPILED else 12, stateful_step_count=25),
    )


def test_many_queries_are_answered_in_order(kind: Build) -> None:
    engine: Engine = kind(*to_arrays({1: (0, 0), 2: (7, 7), 3: (FULL, FULL)}))
    column = np.array([FULL, 0, 7], np.uint64)

    many = engine.search_many(column, column, Tolerance(3, 3), first=1, bound=1)

    assert many == [
        engine.search(value, value, Tolerance(3, 3), first=1, bound=1) for value in column.tolist()
    ]
    assert [found.listed for found in many] == [[(3, 0, 0)], [(1, 0, 0)], [(2, 0, 0)]]
    assert engine.search_many(column[:0], column[:0], WIDE) == []


def test_unless_told_otherwise_a_search_stops_at_10_000_pairs(kind: Build) -> None:
    count = 10_001
    phash = np.arange(count, dtype=np.uint64)
    engine = kind(np.arange(count), phash, phash)

    found = engine.search(0, 0, WIDE, first=0)

    assert not found.truncated or found.total < count
    assert found.total >= 10_000
    assert found == engine.search_many(phash[:1], phash[:1], WIDE, first=0)[0]
    assert engine.search(0, 0, WIDE, first=0, bound=None) == ([], count, False)


def test_pages_beyond_64_bits_are_unknown(kind: Build) -> None:
    engine = kind(*to_arrays({2**63 - 1: (1, 2)}))

    assert engine.hashes([2**63, 2**63 - 1, -(2**63) - 1]) == {2**63 - 1: (1, 2)}
    assert engine.hashes([]) == {}


def test_pages_beyond_32_bits_are_kept_beside_the_base(kind: Build) -> None:
    pages = np.array([2**31, 2**31 - 1, -(2**31), -(2**31) - 1, 2**32 + 5, 5])
    hashes = np.arange(6, dtype=np.uint64)

    engine = kind(pages, hashes, hashes)

    assert sorted(engine._files.page_id.tolist()) == [-(2**31), 5, 2**31 - 1]
    assert len(engine) == 6
    assert engine.hashes(pages.tolist()) == {page: (row, row) for row, page in enumerate(pages.tolist())}
    assert sorted(page for page, _, _ in engine.search(0, 0, WIDE).listed) == sorted(pages.tolist())
    engine.hide(pages[:5])
    assert engine.search(0, 0, WIDE).listed == [(5, 2, 2)]


def test_the_last_of_a_page_that_is_given_twice_counts(kind: Build) -> None:
    engine = kind(np.array([2**40, 7, 2**40, 7]), *np.arange(8, dtype=np.uint64).reshape(2, 4))

    assert engine.hashes([7, 2**40]) == {7: (3, 7), 2**40: (2, 6)}
    assert len(engine) == 2


def test_a_file_comes_and_goes_in_both_layers(kind: Build) -> None:
    page, old, new = np.array([5]), np.array([1], np.uint64), np.array([2], np.uint64)
    engine = kind(page, old, old)

    def found() -> tuple[int, dict[int, tuple[int, int]], int]:
        return len(engine), engine.hashes([5]), engine.search(0, 0, WIDE).total

    for hashes in (old, new, new, old, new):
        engine.add(page, hashes, hashes)
        assert found() == (1, {5: (int(hashes[0]), int(hashes[0]))}, 1)
    engine.hide(np.array([5, 5, 6]))
    assert found() == (0, {}, 0)
    engine.add(page, old, old)
    assert found() == (1, {5: (1, 1)}, 1)
    assert engine._added.found == 0


def test_a_listing_goes_on_amid_equal_pairs(kind: Build) -> None:
    count = 1000
    engine = kind(np.arange(count), *np.zeros((2, count), np.uint64))
    engine.hide(np.arange(500, 600))

    found = engine.search(0, 0, WIDE, first=3, after=(0, 498))
    assert [page for page, _, _ in found.listed] == [499, 600, 601]
    assert engine.search(0, 0, WIDE, first=3, after=(0, 2**63 - 1)) == ([], 900, False)


def test_files_mapped_from_disk_are_searched_and_never_written_to(name: str, tmp_path: Path) -> None:
    frozen, none = ENGINES[name](*collection(3, 700, 100, 64)), np.zeros(0, np.int64)
    save(tmp_path / "saved", Snapshot(name, frozen, none, {}))
    before = {part: array.copy() for part, array in arrays_of(frozen)}
    mapped = load(tmp_path / "saved").files

    engines = Memory(name, mapped), Memory(name, frozen)
    phash, dhash = (column[:9].copy() for column in frozen.hashes)
    for engine in engines:
        engine.hide(frozen.page_id[:20].astype(np.int64))
        engine.add(frozen.page_id[:2].astype(np.int64), phash[:2], dhash[1:3])
    for tolerance in (Tolerance(0, 0), Tolerance(8, 8), WIDE):
        answers = [engine.search_many(phash, dhash, tolerance) for engine in engines]
        assert answers[0] == answers[1]
    assert [len(engine) for engine in engines] == [682, 682]
    for files in (mapped, frozen):
        assert all((array == before[part]).all() for part, array in arrays_of(files))


def test_nbytes_are_those_of_the_base(name: str) -> None:
    frozen = ENGINES[name](*collection(1, 650, 650, 64))
    engine = Memory(name, frozen)

    assert engine.nbytes == nbytes(frozen) + 8 * -(-650 // 64)
    engine.add(np.arange(9999, 10_099), *np.zeros((2, 100), np.uint64))
    assert engine.nbytes == nbytes(frozen) + 88


def test_what_was_given_is_not_kept(kind: Build) -> None:
    columns = to_arrays({1: (5, 5)})
    engine = kind(*columns)

    for column in columns:
        column[:] = 0

    assert engine.search(5, 5, Tolerance(0, 0)).listed == [(1, 0, 0)]


def changing_files(steps: int, size: int) -> list[Files]:
    """States of a collection: files are added and changed twice, then hidden, and so on."""
    rng = np.random.default_rng(7)
    states: list[Files] = [{page: (page % 16, page % 7) for page in range(0, 3 * size, 2)}]
    for step in range(steps):
        batch = rng.choice(3 * size, size, replace=False).tolist()
        if step % 3 == 2:
            states.append({page: pair for page, pair in states[-1].items() if page not in batch})
        else:
            new = rng.integers(0, 16, size).tolist()
            pairs = [(low | page % 7 << 60, step) for low, page in zip(new, batch, strict=True)]
            states.append(states[-1] | dict(zip(batch, pairs, strict=True)))
    return states


class Reader(Thread):
    """Searches again and again; each answer is to be that of a state no older than the one before."""

    def __init__(self, search: Callable[[], Any], expected: list[Any]) -> None:
        super().__init__()
        self.search, self.expected = search, expected
        self.done, self.turns = Event(), Semaphore(0)
        self.wrong: Any = None

    def run(self) -> None:
        at, last = 0, False
        while not last and self.wrong is None:
            last = self.done.is_set()
            at = len(self.expected) - 1 if last else at
            found = self.search()
            while at < len(self.expected) and found != self.expected[at]:
                at += 1
            if at == len(self.expected):
                self.wrong = found
            self.turns.release()


def test_every_answer_amid_changes_is_one_of_before_or_after(kind: Build) -> None:
    states = changing_files(*((60, 500) if COMPILED else (6, 40)))
    engine = kind(*to_arrays(states[0]))
    queries = [(3, 1, WIDE), (0, 0, Tolerance(4, 64)), (5 << 60, 7, Tolerance(64, 64, 1)), (0, 4, WIDE)]
    readers = [
        Reader(partial(engine.search, *query, bound=None), [brute_force(files, *query) for files in states])
        for query in queries
    ]

    for reader in readers:
        reader.start()
    for before, after in pairwise(states):
        readers[0].turns.acquire(timeout=10)
        gone = before.keys() - after.keys()
        if gone:
            engine.hide(np.array(sorted(gone)))
        else:
            engine.add(*to_arrays({page: pair for page, pair in after.items() if before.get(page) != pair}))
    for reader in readers:
        reader.done.set()
        reader.join(60)

    assert not any(reader.is_alive() for reader in readers)
    assert [reader.wrong for reader in readers] == [None] * len(readers)


INT, HASH = np.zeros(2, np.int64), np.zeros(2, np.uint64)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((INT.astype(np.int32), HASH, HASH), "page_id is a one-dimensional array of int64"),
        ((INT, HASH.astype(np.int64), HASH), "phash is a one-dimensional array of uint64"),
        ((INT, HASH, HASH.astype(">u8")), "dhash is a one-dimensional array of uint64"),
        ((INT.reshape(1, 2), HASH, HASH), "page_id is a one-dimensional array"),
        ((INT[:1], HASH, HASH), "one length are needed, not {'page_id': 1, 'phash': 2, 'dhash': 2}"),
        ((INT, HASH, HASH[:1]), "one length are needed"),
    ],
)
def test_wrong_arrays_are_refused(kind: Build, columns: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(*columns)
    engine = kind(INT, HASH, HASH)
    with pytest.raises(ValueError, match=message):
        engine.add(*columns)
    assert len(engine) == 1


def test_wrong_arrays_to_hide_and_to_ask_for_are_refused(kind: Build) -> None:
    engine = kind(INT, HASH, HASH)

    with pytest.raises(ValueError, match="page_id"):
        engine.hide(HASH)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="dhash"):
        engine.search_many(HASH, INT, WIDE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one length"):
        engine.search_many(HASH, HASH[:1], WIDE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"phash": -1}, "a hash is from 0"),
        ({"dhash": 2**64}, "a hash is from 0"),
        ({"tolerance": Tolerance(65, 0)}, "a tolerance is a distance from 0 to 64, not 65"),
        ({"tolerance": Tolerance(0, 0, -1)}, "a tolerance is a distance from 0 to 64, not -1"),
        ({"first": -1}, "first is how many matches to list, not -1"),
        ({"bound": 0}, "bound is at least 1, not 0"),
        ({"after": (0, 2**63)}, "a position is"),
        ({"after": (-(2**63) - 1, 0)}, "a position is"),
    ],
)
def test_wrong_arguments_are_refused(kind: Build, arguments: Any, message: str) -> None:
    engine = kind(INT, HASH, HASH)

    with pytest.raises(ValueError, match=message):
        engine.search(**{"phash": 0, "dhash": 0, "tolerance": WIDE} | arguments)


def test_numbers_of_numpy_are_taken_as_numbers(kind: Build) -> None:
    engine = kind(np.array([4]), np.array([FULL], np.uint64), np.array([1], np.uint64))

    found = engine.search(
        int(np.uint64(FULL)),
        np.uint64(0),  # type: ignore[arg-type]
        Tolerance(np.int64(1), np.uint8(1)),  # type: ignore[arg-type]
        first=np.int64(1),  # type: ignore[arg-type]
        after=(np.int64(0), np.int64(9)),  # type: ignore[arg-type]
        bound=np.int32(1),  # type: ignore[arg-type]
    )

    assert found == ([(4, 0, 1)], 1, True)


def seconds(engine: Engine, phash: int, dhash: int, tolerance: Tolerance) -> float:
    """The shortest of a row of ever longer limits within which a search is made."""
    limits = (1e-9 * 1.1**step for step in range(200))
    return next(limit for limit in limits if found_within(engine, phash, dhash, tolerance, limit))


def found_within(engine: Engine, phash: int, dhash: int, tolerance: Tolerance, limit: float) -> bool:
    try:
        found = engine.search(phash, dhash, tolerance, within=limit)
    except TimeoutError:
        return False
    assert found == engine.search(phash, dhash, tolerance)
    return True


def test_a_search_takes_the_longer_the_more_there_is_to_look_at(kind: Build) -> None:
    few, many = (kind(*crowd(5, count, 20)) for count in (100, 3000))
    for phash, dhash in ((1 << 63, 0), (0x8F3C5A96E1D20B47, 0x0123456789ABCDEF)):
        assert 0 < seconds(few, phash, dhash, Tolerance(2, 2)) <= seconds(few, phash, dhash, WIDE)
        assert seconds(few, phash, dhash, WIDE) < seconds(many, phash, dhash, WIDE) < 1

    # All of them are found, and ranked.
    assert seconds(many, 1 << 63, 0, Tolerance(64, 64)) > 3000 * answers.RANKED / 1e9

    before = seconds(few, 1 << 63, 0, Tolerance())
    _, *hashes = crowd(6, 1000, 20)
    few.add(np.arange(5000, 6000), *hashes)
    assert before < seconds(few, 1 << 63, 0, Tolerance())


def test_a_search_that_is_in_a_hurry_does_not_wait_for_what_is_being_added(kind: Build) -> None:
    engine = kind(*to_arrays({1: (2, 3)}))
    # What `add` does, for as long as is wanted here.
    with engine._lock.writing(), pytest.raises(TimeoutError, match="is being written"):
        engine.search(2, 3, Tolerance(), within=1.0)
    assert engine.search(2, 3, Tolerance(), within=1.0).total == 1


def test_many_are_answered_soon_or_none_of_them(kind: Build) -> None:
    engine = kind(*crowd(5, 3000, 20))
    queries = np.array([1 << 63, 5, 7], np.uint64), np.array([0, 5, 7], np.uint64)
    with pytest.raises(TimeoutError, match="longer than 1e-09 seconds"):
        engine.search_many(*queries, WIDE, within=1e-9)
    assert engine.search_many(*queries, WIDE, within=1.0) == engine.search_many(*queries, WIDE)
    with engine._lock.writing(), pytest.raises(TimeoutError, match="is being written"):
        engine.search_many(*queries, Tolerance(), within=1.0)
