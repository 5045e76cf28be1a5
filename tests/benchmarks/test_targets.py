"""Every target of the engines is told from the figures of a run."""

import dataclasses

import pytest

from benchmarks.contestants import BK_TREE, MULTI_INDEX, SCAN
from benchmarks.run import Result
from benchmarks.targets import FLAT, MULTI_HASH, PYBKTREE, targets
from benchmarks.tasks import DEFAULT_MANY, DHASH, MANY, TASKS, Near, Task
from benchmarks.timing import Latency
from benchmarks.workers import Built

MILLISECONDS = {MULTI_INDEX: 0.1, BK_TREE: 0.2, SCAN: 5, FLAT: 20, MULTI_HASH: 4, PYBKTREE: 30}


def result(files: int, *, tail: float = 1.5, built: Built | None = None) -> Result:
    latencies = {
        (name, task): latency(each, tail, task) for name, each in MILLISECONDS.items() for task in TASKS
    }
    names = dict.fromkeys(MILLISECONDS, built or Built(20, 36 * files))
    return Result(files, names, latencies, {}, {}, 1)


def latency(milliseconds: float, tail: float, task: Task) -> Latency:
    seconds = (
        milliseconds / 1000 * task.size ** (0.9 if dataclasses.asdict(task).get("size", 1) == MANY else 1)
    )
    return Latency(seconds, seconds * tail, 100)


def test_all_are_reached() -> None:
    told = targets([result(14_000_000), result(1_000_000)])
    assert [(target.what, target.reached) for target in told if not target.kept] == []
    assert len(told) == 13
    assert "200×" in told[0].reached


def test_the_worse_of_both_hashes_counts() -> None:
    slow = result(14_000_000)
    slow.latencies[MULTI_INDEX, Near(DHASH, 8)] = Latency(0.001, 0.001, 100)
    first, *_ = targets([slow, result(1_000_000)])
    assert first.kept is False
    assert first.reached == "phash 200×, dhash 20×"


def test_many_at_once_are_a_rate() -> None:
    slow = result(14_000_000)
    slow.latencies[MULTI_INDEX, DEFAULT_MANY] = Latency(0.5, None, 1)
    (rate,) = (target for target in targets([slow, result(1_000_000)]) if "pairs/s" in target.must)
    assert rate[2:] == ("2,000 pairs/s", False)


def test_what_was_not_measured_is_not_reached() -> None:
    some = result(14_000_000)
    for name, task in list(some.latencies):
        if name == MULTI_HASH:
            del some.latencies[name, task]
    (told,) = (target for target in targets([some, result(1_000_000)]) if MULTI_HASH in target.must)
    assert told[2:] == ("not measured", None)


@pytest.mark.parametrize(("seconds", "kept"), [(59, True), (61, False)])
def test_at_a_hundred_million_more_is_asked(seconds: float, kept: bool) -> None:
    files = 100_000_000
    told = targets([result(files, built=Built(seconds, 37 * files)), result(1_000_000)])
    assert len(told) == 15
    assert {target.what: target.kept for target in told}["multi-index, build"] is kept
    assert [target.must for target in told if "memory" in target.what] == ["47 B a file", "37 B a file"]
