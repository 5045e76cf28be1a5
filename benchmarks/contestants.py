"""What the benchmark can measure: the engines, and their peers in Python.

A contestant is built in a process of its own (`benchmarks.workers`). Its library is imported only
there, so that one that is not installed is left out and the others are measured all the same.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.hashes import Sample
from benchmarks.tasks import KINDS, NEAR, NEAR_AT_ONCE, NEAREST, TASKS, Both, Near, Nearest, Task
from bktree import engines
from bktree.protocol import BITS, Hashes, Tolerance

Answer = NDArray[np.int64]
"""Page ids with the distance of the hash asked for, or with those of both: int64[n, 2 or 3]."""

LISTED = 100
"""Matches that an engine lists when it is timed. All are found and counted."""


class Contestant(ABC):
    """Something that finds files by their hashes, with one thread once it is built."""

    name: str
    tasks: tuple[Task, ...] = TASKS
    """What it can do."""

    least: int = 20
    """Questions that each task is timed with at least, however long they take, unless of many queries."""

    checked: int = 12
    """Questions of each task by which it is checked."""

    note: str = ""
    """What a reader has to know to compare it."""

    def prepare(self) -> None:  # noqa: B027  (most need nothing)
        """Import and compile what is needed. Raises ImportError where a library is not installed."""

    @abstractmethod
    def build(self, sample: Sample) -> None:
        """Index the files; how long it takes is measured."""

    @abstractmethod
    def ask(self, task: Task, phash: Hashes, dhash: Hashes) -> Any:
        """Answer ``task.size`` queries; how long it takes is measured."""

    @abstractmethod
    def found(self, task: Task, phash: Hashes, dhash: Hashes) -> list[Answer]:
        """Answer queries completely, in any order within each answer; not measured."""

    def nbytes(self) -> int | None:
        """The memory it holds, for both hashes of all files; None if it does not know."""
        return None

    def close(self) -> None:  # noqa: B027  (most start nothing)
        """Stop what was started."""


def with_distances(sample: Sample, rows: NDArray[np.int64], task: Task, phash: int, dhash: int) -> Answer:
    """The answer that consists of these rows."""
    to_phash = np.bitwise_count(sample.phash[rows] ^ np.uint64(phash))
    to_dhash = np.bitwise_count(sample.dhash[rows] ^ np.uint64(dhash))
    distances = [to_phash, to_dhash] if isinstance(task, Both) else [(to_phash, to_dhash)[task.kind]]
    return np.column_stack([sample.page_id[rows], *distances]).astype(np.int64)


class RowFinder(Contestant):
    """A contestant that answers one query with the numbers of rows."""

    sample: Sample

    def build(self, sample: Sample) -> None:
        """Keep the files as they are."""
        self.sample = sample

    @abstractmethod
    def rows(self, task: Task, phash: int, dhash: int) -> NDArray[np.int64]:
        """Find the rows that match."""

    def ask(self, task: Task, phash: Hashes, dhash: Hashes) -> Any:
        """Answer the queries one after the other."""
        return [self.rows(task, *query) for query in zip(phash.tolist(), dhash.tolist(), strict=True)]

    def found(self, task: Task, phash: Hashes, dhash: Hashes) -> list[Answer]:
        """Answer queries with rows, and look up the rest."""
        queries = list(zip(phash.tolist(), dhash.tolist(), strict=True))
        return [with_distances(self.sample, self.rows(task, *query), task, *query) for query in queries]


class Engine(Contestant):
    """One of `bktree.engines.ENGINES`."""

    tasks = tuple(task for task in TASKS if not isinstance(task, Nearest))

    def __init__(self, name: str) -> None:
        self.name = name
        self._engine: Any = None

    def prepare(self) -> None:
        """Compile the kernels, or load them."""
        engines.compile_kernels()

    def build(self, sample: Sample) -> None:
        """Build it from arrays in memory."""
        self._engine = engines.build(self.name, np.array(sample.page_id), sample.phash, sample.dhash)

    def ask(self, task: Task, phash: Hashes, dhash: Hashes) -> Any:
        """Find and count all, and list the first."""
        tolerance = _tolerance(task)
        if task.size == 1:
            return self._engine.search(int(phash[0]), int(dhash[0]), tolerance, first=LISTED, bound=None)
        return self._engine.search_many(phash, dhash, tolerance, first=LISTED, bound=None)

    def found(self, task: Task, phash: Hashes, dhash: Hashes) -> list[Answer]:
        """List all."""
        tolerance = _tolerance(task)
        if task.size == 1:
            queries = zip(phash.tolist(), dhash.tolist(), strict=True)
            answers = [self._engine.search(*query, tolerance, bound=None) for query in queries]
        else:
            answers = self._engine.search_many(phash, dhash, tolerance, bound=None)
        columns = [0, 1, 2] if isinstance(task, Both) else [0, 1 + task.kind]
        return [np.array(answer.listed, np.int64).reshape(-1, 3)[:, columns] for answer in answers]

    def nbytes(self) -> int | None:
        """What the engine says."""
        return getattr(self._engine, "nbytes", None)


def _tolerance(task: Task) -> Tolerance:
    if isinstance(task, Nearest):
        raise TypeError("engines answer by distance, not by number")
    return task.tolerance


MULTI_INDEX, BK_TREE, SCAN = "multi-index", "bktree", "scan"
"""Names of engines that there are targets for."""

ENGINES = tuple(Engine(name) for name in engines.ENGINES)


class NumpyScan(RowFinder):
    """Numpy's ``bitwise_count`` over all hashes, a part that the processor's cache can hold at a time."""

    name = "numpy scan"
    tasks = tuple(task for task in TASKS if task.size == 1)
    part = 1 << 15

    def __init__(self) -> None:
        self._differing = np.empty(self.part, np.uint64)

    def rows(self, task: Task, phash: int, dhash: int) -> NDArray[np.int64]:
        """Find the rows that match, or the nearest and all that are as near as the last of them."""
        if isinstance(task, Nearest):
            return self._nearest(task, (phash, dhash)[task.kind])
        found = []
        for start in range(0, len(self.sample.phash), self.part):
            if isinstance(task, Near):
                hit = self._distances(task.kind, start, (phash, dhash)[task.kind]) <= task.radius
            else:
                hit = self._within(task.tolerance, start, phash, dhash)
            found.append(np.flatnonzero(hit) + start)
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def nbytes(self) -> int:
        """Both hashes alone."""
        return self.sample.phash.nbytes + self.sample.dhash.nbytes

    def _distances(self, kind: int, start: int, query: int) -> NDArray[np.uint8]:
        hashes = (self.sample.phash, self.sample.dhash)[kind][start : start + self.part]
        differing = np.bitwise_xor(hashes, np.uint64(query), out=self._differing[: len(hashes)])
        return np.bitwise_count(differing)

    def _within(self, tolerance: Tolerance, start: int, phash: int, dhash: int) -> NDArray[np.bool_]:
        near, beside = (self._distances(kind, start, (phash, dhash)[kind]) for kind in KINDS)
        hit: NDArray[np.bool_] = (near <= tolerance.phash) & (beside <= tolerance.dhash)
        if tolerance.closest is not None:
            hit &= np.minimum(near, beside) <= tolerance.closest
        return hit

    def _nearest(self, task: Nearest, query: int) -> NDArray[np.int64]:
        starts = range(0, len(self.sample.phash), self.part)
        distances = np.concatenate([self._distances(task.kind, start, query) for start in starts])
        reach = np.searchsorted(np.cumsum(np.bincount(distances, minlength=BITS + 1)), task.count)
        return np.flatnonzero(distances <= reach)


class PyBKTree(Contestant):
    """pybktree: a BK-tree of Python objects, here one for each distinct hash, in the order they come."""

    name = "pybktree"
    tasks = NEAR
    least = 3
    checked = 4

    def prepare(self) -> None:
        """Import pybktree."""
        import pybktree  # noqa: PLC0415

        self._tree = pybktree.BKTree

    def build(self, sample: Sample) -> None:
        """Grow a tree of each kind, hash by hash."""

        def distance(a: int, b: int) -> int:
            return (a ^ b).bit_count()

        self._page_id = sample.page_id
        self._rows, self._sorted, self._trees = [], [], []
        for hashes in (sample.phash, sample.dhash):
            order = np.argsort(hashes, kind="stable")
            distinct, first = np.unique(hashes, return_index=True)
            self._rows.append(order)
            self._sorted.append(hashes[order])
            self._trees.append(self._tree(distance, distinct[np.argsort(first)].tolist()))

    def ask(self, task: Task, phash: Hashes, dhash: Hashes) -> list[tuple[int, int]]:
        """Find distances and hashes."""
        if not isinstance(task, Near):
            raise TypeError(f"pybktree cannot do {task}")
        query = int((phash, dhash)[task.kind][0])
        found: list[tuple[int, int]] = self._trees[task.kind].find(query, task.radius)
        return found

    def found(self, task: Task, phash: Hashes, dhash: Hashes) -> list[Answer]:
        """Find the pages of the hashes."""
        ones = (slice(place, place + 1) for place in range(len(phash)))
        return [self._pages(task, self.ask(task, phash[one], dhash[one])) for one in ones]

    def _pages(self, task: Task, found: list[tuple[int, int]]) -> Answer:
        if not isinstance(task, Near) or not found:
            return np.zeros((0, 2), np.int64)
        distance, value = np.array(found, np.uint64).T
        start, stop = (np.searchsorted(self._sorted[task.kind], value, side) for side in ("left", "right"))
        rows = np.concatenate([self._rows[task.kind][slice(*span)] for span in zip(start, stop, strict=True)])
        return np.column_stack([self._page_id[rows], np.repeat(distance, stop - start)]).astype(np.int64)


def octets(hashes: Hashes) -> NDArray[np.uint8]:
    """Hashes as faiss and usearch take them: uint8[n, 8]."""
    return np.ascontiguousarray(hashes).view(np.uint8).reshape(-1, BITS // 8)


class Faiss(Contestant):
    """An index of faiss over each hash."""

    tasks: tuple[Task, ...] = NEAR

    def prepare(self) -> None:
        """Import faiss, and have it use one thread."""
        import faiss  # noqa: PLC0415

        faiss.omp_set_num_threads(1)
        self._faiss: Any = faiss

    def build(self, sample: Sample) -> None:
        """Make an index of each kind that is asked for."""
        self._page_id = sample.page_id
        kinds = {task.kind for task in self.tasks if not isinstance(task, Both)}
        self._indexes = {kind: self._index() for kind in kinds}
        for kind, index in self._indexes.items():
            index.add(octets((sample.phash, sample.dhash)[kind]))

    @abstractmethod
    def _index(self) -> Any:
        """Make an empty index."""

    def _set(self, index: Any, radius: int) -> None:
        """Prepare for a radius."""

    def ask(self, task: Task, phash: Hashes, dhash: Hashes) -> Any:
        """Find rows and distances."""
        if isinstance(task, Both):
            raise TypeError(f"{self.name} knows one hash at a time")
        index, queries = self._indexes[task.kind], octets((phash, dhash)[task.kind])
        if isinstance(task, Nearest):
            return index.search(queries, task.count)
        self._set(index, task.radius)
        # faiss finds what is nearer than the radius given.
        return index.range_search(queries, task.radius + 1)

    def found(self, task: Task, phash: Hashes, dhash: Hashes) -> list[Answer]:
        """Look up the page ids of the rows."""
        if isinstance(task, Nearest):
            distances, rows = self.ask(task, phash, dhash)
            parts = zip(distances, rows, strict=True)
        else:
            limits, distances, rows = self.ask(task, phash, dhash)
            edges = limits[1:-1].astype(np.int64)
            parts = zip(np.split(distances, edges), np.split(rows, edges), strict=True)
        return [np.column_stack([self._page_id[row], part]).astype(np.int64) for part, row in parts]


class FaissFlat(Faiss):
    """faiss' compiled scan: the yardstick."""

    name = "faiss IndexBinaryFlat"
    tasks = (*NEAR, *NEAR_AT_ONCE, *NEAREST)
    least = 60

    def _index(self) -> Any:
        return self._faiss.IndexBinaryFlat(BITS)


