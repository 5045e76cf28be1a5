"""What the engines have to reach at 14 and at 100 million files, and whether they did in a run."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks.contestants import BK_TREE, MULTI_INDEX, SCAN, FaissFlat, FaissMultiHash, PyBKTree
from benchmarks.run import Result
from benchmarks.tasks import DEFAULT, DEFAULT_MANY, KIND_NAMES, KINDS, MANY, NEAR_AT_ONCE, RADII, Near, Task

FLAT, MULTI_HASH, PYBKTREE = FaissFlat().name, FaissMultiHash().name, PyBKTree().name

HUNDRED_MILLION = 100_000_000

BYTES = {MULTI_INDEX: (52, 47), BK_TREE: (38, 37)}
"""Bytes that an engine may take for a file: below 100 million files, and from there on."""

BUILD_SECONDS = 60
PAIRS_PER_SECOND = 10_000


class Target(NamedTuple):
    """What had to be reached, what was, and whether that is enough; None where it could not be told."""

    what: str
    must: str
    reached: str
    kept: bool | None


Asked = tuple[str, Task]
"""A contestant, by its name, and what it was asked."""


def targets(results: Sequence[Result]) -> list[Target]:
    """Tell of every target from the results of one run, the first of all files and the last of a million."""
    return [*_speed(results[0], results[-1]), *_scan(results[0]), *_memory(results[0]), *_large(results[0])]


def _speed(all_files: Result, million: Result) -> Iterator[Target]:
    index, tree = MULTI_INDEX, BK_TREE
    yield _faster("multi-index, r = 8, p50", 100, all_files, [_near(FLAT, index, kind, 8) for kind in KINDS])
    yield _faster(
        "multi-index, r = 8, p50", 20, all_files, [_near(MULTI_HASH, index, kind, 8) for kind in KINDS]
    )
    slow = [_near(FLAT, index, kind, 8) for kind in KINDS]
    yield _faster("multi-index, r = 8, p99", 30, all_files, slow, tail=True)
    by_one = [((FLAT, Near(kind, 8)), (index, DEFAULT)) for kind in KINDS]
    yield _faster("multi-index, default tolerance over both hashes, p50", 100, all_files, by_one)
    for radius, times in ((2, 40), (4, 4)):
        pairs = [_near(FLAT, tree, kind, radius) for kind in KINDS]
        yield _faster(f"BK-tree, r = {radius}, p50", times, all_files, pairs)
    for radius in (2, 4):
        pairs = [_near(PYBKTREE, tree, kind, radius) for kind in KINDS]
        yield _faster(f"BK-tree of {million.files:,} files, r = {radius}, p50", 100, million, pairs)
    yield _rate(all_files)


def _scan(result: Result) -> Iterator[Target]:
    pairs = [_near(FLAT, SCAN, kind, radius) for kind in KINDS for radius in RADII]
    yield _faster("scan, every radius, p50", 1, result, pairs)
    # Flat is taken as it is faster, many at once or one by one.
    at_once: list[tuple[Asked, Asked]] = [
        ((FLAT, rival), (SCAN, task))
        for task in NEAR_AT_ONCE
        for rival in (task, Near(task.kind, task.radius))
    ]
    yield _faster("scan, 64 queries at once, r = 8", 4, result, at_once)


def _near(slow: str, fast: str, kind: int, radius: int) -> tuple[Asked, Asked]:
    return (slow, Near(kind, radius)), (fast, Near(kind, radius))


def _faster(
    what: str, times: float, result: Result, pairs: Sequence[tuple[Asked, Asked]], *, tail: bool = False
) -> Target:
    """Compare a peer and an engine in all these pairs of questions; the least of the ratios counts."""
    must = f"{times:g}× faster than {pairs[0][0][0]}" if times > 1 else f"not slower than {pairs[0][0][0]}"
    ratios: dict[str, float] = {}
    for slow, fast in pairs:
        seconds = [_seconds(result, asked, tail=tail) for asked in (slow, fast)]
        if seconds[0] is None or seconds[1] is None:
            return Target(what, must, "not measured", None)
        kind = KIND_NAMES[slow[1].kind] if isinstance(slow[1], Near) else ""
        ratios[kind] = min(ratios.get(kind, float("inf")), seconds[0] / seconds[1])
    reached = ", ".join(f"{kind} {_times(ratio)}" for kind, ratio in ratios.items())
    return Target(what, must, reached, min(ratios.values()) >= times)


def _seconds(result: Result, asked: Asked, *, tail: bool) -> float | None:
    """Seconds per query."""
    latency = result.latencies.get(asked)
    seconds = latency and (latency.p99 if tail else latency.p50)
    return None if seconds is None else seconds / asked[1].size


def _times(ratio: float) -> str:
    return f"{ratio:.0f}×" if ratio >= 10 else f"{ratio:.2g}×"  # noqa: PLR2004


def _rate(result: Result) -> Target:
    what, must = f"multi-index, {MANY:,} pairs at once, default tolerance", f"{PAIRS_PER_SECOND:,} pairs/s"
    seconds = _seconds(result, (MULTI_INDEX, DEFAULT_MANY), tail=False)
    if seconds is None:
        return Target(what, must, "not measured", None)
    return Target(what, must, f"{1 / seconds:,.0f} pairs/s", 1 / seconds >= PAIRS_PER_SECOND)


def _memory(result: Result) -> Iterator[Target]:
    for name, limits in BYTES.items():
        most = limits[result.files >= HUNDRED_MILLION]
        each = result.built[name].nbytes / result.files
        yield Target(f"{name}, memory", f"{most} B a file", f"{each:.1f} B a file", each <= most)


def _large(result: Result) -> Iterator[Target]:
    if result.files < HUNDRED_MILLION:
        return
    seconds = result.built[MULTI_INDEX].seconds
    yield Target("multi-index, build", f"{BUILD_SECONDS} s", f"{seconds:.0f} s", seconds <= BUILD_SECONDS)
    pairs = [_near(FLAT, MULTI_INDEX, kind, 8) for kind in KINDS]
    yield _faster("multi-index, r = 8, p50", 150, result, pairs)
