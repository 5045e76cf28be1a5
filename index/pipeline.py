"""Files through the workers, and what comes of them to the database in short batches."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import TypeVar

from commons.pictures import Reason
from commons.workers import CrashedError
from index.hashing import Outcome

_BATCH = 100
"""Files in one transaction."""

_SECONDS = 2.0
"""After which a batch is written even if it is not full."""

_PAUSE = 0.05
"""Seconds after which to look for a job again where there was none; less where something is done before."""

_J = TypeVar("_J")


def run(
    jobs: Iterable[_J | None],
    work: Callable[[_J], Outcome[_J]],
    executor: Executor,
    write: Callable[[Sequence[Outcome[_J]]], None],
    *,
    ahead: int,
) -> None:
    """Do every job, up to ``ahead`` of them at a time, and write their outcomes batch by batch.

    None among the jobs says that there is none at the moment: what is under way goes on meanwhile, and
    is written, as an empty batch is. What was written stays written where the run is cut short.
    """
    batch: list[Outcome[_J]] = []
    begun = time.monotonic()
    try:
        for outcome in _outcomes(jobs, work, executor, ahead):
            if outcome is not None:
                batch.append(outcome)
            if len(batch) == _BATCH or time.monotonic() - begun > _SECONDS:
                write(batch)
                batch, begun = [], time.monotonic()
    except KeyboardInterrupt:
        write(batch)
        raise
    write(batch)


def _outcomes(
    jobs: Iterable[_J | None], work: Callable[[_J], Outcome[_J]], executor: Executor, ahead: int
) -> Iterator[Outcome[_J] | None]:
    """What is done, as soon as it is; None where nothing is by now."""
    running: dict[Future[Outcome[_J]], _J] = {}
    for job in jobs:
        if job is not None:
            running[executor.submit(work, job)] = job
        pause = 0.0 if job is not None else _PAUSE
        yield from _finished(running, pause if len(running) < ahead else None)
        yield None
    while running:
        yield from _finished(running, None)


def _finished(running: dict[Future[Outcome[_J]], _J], seconds: float | None) -> Iterator[Outcome[_J]]:
    """What is done by now, or first of all, in ``seconds`` at the latest."""
    for future in wait(running, seconds, FIRST_COMPLETED).done:
        yield _outcome(future, running.pop(future))


def _outcome(future: Future[Outcome[_J]], job: _J) -> Outcome[_J]:
    try:
        return future.result()
    except TimeoutError:
        return Outcome(job, reason=Reason.TIMEOUT, detail="hashing took too long")
    except CrashedError:
        return Outcome(job, reason=Reason.CRASHED, detail="the decoder crashed, or ran out of memory")
