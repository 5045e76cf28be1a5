"""Contestants in processes of their own, so that each one's memory is its own and goes with it."""

import ctypes
import gc
import multiprocessing
import os
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, cast

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.contestants import Answer, Contestant
from benchmarks.hashes import Sample
from benchmarks.tasks import Task
from bktree.protocol import Hashes

PATIENCE = 10
"""Seconds in which a process ends when it is asked to."""


class Built(NamedTuple):
    """How long building took, in seconds, and the bytes that are held since."""

    seconds: float
    nbytes: int


class ContestantError(Exception):
    """A contestant could not do what it was asked; the text says why."""


class Worker:
    """A process in which one contestant is built and asked."""

    def __init__(self, contestant: Contestant, sample: Sample) -> None:
        self.contestant = contestant
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        # Mapped arrays would be sent as copies: the process maps the files by itself.
        paths = [cast("np.memmap[Any, Any]", column).filename for column in sample]
        self._process = context.Process(
            target=_serve, args=(contestant, paths, len(sample.page_id), theirs), daemon=True
        )
        self._process.start()
        theirs.close()

    @property
    def name(self) -> str:
        """The contestant's name."""
        return self.contestant.name

    def build(self) -> Built:
        """Build it, with as many threads as it likes. Raises ContestantError."""
        return cast("Built", self._call("build"))

    def found(self, task: Task, phash: Hashes, dhash: Hashes) -> list[Answer]:
        """Its complete answers. Raises ContestantError."""
        return cast("list[Answer]", self._call("found", task, phash, dhash))

    def time(self, task: Task, start: int, stop: int) -> NDArray[np.float64]:
        """Seconds that each of these questions of the sample takes, one at least. Raises ContestantError."""
        return cast("NDArray[np.float64]", self._call("time", task, start, stop))

    def close(self) -> None:
        """End the process."""
        with suppress(OSError):
            self._pipe.send(None)
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._pipe.close()

    def _call(self, *call: Any) -> Any:
        try:
            self._pipe.send(call)
            failed, result = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join(PATIENCE)
            raise ContestantError(f"its process ended with code {self._process.exitcode}") from error
        if failed:
            raise ContestantError(result)
        return result


def _serve(contestant: Contestant, paths: Sequence[str], rows: int, pipe: Connection) -> None:
    """Answer calls until the other side has no more."""
    mapped = Sample(*(np.load(path, mmap_mode="r") for path in paths)).head(rows)
    host = _Host(contestant, mapped)
    try:
        while call := pipe.recv():
            name, *arguments = call
            try:
                pipe.send((False, getattr(host, name)(*arguments)))
            except ImportError as error:
                pipe.send((True, f"not installed ({error})"))
            except Exception:
                pipe.send((True, traceback.format_exc()))
    except (EOFError, KeyboardInterrupt):
        pass
    finally:
        host.close()


class _Host:
    """The other side of a worker."""

    def __init__(self, contestant: Contestant, mapped: Sample) -> None:
        self._contestant, self._mapped = contestant, mapped
        self._queries = np.array(mapped.query_phash), np.array(mapped.query_dhash)

    def build(self) -> Built:
        """Build from arrays in memory, which are there only as long as the contestant keeps them."""
        self._contestant.prepare()
        before = _private_bytes()
        sample = self._mapped._replace(phash=np.array(self._mapped.phash), dhash=np.array(self._mapped.dhash))
        start = time.perf_counter()
        self._contestant.build(sample)
        seconds = time.perf_counter() - start
        del sample
        held = self._contestant.nbytes()
        _use_one_core()
        return Built(seconds, _private_bytes() - before if held is None else held)

    def found(self, task: Task, phash: Hashes, dhash: Hashes) -> list[Answer]:
        """Answer completely."""
        return self._contestant.found(task, phash, dhash)

    def time(self, task: Task, start: int, stop: int) -> NDArray[np.float64]:
        """Time questions one by one, after a query that only warms the caches up again."""
        places = list(range(start, stop))
        if task.size == 1:
            places.insert(0, stop % len(self._queries[0]))
        seconds = []
        for place in places:
            one = slice(place * task.size, (place + 1) * task.size)
            phash, dhash = self._queries[0][one], self._queries[1][one]
            begin = time.perf_counter()
            self._contestant.ask(task, phash, dhash)
            seconds.append(time.perf_counter() - begin)
        return np.array(seconds[-(stop - start) :])

    def close(self) -> None:
        """Stop what the contestant has started."""
        self._contestant.close()


def _private_bytes() -> int:
    """Memory of this process that no file backs, after giving back what is free."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/status") as lines:  # noqa: PTH123
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def _use_one_core() -> None:
    """Bind this thread, and those it starts from now on, to one core."""
    numba.set_num_threads(1)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
