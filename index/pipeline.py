"""Files through the workers, and what comes of them to the database in short batches."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice

from commons.pictures import Reason
from commons.workers import CrashedError
from index.hashing import Job, Outcome

_BATCH = 100
"""Files in one transaction."""

_SECONDS = 2.0
"""After which a batch is written even if it is not full."""


def run(
    jobs: Iterable[Job],
    work: Callable[[Job], Outcome],
    executor: Executor,
    write: Callable[[Sequence[Outcome]], None],
    *,
    ahead: int,
) -> None:
    """Do every job, up to ``ahead`` of them at a time, and write their outcomes batch by batch.

    What was written stays written where the run is cut short.
    """
    batch: list[Outcome] = []
    begun = time.monotonic()
    try:
        for outcome in _outcomes(iter(jobs), work, executor, ahead):
            batch.append(outcome)
            if len(batch) == _BATCH or time.monotonic() - begun > _SECONDS:
                write(batch)
                batch, begun = [], time.monotonic()
    except KeyboardInterrupt:
        write(batch)
        raise
    write(batch)


def _outcomes(
    jobs: Iterator[Job], work: Callable[[Job], Outcome], executor: Executor, ahead: int
) -> Iterator[Outcome]:
    running = {executor.submit(work, job): job for job in islice(jobs, ahead)}
    while running:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield _outcome(future, running.pop(future))
            running.update({executor.submit(work, job): job for job in islice(jobs, 1)})


def _outcome(future: Future[Outcome], job: Job) -> Outcome:
    try:
        return future.result()
    except TimeoutError:
        return Outcome(job, reason=Reason.TIMEOUT, detail="hashing took too long")
    except CrashedError:
        return Outcome(job, reason=Reason.CRASHED, detail="the decoder crashed, or ran out of memory")
