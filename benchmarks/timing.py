"""How long questions take, measured by turns.

All contestants are asked a few questions each, then all of them the next few, and so on, in several rounds.
Whatever else the machine does meanwhile hits all of them alike. Of the times that a question took in the
rounds, the median counts.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.tasks import Task
from benchmarks.workers import Worker

ROUNDS = 3
TURNS = 5
"""Turns that each contestant has in a round."""

TURN = 3
"""Questions of a turn, at least: where there are too few, some turns are left out."""

TRIES = 10
"""Questions by which it is told beforehand how long they take, unless the first takes long."""

LONG = 0.05
"""Seconds that are long."""

ENOUGH = 50
"""Questions from which on the 99th percentile is told."""


class Latency(NamedTuple):
    """Seconds per question: the median over the questions, and the 99th percentile if they were enough."""

    p50: float
    p99: float | None
    questions: int


Latencies = Mapping[tuple[str, Task], Latency]
"""By the name of a contestant and the task."""


def measure(
    workers: Sequence[Worker],
    tasks: Sequence[Task],
    queries: int,
    seconds: float,
    report: Callable[[str], None],
) -> dict[tuple[str, Task], Latency]:
    """Time these tasks of every contestant, for about so many seconds each.

    The sample has ``queries`` queries; ``report`` is told each task.
    """
    latencies = {}
    for task in tasks:
        takers = [worker for worker in workers if task in worker.contestant.tasks]
        if takers and queries >= task.size:
            report(str(task))
            for worker, times in zip(
                takers, _times(takers, task, queries // task.size, seconds), strict=True
            ):
                latencies[worker.name, task] = latency(times)
    return latencies


def latency(times: NDArray[np.float64]) -> Latency:
    """Sum up times of float64[rounds, questions]."""
    seconds = np.median(times, axis=0)
    p99 = float(np.quantile(seconds, 0.99)) if len(seconds) >= ENOUGH else None
    return Latency(float(np.median(seconds)), p99, len(seconds))


def _times(
    workers: Sequence[Worker], task: Task, available: int, seconds: float
) -> list[NDArray[np.float64]]:
    counts = [_questions(worker, task, available, seconds) for worker in workers]
    times = [np.empty((ROUNDS, count)) for count in counts]
    for turn in range(ROUNDS * TURNS):
        number, part = divmod(turn, TURNS)
        for place in _rotated(len(workers), turn):
            turns = max(1, min(TURNS, counts[place] // TURN))
            start, stop = (counts[place] * min(edge, turns) // turns for edge in (part, part + 1))
            if stop > start:
                times[place][number, start:stop] = workers[place].time(task, start, stop)
    return times


def _questions(worker: Worker, task: Task, available: int, seconds: float) -> int:
    """How many questions fit in the time."""
    each = float(worker.time(task, 0, 1)[0])
    if each < LONG:
        each = float(worker.time(task, 0, min(TRIES, available)).mean())
    least = worker.contestant.least if task.size == 1 else TURNS
    return min(available, max(least, int(seconds / ROUNDS / each)))


def _rotated(count: int, turn: int) -> list[int]:
    return [(place + turn) % count for place in range(count)]
