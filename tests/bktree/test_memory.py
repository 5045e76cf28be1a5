"""What the engines in memory promise, checked against brute force."""

import operator
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from threading import Event, Semaphore, Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bktree.engines import ENGINES
from bktree.kernel import KERNELS
from bktree.memory import Memory
from bktree.protocol import Engine, Tolerance

COMPILED = hasattr(KERNELS[0], "py_func")
FULL = 2**64 - 1
WIDE = Tolerance(64, 64)

Files = dict[int, tuple[int, int]]
Brute = Callable[..., tuple[list[tuple[int, int, int]], int, bool]]
ToArrays = Callable[..., tuple[Any, Any, Any]]

few_bits = st.sets(st.integers(0, 63), max_size=6).map(lambda bits: sum(1 << bit for bit in bits))
near_others = st.builds(operator.xor, st.sampled_from([0, FULL, 1 << 63, 0x8F3C5A96E1D20B47]), few_bits)
hashes = near_others | st.integers(0, FULL)
pairs = st.tuples(hashes, hashes)
pages = st.integers(-10, 30) | st.integers(-(2**63), 2**63 - 1)
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
def kind(request: pytest.FixtureRequest) -> type[Memory]:
    return ENGINES[request.param]


@settings(deadline=None, max_examples=300 if COMPILED else 100)
@given(
    files=st.dictionaries(pages, pairs, max_size=50),
    query=pairs,
    tolerance=tolerances,
    window=windows,
)
def test_a_search_agrees_with_brute_force(
    kind: type[Memory],
    brute: Brute,
    arrays: ToArrays,
    files: Any,
    query: tuple[int, int],
    tolerance: Tolerance,
    window: Any,
) -> None:
    engine = kind(*arrays(files))

    window = {"bound": None} | window
    assert engine.search(*query, tolerance, **window) == brute(files, *query, tolerance, **window)
    assert len(engine) == len(files)


@settings(deadline=None, max_examples=60 if COMPILED else 8)
@given(data=st.data(), tolerance=tolerances, window=windows)
def test_real_hashes_agree_with_brute_force(
    kind: type[Memory],
    brute: Brute,
    real: Files,
    over_real: Memory,
    data: st.DataObject,
    tolerance: Tolerance,
    window: Any,
) -> None:
    page = data.draw(st.integers(-1000, len(real) - 1001))
    phash, dhash = (whole ^ data.draw(few_bits) for whole in real[page])

    window = {"bound": 1000} | window
    assert over_real.search(phash, dhash, tolerance, **window) == brute(
        real, phash, dhash, tolerance, **window
    )


@pytest.fixture(scope="module")
def over_real(kind: type[Memory], real: Files, arrays: ToArrays) -> Memory:
    return kind(*arrays(real))


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
    kind: type[Memory],
    brute: Brute,
    arrays: ToArrays,
    files: Any,
    tolerance: Tolerance,
    query: tuple[int, int],
) -> None:
    engine = kind(*arrays(files))

    windows: list[dict[str, Any]] = [
        {"bound": None},
        {"first": 10, "bound": 5},
        {"first": 10, "after": (1, 3), "bound": 100},
    ]
    for window in windows:
        assert engine.search(*query, tolerance, **window) == brute(files, *query, tolerance, **window)


def test_hundreds_of_thousands_of_equal_hashes_are_counted(kind: type[Memory]) -> None:
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

    def __init__(self, kind: type[Memory], brute: Brute, arrays: ToArrays) -> None:
        super().__init__()
        self.kind, self.brute, self.arrays = kind, brute, arrays
        self.ever: list[int] = [0]

    @initialize(files=st.dictionaries(pages, pairs, max_size=40))
    def build(self, files: Files) -> None:
        self.engine = self.kind(*self.arrays(files))
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
        expected = self.brute(self.files, *query, tolerance, **window)
        assert self.engine.search(*query, tolerance, **window) == expected

    @invariant()
    def holds_the_same_files(self) -> None:
        assert self.engine.hashes([*self.ever, 2**70]) == self.files
        assert len(self.engine) == len(self.files)


def test_adding_and_hiding_agree_with_a_dict(kind: type[Memory], brute: Brute, arrays: ToArrays) -> None:
    run_state_machine_as_test(
        partial(Machine, kind, brute, arrays),  # type: ignore[arg-type]
        settings=settings(deadline=None, max_examples=40 if COMPILED else 12, stateful_step_count=25),
    )


def test_many_queries_are_answered_in_order(kind: type[Memory], arrays: ToArrays) -> None:
    engine: Engine = kind(*arrays({1: (0, 0), 2: (7, 7), 3: (FULL, FULL)}))
    column = np.array([FULL, 0, 7], np.uint64)

    many = engine.search_many(column, column, Tolerance(3, 3), first=1, bound=1)

    assert many == [
        engine.search(value, value, Tolerance(3, 3), first=1, bound=1) for value in column.tolist()
    ]
    assert [found.listed for found in many] == [[(3, 0, 0)], [(1, 0, 0)], [(2, 0, 0)]]
    assert engine.search_many(column[:0], column[:0], WIDE) == []


def test_unless_told_otherwise_a_search_stops_at_10_000_pairs(kind: type[Memory]) -> None:
    count = 10_001
    phash = np.arange(count, dtype=np.uint64)
    engine = kind(np.arange(count), phash, phash)

    found = engine.search(0, 0, WIDE, first=0)

    assert not found.truncated or found.total < count
    assert found.total >= 10_000
    assert found == engine.search_many(phash[:1], phash[:1], WIDE, first=0)[0]
    assert engine.search(0, 0, WIDE, first=0, bound=None) == ([], count, False)


def test_pages_beyond_64_bits_are_unknown(kind: type[Memory], arrays: ToArrays) -> None:
    engine = kind(*arrays({2**63 - 1: (1, 2)}))

    assert engine.hashes([2**63, 2**63 - 1, -(2**63) - 1]) == {2**63 - 1: (1, 2)}
    assert engine.hashes([]) == {}


def test_what_was_given_is_not_kept(kind: type[Memory], arrays: ToArrays) -> None:
    columns = arrays({1: (5, 5)})
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


def test_every_answer_amid_changes_is_one_of_before_or_after(
    kind: type[Memory], brute: Brute, arrays: ToArrays
) -> None:
    states = changing_files(*((60, 500) if COMPILED else (6, 40)))
    engine = kind(*arrays(states[0]))
    queries = [(3, 1, WIDE), (0, 0, Tolerance(4, 64)), (5 << 60, 7, Tolerance(64, 64, 1)), (0, 4, WIDE)]
    readers = [
        Reader(partial(engine.search, *query, bound=None), [brute(files, *query) for files in states])
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
            engine.add(*arrays({page: pair for page, pair in after.items() if before.get(page) != pair}))
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
def test_wrong_arrays_are_refused(kind: type[Memory], columns: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(*columns)
    engine = kind(INT, HASH, HASH)
    with pytest.raises(ValueError, match=message):
        engine.add(*columns)
    assert len(engine) == 1


def test_wrong_arrays_to_hide_and_to_ask_for_are_refused(kind: type[Memory]) -> None:
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
def test_wrong_arguments_are_refused(kind: type[Memory], arguments: Any, message: str) -> None:
    engine = kind(INT, HASH, HASH)

    with pytest.raises(ValueError, match=message):
        engine.search(**{"phash": 0, "dhash": 0, "tolerance": WIDE} | arguments)


def test_numbers_of_numpy_are_taken_as_numbers(kind: type[Memory]) -> None:
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
