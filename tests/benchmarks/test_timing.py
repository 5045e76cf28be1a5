"""Questions are timed by turns, as many as there is time for."""

from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import timing
from benchmarks.contestants import NumpyScan, Usearch
from benchmarks.tasks import NEAR, NEAREST, Task
from benchmarks.workers import Worker


class Metronome:
    """A worker that says how long it would have taken, and notes when it was asked."""

    def __init__(self, contestant: Any, seconds: float, asked: list[tuple[str, int, int]]) -> None:
        self.contestant, self.name = contestant, contestant.name
        self.seconds, self.asked = seconds, asked

    def time(self, task: Task, start: int, stop: int) -> NDArray[np.float64]:
        assert task in self.contestant.tasks
        self.asked.append((self.name, start, stop))
        return np.full(stop - start, self.seconds)


def measured(tasks: tuple[Task, ...], *workers: Metronome) -> dict[tuple[str, Task], timing.Latency]:
    told: list[str] = []
    latencies = timing.measure(cast("list[Worker]", workers), tasks, 1000, 3, told.append)
    assert told == [str(task) for task in tasks]
    return latencies


def test_each_has_as_many_questions_as_fit() -> None:
    asked: list[tuple[str, int, int]] = []
    fast, slow = Metronome(NumpyScan(), 0.0001, asked), Metronome(Usearch(), 2, asked)
    latencies = measured(NEAREST[:1], fast, slow)
    assert latencies["numpy scan", NEAREST[0]] == pytest.approx(timing.Latency(1e-4, 1e-4, 1000))
    assert latencies["usearch exact search", NEAREST[0]] == (2, None, Usearch.least)


def test_they_take_turns() -> None:
    asked: list[tuple[str, int, int]] = []
    first, second = Metronome(NumpyScan(), 0.01, asked), Metronome(NumpyScan(), 0.01, asked)
    second.name = "second"
    measured(NEAR[:1], first, second)
    turns = asked[4:]
    assert len(turns) == 2 * timing.ROUNDS * timing.TURNS
    for one, other in zip(turns[::2], turns[1::2], strict=True):
        assert {one[0], other[0]} == {"numpy scan", "second"}
        assert one[1:] == other[1:], "both have the same questions"
    assert {name for name, *_ in turns[::2]} == {"numpy scan", "second"}, "now one, now the other is first"


def test_the_median_of_the_rounds_counts() -> None:
    times = np.ones((3, 100))
    times[1] = 50
    times[:, 0] = 9
    assert timing.latency(times) == pytest.approx(timing.Latency(1, 1.08, 100))
    assert timing.latency(times[:, :10]).p99 is None