class FaissMultiHash(Faiss):
    """faiss' multi-index hashing, set to find all."""

    tables = 3

    def __init__(self, kinds: tuple[int, ...] = KINDS) -> None:
        self.name = f"faiss IndexBinaryMultiHash {self.tables}×{BITS // self.tables}"
        self.tasks = tuple(task for task in NEAR if task.kind in kinds)
        self.note = "" if kinds == KINDS else "over phash alone, as memory is short"

    def _index(self) -> Any:
        return self._faiss.IndexBinaryMultiHash(BITS, self.tables, BITS // self.tables)

    def _set(self, index: Any, radius: int) -> None:
        # Of so many parts of a hash within the radius, one has at most this many of the bits that differ.
        index.nflip = radius // self.tables


class Usearch(RowFinder):
    """usearch's exact search, which finds the nearest so many instead of all within a radius."""

    name = "usearch exact search"
    tasks = NEAREST
    least = 3
    checked = 3
    note = "finds the 10 nearest"

    def prepare(self) -> None:
        """Import usearch."""
        from usearch.index import MetricKind, search  # noqa: PLC0415

        self._search, self._hamming = search, MetricKind.Hamming

    def build(self, sample: Sample) -> None:
        """Keep the files as they are: the search is over plain arrays."""
        super().build(sample)
        self._octets = octets(sample.phash), octets(sample.dhash)

    def rows(self, task: Task, phash: int, dhash: int) -> NDArray[np.int64]:
        """Find the nearest rows."""
        if not isinstance(task, Nearest):
            raise TypeError(f"usearch cannot do {task}")
        query = octets(np.array([(phash, dhash)[task.kind]], np.uint64))[0]
        data = self._octets[task.kind]
        found = self._search(data, query, task.count, self._hamming, exact=True, threads=1, dtype="b1")
        return np.asarray(found.keys).astype(np.int64)

    def nbytes(self) -> int:
        """Both hashes alone."""
        return self.sample.phash.nbytes + self.sample.dhash.nbytes
