import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from pathlib import Path

import pytest

from commons.workers import CrashedError, Workers, cores


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers(1, seconds=1) as workers:
        yield workers


def complain() -> int:
    sys.stderr.write("a hundred lines about one damaged file")
    sys.stderr.flush()
    os.write(2, b"and from libtiff itself")
    return os.getpid()


def refuse() -> None:
    raise ValueError("no picture")


def test_calls_run_in_another_process(workers: Workers, capfd: pytest.CaptureFixture[str]) -> None:
    assert os.getpid() != workers.submit(complain).result()
    assert workers.submit(divmod, 7, 4).result() == (1, 3)
    assert workers.submit(int, "ff", base=16).result() == 255
    assert capfd.readouterr().err == ""


def test_errors_come_back(workers: Workers) -> None:
    with pytest.raises(ValueError, match="no picture"):
        workers.submit(refuse).result()


def test_what_cannot_be_sent_fails_one_call_alone(workers: Workers) -> None:
    with pytest.raises((pickle.PicklingError, AttributeError)):
        workers.submit(lambda: 1).result()
    with pytest.raises(CrashedError):
        workers.submit(threading.Lock).result()
    assert workers.submit(divmod, 7, 4).result() == (1, 3)


def test_a_crash_or_a_hang_fails_one_call_alone(workers: Workers) -> None:
    crash = workers.submit(os.kill, workers.submit(os.getpid).result(), signal.SIGKILL)
    slow = workers.submit(time.sleep, 600)
    good = workers.submit(divmod, 7, 4)
    with pytest.raises(CrashedError):
        crash.result()
    with pytest.raises(TimeoutError):
        slow.result()
    assert good.result() == (1, 3)


def test_a_process_that_dies_with_nothing_to_do_is_replaced(workers: Workers) -> None:
    first = workers.submit(os.getpid).result()
    os.kill(first, signal.SIGKILL)
    time.sleep(0.5)
    assert workers.submit(os.getpid).result() != first


def test_the_keyboard_is_the_parent_s_business(workers: Workers) -> None:
    pid = workers.submit(os.getpid).result()
    os.kill(pid, signal.SIGINT)
    assert workers.submit(os.getpid).result() == pid


def test_leaving_waits_for_calls_unless_an_error_asks_to_leave() -> None:
    with Workers(1) as workers:
        done = workers.submit(time.sleep, 0.2)
    assert done.done()
    pid, asleep = leave_with_an_error()
    assert asleep.cancelled() or isinstance(asleep.exception(), CrashedError)
    assert not Path(f"/proc/{pid}/exe").exists()


def leave_with_an_error() -> tuple[int, Future[None]]:
    begun = time.monotonic()
    workers = Workers(1)
    pid = workers.submit(os.getpid).result()
    asleep = workers.submit(time.sleep, 600)
    with pytest.raises(ZeroDivisionError), workers:
        raise ZeroDivisionError
    assert time.monotonic() - begun < 30
    return pid, asleep


def test_after_the_end_no_call_is_taken() -> None:
    workers = Workers(1)
    wait([workers.submit(divmod, 1, 1)])
    workers.shutdown()
    with pytest.raises(RuntimeError):
        workers.submit(divmod, 1, 1)


def test_cores() -> None:
    assert cores() == len(os.sched_getaffinity(0)) >= 1
