import os
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from commons.pictures import Reason
from commons.workers import Workers
from index import pipeline
from index.hashing import Job, Outcome
from tests.waiting import wait_for


class Written(list[list[str]]):
    """Batches of paths, and the outcomes by path."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: dict[str, Outcome[Job]] = {}

    def __call__(self, outcomes: Sequence[Outcome[Job]]) -> None:
        self.append([outcome.job.path for outcome in outcomes])
        self.outcomes |= {outcome.job.path: outcome for outcome in outcomes}


def work(job: Job) -> Outcome[Job]:
    if job.path == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if job.path == "hanging":
        time.sleep(600)
    return Outcome(job, sha1=job.path)


def jobs(count: int) -> list[Job]:
    return [Job(str(number)) for number in range(count)]


def test_every_job_is_done_and_written_in_batches(threads: Executor) -> None:
    written = Written()
    pipeline.run(jobs(250), work, threads, written, ahead=7)
    assert [len(batch) for batch in written] == [100, 100, 50]
    assert written.outcomes == {job.path: Outcome(job, sha1=job.path) for job in jobs(250)}


def test_no_jobs(threads: Executor) -> None:
    written = Written()
    pipeline.run([], work, threads, written, ahead=7)
    assert written == [[]]


def test_a_batch_does_not_wait_for_ever(threads: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_SECONDS", 0)
    written = Written()
    pipeline.run(jobs(3), work, threads, written, ahead=1)
    assert [batch for batch in written if batch] == [["0"], ["1"], ["2"]]


def test_only_so_many_are_on_their_way() -> None:
    on_their_way = most = 0

    def taken() -> Iterator[Job]:
        nonlocal on_their_way, most
        for job in jobs(50):
            on_their_way += 1
            most = max(most, on_their_way)
            yield job

    class Counting(ThreadPoolExecutor):
        def submit(self, *args: Any) -> Future[Any]:  # type: ignore[override]
            future = super().submit(*args)
            future.add_done_callback(self.done)
            return future

        def done(self, _future: object) -> None:
            nonlocal on_their_way
            on_their_way -= 1

    with Counting(1) as executor:
        pipeline.run(taken(), work, executor, Written(), ahead=5)
    assert 2 <= most <= 5


def test_the_keyboard_ends_a_run_that_keeps_what_was_done(threads: Executor) -> None:
    written = Written()

    def interrupted() -> Iterator[Job]:
        yield from jobs(20)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pipeline.run(interrupted(), work, threads, written, ahead=2)
    assert len(written.outcomes) >= 18


def test_an_error_of_the_database_ends_a_run(threads: Executor) -> None:
    def fail(_outcomes: object) -> None:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        pipeline.run(jobs(3), work, threads, fail, ahead=2)


def test_a_worker_that_dies_or_hangs_fails_its_file_alone() -> None:
    names = [*map(str, range(10)), "killed", *map(str, range(10, 20)), "hanging", *map(str, range(20, 30))]
    written = Written()
    with Workers(2, seconds=4) as workers:
        pipeline.run([Job(name) for name in names], work, workers, written, ahead=8)
    reasons = {path: outcome.reason for path, outcome in written.outcomes.items()}
    assert reasons == dict.fromkeys(names) | {"killed": Reason.CRASHED, "hanging": Reason.TIMEOUT}
    assert all(outcome.detail for outcome in written.outcomes.values() if outcome.reason)


def test_where_there_is_no_job_at_the_moment_what_is_done_is_written(
    threads: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_SECONDS", 0.1)
    written = Written()
    end = time.monotonic() + 60

    def waiting() -> Iterator[Job | None]:
        yield from jobs(3)
        while len(written.outcomes) < 3:
            assert time.monotonic() < end
            yield None
        # Nothing is under way any more, which is no reason not to say so.
        batches = len(written)
        while len(written) == batches:
            assert time.monotonic() < end
            yield None
        yield Job("last")

    pipeline.run(waiting(), work, threads, written, ahead=8)
    assert written.outcomes.keys() == {"0", "1", "2", "last"}
    assert [] in written
    assert written[-1] == ["last"]


def test_no_job_is_taken_while_enough_are_under_way(threads: Executor) -> None:
    release = Event()
    taken = 0

    def waiting() -> Iterator[Job | None]:
        nonlocal taken
        for job in jobs(4):
            yield None
            taken += 1
            yield job

    def blocked(job: Job) -> Outcome[Job]:
        if job.path == "1":
            wait_for(lambda: taken == 2)
            release.set()
        assert release.wait(60)
        return Outcome(job)

    written = Written()
    pipeline.run(waiting(), blocked, threads, written, ahead=2)
    assert len(written.outcomes) == taken == 4
