"""Processes that decode pictures, as a ``concurrent.futures.Executor``.

Unlike the standard library's pool, this one outlives a decoder that crashes or hangs: only the call
at fault fails, with ``pebble.ProcessExpired`` or TimeoutError.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any, ParamSpec, TypeVar

from pebble import ProcessPool

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Workers(Executor):
    """``jobs`` processes; a call that takes more than ``seconds`` is ended."""

    def __init__(self, jobs: int, *, seconds: float = 120) -> None:
        self._jobs = jobs
        self._seconds = seconds
        self._pool = self._start()
        self._ended = False

    def _start(self) -> ProcessPool:
        # Forking a process with threads, such as a progress bar's, can deadlock the child.
        context = multiprocessing.get_context("spawn")
        return ProcessPool(self._jobs, initializer=_begin, context=context)

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Call ``fn`` in one of the processes; raises RuntimeError after ``shutdown``."""
        with _without_keyboard():
            if not self._ended and not self._pool.active:
                # Pebble gives up on a pool of which a process died while none had anything to do.
                self._pool.join()
                self._pool = self._start()
            future: Future[_T] = self._pool.schedule(
                fn, args=list(args), kwargs=kwargs, timeout=self._seconds
            )
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the calls that were submitted end, or drop them."""
        self._ended = True
        if cancel_futures:
            self._pool.stop()  # type: ignore[no-untyped-call]
        else:
            self._pool.close()  # type: ignore[no-untyped-call]
        self._pool.join()

    def __exit__(self, kind: Any, *rest: Any) -> None:
        """Wait for the calls, unless an error or the keyboard asks to leave."""
        self.shutdown(cancel_futures=kind is not None)


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


def _begin() -> None:
    # libtiff prints its own complaints, a hundred lines for one damaged file.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
