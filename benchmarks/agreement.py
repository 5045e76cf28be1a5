"""Whether contestants find the same files: checked before any of them is timed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.contestants import Answer
from benchmarks.hashes import SOLID, Pair, Sample
from benchmarks.tasks import Nearest, Task
from benchmarks.workers import Worker


class DisagreementError(Exception):
    """A contestant found other files than the reference did."""


def check(workers: Sequence[Worker], tasks: Sequence[Task], sample: Sample) -> int:
    """Compare all answers with those of the first worker; give back how many were compared.

    Raises DisagreementError.
    """
    reference, *others = workers
    compared = 0
    for task in tasks:
        takers = [worker for worker in others if task in worker.contestant.tasks]
        if not takers:
            continue
        most = max(worker.contestant.checked for worker in takers)
        expected = reference.found(replace(task, size=1), *_queries(sample, most))
        for worker in takers:
            count = min(worker.contestant.checked, len(expected))
            queries = _queries(sample, max(count, task.size))
            answers = worker.found(task, *queries)
            for place in range(count):
                differing = difference(task, expected[place], answers[place])
                if differing:
                    raise DisagreementError(
                        f"{worker.name} and {reference.name} disagree at {task}, "
                        f"phash {queries[0][place]:016x}, dhash {queries[1][place]:016x}: {differing}"
                    )
            compared += count
    return compared


def _queries(sample: Sample, count: int) -> Pair:
    """A picture of one colour, which many files are, and the first of the queries."""
    phash = np.append(SOLID[0], sample.query_phash[: max(count - 1, 0)])
    dhash = np.append(SOLID[1], sample.query_dhash[: max(count - 1, 0)])
    return phash[:count], dhash[:count]


def difference(task: Task, expected: Answer, found: Answer) -> str:
    """In what an answer differs from the one expected, in words; nothing where it does not.

    Of files at the same distance, any may be among the nearest so many.
    """
    wanted, got = ([tuple(row) for row in answer.tolist()] for answer in (expected, found))
    spurious = sorted(set(got) - set(wanted))
    missing = sorted(set(wanted) - set(got))
    if isinstance(task, Nearest):
        nearest = sorted(distance for _, distance in wanted)[: task.count]
        missing = [] if sorted(distance for _, distance in got) == nearest else missing
    parts = [
        f"{len(rows)} files {what}, such as page {rows[0][0]} at {rows[0][1:]}"
        for what, rows in (("not found", missing), ("found that are not there", spurious))
        if rows
    ]
    if len(got) > len(set(got)):
        parts.append(f"{len(got) - len(set(got))} files found twice")
    return "; ".join(parts)
