"""A contestant has a process of its own, whose end is told and does not end the run."""

import os

import pytest

from benchmarks.contestants import NumpyScan
from benchmarks.hashes import Sample
from benchmarks.tasks import NEAR, Near
from benchmarks.workers import ContestantError, Worker
from bktree.protocol import Hashes


class Dying(NumpyScan):
    """Ends its process when asked, as the kernel does where memory is short."""

    name = "dying"

    def found(self, task: object, phash: Hashes, dhash: Hashes) -> list[object]:  # type: ignore[override]
        os._exit(9)


class Holding(NumpyScan):
    """Does not know what it holds: 50 MB."""

    name = "holding"

    def build(self, sample: Sample) -> None:
        super().build(sample)
        self.held = bytearray(50_000_000)
        self.held[::4096] = b"1" * len(self.held[::4096])

    def nbytes(self) -> None:  # type: ignore[override]
        return None


def test_it_builds_answers_and_is_timed(sample: Sample) -> None:
    worker = Worker(NumpyScan(), sample.head(5000))
    try:
        assert worker.build().nbytes == 5000 * 16
        (answer,) = worker.found(Near(0, 64), sample.query_phash[:1], sample.query_dhash[:1])
        assert len(answer) == 5000
        seconds = worker.time(NEAR[0], 10, 15)
        assert seconds.shape == (5,)
        assert (seconds > 0).all()
    finally:
        worker.close()


def test_a_process_that_ends_is_told(sample: Sample) -> None:
    worker = Worker(Dying(), sample)
    try:
        worker.build()
        with pytest.raises(ContestantError, match="ended with code 9"):
            worker.found(NEAR[0], sample.query_phash[:1], sample.query_dhash[:1])
    finally:
        worker.close()


def test_what_goes_wrong_in_it_is_told(sample: Sample) -> None:
    worker = Worker(NumpyScan(), sample)
    try:
        with pytest.raises(ContestantError, match=r"AttributeError: .* has no attribute 'sample'"):
            worker.found(NEAR[0], sample.query_phash[:1], sample.query_dhash[:1])
    finally:
        worker.close()


def test_memory_is_what_the_process_grew_by(sample: Sample) -> None:
    worker = Worker(Holding(), sample)
    try:
        assert 50_000_000 < worker.build().nbytes < 60_000_000
    finally:
        worker.close()
