"""Calls that the workers of a Dask cluster answer, in the place of `commons.workers`.

Scheduler and workers need this project installed, in the version that is here
(https://docs.dask.org/en/stable/deployment-considerations.html#consistent-software-environments).
"""

import asyncio
import logging
import platform
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from typing import Any, NamedTuple, ParamSpec, TypeVar

from commons.hashes import library_versions
from commons.workers import CrashedError

_P = ParamSpec("_P")
_T = TypeVar("_T")

_MOST = 10_000
"""Calls under way; for each a thread waits here, made when there is need."""


class Cluster(Executor):
    """The workers of the Dask scheduler at ``address``, such as `tcp://scheduler:8786`.

    The scheduler keeps a call with its arguments until it is answered, so that where a worker dies another
    takes over. A call fails with CrashedError where all workers that try it die, with ConnectionError where
    the scheduler is lost or has no worker for ``seconds``, and with ValueError where a worker came that has
    other versions. It may take any time.

    Raises ValueError where dask.distributed is not installed, the address is none, or scheduler or workers
    do not have what is here; ConnectionError where no scheduler or no worker answers within ``seconds``.
    """

    def __init__(self, address: str, *, seconds: float = 10) -> None:
        self._address = address
        self._seconds = seconds
        self._versions = _versions()
        self._client = _connect(address, seconds)
        self._threads = ThreadPoolExecutor(_MOST)
        self._alone = threading.Lock()
        try:
            self._wait_for_worker()
            self._check_all()
        except BaseException:
            self.shutdown(cancel_futures=True)
            raise

    @property
    def jobs(self) -> int:
        """How many calls all workers together can answer at a time, as of now."""
        return sum(self._client.nthreads().values())

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Call ``fn``, which the workers import, on one of them; raises RuntimeError after ``shutdown``."""
        return self._threads.submit(self._call, fn, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the calls that were submitted end, or drop them, though a worker ends what it has begun."""
        if cancel_futures:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._client.close()
        self._threads.shutdown()
        self._client.close()

    def __exit__(self, kind: Any, *rest: Any) -> None:
        """Wait for the calls, unless an error or the keyboard asks to leave."""
        self.shutdown(cancel_futures=kind is not None)

    def _call(self, *call: Any) -> Any:
        try:
            answer = self._answer(call)
        except CrashedError:
            # Dask blames what waits on a worker as much as what runs there. One at a time, whoever is
            # innocent has no culprit beside it.
            with self._alone:
                answer = self._answer(call)
        self._check(answer.worker, answer.versions)
        if answer.error is not None:
            raise answer.error
        return answer.value

    def _answer(self, call: Any) -> "_Answer":
        from distributed import KilledWorker  # noqa: PLC0415
        from distributed.client import ClosedClientError  # noqa: PLC0415
        from distributed.comm import CommClosedError  # noqa: PLC0415

        try:
            return self._wait(self._client.submit(_answer, *call, pure=False))
        except KilledWorker as error:
            raise CrashedError("all workers that tried the call died") from error
        except (CancelledError, ClosedClientError, CommClosedError) as error:
            raise ConnectionError(
                f"the Dask scheduler at {self._address} is gone; start it and its workers, then run the same "
                "command again to go on"
            ) from error

    def _wait(self, future: Any) -> "_Answer":
        while True:
            try:
                answer: _Answer = future.result(timeout=self._seconds)
            except TimeoutError:
                self._wait_for_worker()
            else:
                return answer

    def _wait_for_worker(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=self._seconds)
        except OSError as error:
            raise ConnectionError(
                f"the Dask scheduler at {self._address} has no workers; start some: "
                f"dask worker {self._address}"
            ) from error

    def _check_all(self) -> None:
        try:
            self._client.run_on_scheduler(_versions)
        except Exception as error:
            raise ValueError(_lacking(f"scheduler at {self._address}", error)) from error
        for worker, versions in self._client.run(_versions, on_error="return").items():
            self._check(worker, versions)

    def _check(self, worker: str, versions: str | Exception) -> None:
        if isinstance(versions, Exception):
            raise ValueError(_lacking(f"worker at {worker}", versions)) from versions
        if versions != self._versions:
            raise ValueError(
                f"the Dask worker at {worker} has {versions}, here is {self._versions}: hashes could differ; "
                "install the same versions there"
            )


class _Answer(NamedTuple):
    """What came of a call, and who says so."""

    worker: str
    versions: str
    value: Any = None
    error: Exception | None = None


def _versions() -> str:
    """Name what has to be the same everywhere."""
    python = ".".join(platform.python_version_tuple()[:2])
    return f"Python {python}, {library_versions()}"


def _lacking(who: str, error: Exception) -> str:
    return f"the Dask {who} cannot run commons-imagehash ({error}); install it there, in the same version"


def _answer(fn: Callable[..., Any], args: Any, kwargs: Any) -> _Answer:
    """Run on a worker; an error is an answer, too, so that it is not taken for one of Dask's."""
    from distributed import get_worker  # noqa: PLC0415

    answer = _Answer(get_worker().address, _versions())
    try:
        return answer._replace(value=fn(*args, **kwargs))
    except Exception as error:
        return answer._replace(error=error)


def _connect(address: str, seconds: float) -> Any:
    try:
        import dask  # noqa: PLC0415
        from distributed import Client  # noqa: PLC0415
        from distributed.versions import VersionMismatchWarning  # noqa: PLC0415
    except ImportError as error:
        raise ValueError(
            "a Dask cluster needs dask.distributed here; install it: pip install 'commons-imagehash[dask]'"
        ) from error
    # Pictures are meant to go along with calls, since only then the scheduler can send them again.
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TiB"})
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    asyncio.run(_reach(address, seconds))
    with warnings.catch_warnings():
        # Which versions matter is checked here.
        warnings.simplefilter("ignore", VersionMismatchWarning)
        return Client(address, timeout=seconds, set_as_default=False)


async def _reach(address: str, seconds: float) -> None:
    """See that a scheduler answers: a client that finds none leaves a thread behind."""
    from distributed import Security  # noqa: PLC0415
    from distributed.comm import connect  # noqa: PLC0415

    try:
        # What listens there need not be a scheduler, and Dask waits for ever to be greeted.
        async with asyncio.timeout(seconds):
            comm = await connect(address, timeout=seconds, **Security().get_connection_args("client"))
    except OSError as error:
        raise ConnectionError(
            f"no Dask scheduler answers at {address}; start one (dask scheduler) or give its address"
        ) from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{address!r} is not an address like tcp://scheduler:8786: {error}") from error
    await comm.close()
