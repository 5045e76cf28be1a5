"""Processes that decode pictures, as a ``concurrent.futures.Executor``.

Unlike the standard library's pool, this one outlives a decoder that crashes or hangs: only the call
at fault fails. Each process has a pipe and a thread of its own, so that one that dies, whenever it
does, leaves no lock behind for the others to wait for.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

# Forking a process with threads, such as a progress bar's, can deadlock the child.
_spawn = multiprocessing.get_context("spawn")


class CrashedError(Exception):
    """The process ended in the middle of a call."""


class Workers(Executor):
    """``jobs`` processes; a call that takes more than ``seconds`` is ended.

    Calls fail with CrashedError or TimeoutError where it is the process that failed.
    """

    def __init__(self, jobs: int, *, seconds: float = 120) -> None:
        self.jobs = jobs
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(jobs)
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._all: set[_Process] = set()
        self._dropped = False

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Call ``fn`` in one of the processes; raises RuntimeError after ``shutdown``."""
        return self._threads.submit(self._call, fn, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the calls that were submitted end, or drop them."""
        if cancel_futures:
            self._threads.shutdown(wait=False, cancel_futures=True)
            with self._lock:
                self._dropped = True
                for process in self._all:
                    process.kill()
        self._threads.shutdown()
        for process in self._all:
            process.end()

    def __exit__(self, kind: Any, *rest: Any) -> None:
        """Wait for the calls, unless an error or the keyboard asks to leave."""
        self.shutdown(cancel_futures=kind is not None)

    def _call(self, *call: Any) -> Any:
        process = self._process()
        try:
            return process.call(call, self._seconds)
        except TimeoutError:
            process.kill()
            raise
        except CrashedError:
            process.end()
            raise

    def _process(self) -> "_Process":
        """The process of this thread, a new one where it has died."""
        process: _Process | None = getattr(self._mine, "process", None)
        if process and process.is_alive():
            return process
        with self._lock:
            if self._dropped:
                raise CrashedError("the call was dropped")
            if process:
                self._all.remove(process)
                process.end()
            self._mine.process = _Process()
            self._all.add(self._mine.process)
        return self._mine.process  # type: ignore[no-any-return]


class _Process:
    """A process that answers calls, one at a time."""

    def __init__(self) -> None:
        self._pipe, theirs = _spawn.Pipe()
        self._process = _spawn.Process(target=_serve, args=(theirs,), daemon=True)
        self._started = False
        with _without_keyboard():
            self._process.start()
        theirs.close()

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def end(self) -> None:
        """Wait for the process to end, which it does once it has nothing to do."""
        self._pipe.close()
        self._process.join()

    def call(self, call: Any, seconds: float) -> Any:
        try:
            if not self._started:
                self._pipe.recv()
                self._started = True
            self._pipe.send(call)
            late = None, TimeoutError(f"the call took longer than {seconds:g} seconds")
            value, error = self._pipe.recv() if self._pipe.poll(seconds) else late
        except (EOFError, OSError) as broken:
            raise CrashedError("the process ended in the middle of a call") from broken
        if error is not None:
            raise error
        return value


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def _without_keyboard() -> Iterator[None]:
    """Have processes that are started meanwhile leave the keyboard's interrupt to their parent."""
    resource_tracker.ensure_running()  # starting it later would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: "Connection[Any, Any]") -> None:
    """Answer calls until the other end is closed."""
    # libtiff prints its own complaints, a hundred lines for one damaged file.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    pipe.send("started")
    while True:
        try:
            fn, args, kwargs = pipe.recv()
        except EOFError:
            return
        pipe.send(_answer(fn, args, kwargs))


def _answer(fn: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Any, Exception | None]:
    try:
        return fn(*args, **kwargs), None
    except Exception as error:
        return None, error
