"""The service on a core of its own, and all kinds of requests by turns."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.processes import cost
from benchmarks.serving.data import CONSTANT, MANY, OLD, PAGES, SEARCH, SLOW, TITLES
from benchmarks.serving.load import Load, Rate
from tests import mariadb, programs
from tests.waiting import wait_for

CONNECTIONS = {MANY: 4, SLOW: 1}
"""At once; of all other kinds 16."""

MOST_CONNECTIONS = 16

COMPARED = {SEARCH: CONSTANT[SEARCH], TITLES: CONSTANT[TITLES], PAGES: OLD}
"""What has to be answered alike, and is timed side by side."""

BESIDE = f"{SEARCH}, beside slow ones"

ROUNDS = 5
WARM_UP = 3.0
"""Seconds."""

_SECONDS_TO_START = 120
_APP = "benchmarks.serving.app:create"


class Served(NamedTuple):
    """What came out for a kind of requests: medians of all rounds, and seconds of a core for each."""

    rate: Rate
    worked: float


class Service(NamedTuple):
    """A service that runs: where, its process, and the cores that are left to others."""

    url: str
    pid: int
    others: Sequence[int]

    def load(self, folder: Path, kind: str) -> Load:
        """Requests of a kind, from the file of that name."""
        name = kind.replace("/", "")
        return Load(self.url, folder / name, CONNECTIONS.get(kind, MOST_CONNECTIONS), self.others)


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Service]:
    """Run the service, with what it is compared with, on the first core alone."""
    own, *others = sorted(os.sched_getaffinity(0))
    environment = programs.environment(folder, **settings)
    program = [sys.executable, "-m", "uvicorn", "--factory", _APP, "--no-access-log"]
    port = mariadb.free_port()
    subprocess.run([sys.executable, "-m", "api", "snapshot"], cwd=folder, env=environment, check=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            ["taskset", "--cpu-list", str(own), *program, "--port", str(port)],  # noqa: S607
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
    served = programs.Served(process, f"http://127.0.0.1:{port}", folder / "log")
    try:
        wait_for(lambda: programs.answers(served), _SECONDS_TO_START)
        yield Service(served.url, process.pid, others or [own])
    finally:
        process.terminate()
        process.wait()


def measure(
    service: Service, folder: Path, seconds: float, report: Callable[[str], None]
) -> dict[str, Served]:
    """Time all kinds of requests, from files in ``folder``, each for so many seconds in all.

    Raises LoadError.
    """
    kinds = [kind for pair in COMPARED.items() for kind in pair] + [MANY, SLOW]
    loads = {kind: service.load(folder, kind) for kind in kinds}
    rounds: dict[str, list[Served]] = {kind: [] for kind in (*kinds, BESIDE)}
    for load in loads.values():
        load.put(WARM_UP)
    for number in range(ROUNDS):
        report(f"round {number + 1} of {ROUNDS}")
        for kind, load in loads.items():
            rounds[kind].append(_timed(service, load, seconds / ROUNDS))
        with loads[SLOW].going_on():
            rounds[BESIDE].append(_timed(service, loads[SEARCH], seconds / ROUNDS))
    return {kind: _median(served) for kind, served in rounds.items()}


def _timed(service: Service, load: Load, seconds: float) -> Served:
    begun, before = time.monotonic(), cost(service.pid).seconds
    rate = load.put(seconds)
    worked = (cost(service.pid).seconds - before) / (time.monotonic() - begun)
    return Served(rate, worked / rate.each_second)


def _median(rounds: Sequence[Served]) -> Served:
    rates = zip(*(served.rate for served in rounds), strict=True)
    return Served(Rate(*map(statistics.median, rates)), statistics.median(each.worked for each in rounds))
