"""One run: groups of contestants, each built, checked against each other, and timed by turns."""

import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from benchmarks import agreement, timing
from benchmarks.contestants import (
    BK_TREE,
    ENGINES,
    MULTI_INDEX,
    Contestant,
    Engine,
    FaissFlat,
    FaissMultiHash,
    NumpyScan,
    PyBKTree,
    Usearch,
)
from benchmarks.hashes import Sample
from benchmarks.mariadb import MariaDB
from benchmarks.tasks import NEAR, PHASH, TASKS, Task
from benchmarks.timing import Latency
from benchmarks.workers import Built, ContestantError, Worker

MILLION = 1_000_000
"""Files that pybktree bears."""

LARGE = 30_000_000
"""Files from which on contestants with large tables are not held in memory side by side, or left out."""

Report = Callable[[str], None]


class Group(NamedTuple):
    """Contestants that are measured by turns, on the same files."""

    files: int
    contestants: tuple[Contestant, ...]
    tasks: tuple[Task, ...]
    left_out: dict[str, str]
    """Names of those that would belong here, and why they do not."""


class Result(NamedTuple):
    """What came out for a group."""

    files: int
    built: dict[str, Built]
    """By the name of the contestant, as are the others."""
    latencies: dict[tuple[str, Task], Latency]
    left_out: dict[str, str]
    notes: dict[str, str]
    compared: int
    """Answers that were the same."""


def groups(files: int) -> list[Group]:
    """Who is measured with whom. The first of a group is what the others are checked against."""
    index, tree = Engine(MULTI_INDEX), Engine(BK_TREE)
    scans = NumpyScan(), FaissFlat(), Usearch()
    small = Group(min(files, MILLION), (NumpyScan(), PyBKTree(), index, tree), NEAR, {})
    if files < LARGE:
        return [Group(files, (*scans, FaissMultiHash(), MariaDB(), *ENGINES), TASKS, {}), small]
    left_out = {MariaDB().name: "loading it would take longer than all the rest"}
    return [
        Group(files, (*scans, *ENGINES), TASKS, left_out),
        Group(files, (FaissFlat(), FaissMultiHash(kinds=(PHASH,)), index), NEAR, {}),
        small,
    ]


def run(group: Group, sample: Sample, seconds: float, report: Report) -> Result:
    """Measure a group. Raises agreement.DisagreementError before anything is timed, and ContestantError."""
    workers: list[Worker] = []
    built, left_out = {}, dict(group.left_out)
    try:
        for contestant in group.contestants:
            report(f"building {contestant.name} of {group.files:,} files")
            worker = Worker(contestant, sample.head(group.files))
            try:
                built[worker.name] = worker.build()
                workers.append(worker)
            except ContestantError as failure:
                worker.close()
                if isinstance(contestant, Engine):
                    raise
                left_out[worker.name] = str(failure).strip().splitlines()[-1]
                report(f"leaving out {worker.name}: {failure}")
        report("comparing answers")
        compared = agreement.check(workers, group.tasks, sample)
        latencies = timing.measure(workers, group.tasks, len(sample.query_phash), seconds, report)
    finally:
        for worker in workers:
            worker.close()
    notes = {contestant.name: contestant.note for contestant in group.contestants if contestant.note}
    return Result(group.files, built, latencies, left_out, notes, compared)


def measure(sample: Sample, seconds: float, report: Report) -> list[Result]:
    """Measure all groups."""
    return [run(group, sample, seconds, report) for group in groups(len(sample.page_id))]


def reporter(started: float) -> Report:
    """Tell progress on standard error, with the seconds since the start."""

    def report(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - started:6.0f} s  {text}\n")
        sys.stderr.flush()

    return report
