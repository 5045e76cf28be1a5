"""Processes that decode pictures, as a ``concurrent.futures.Executor``.

Unlike the standard library's pool, this one outlives a decoder that crashes or hangs: only the call
at fault fails, with ``pebble.ProcessExpired`` or TimeoutError.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

from pebble import ProcessPool

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Workers(Executor):
    """``jobs`` processes; a call that takes more than ``seconds`` is ended."""

    def __init__(self, jobs: int, *, seconds: float = 120) -> None:
        self._seconds = seconds
        # Forking a process with threads, such as a progress bar's, can deadlock the child.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPool(jobs, initializer=_begin, context=context)

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Call ``fn`` in one of the processes."""
        future: Future[_T] = self._pool.schedule(fn, args=list(args), kwargs=kwargs, timeout=self._seconds)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the calls that were submitted end, or drop them."""
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


def _begin() -> None:
    # The keyboard's interrupt is for the parent to act on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # libtiff prints its own complaints, a hundred lines for one damaged file.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
