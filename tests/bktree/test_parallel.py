import os
from functools import partial
from threading import Barrier, Lock

import pytest

from bktree.parallel import together

PATIENCE = 30


@pytest.fixture
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    number: int = request.param
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(number)))
    return number


@pytest.mark.parametrize("cores", [1, 3], indirect=True)
def test_all_calls_are_made_before_it_returns(cores: int) -> None:
    made: list[int] = []

    together(*(partial(made.append, number) for number in range(20)))

    assert sorted(made) == list(range(20))


@pytest.mark.parametrize("cores", [3], indirect=True)
def test_calls_run_side_by_side_on_all_cores(cores: int) -> None:
    meeting = Barrier(cores)

    def call() -> None:
        meeting.wait(PATIENCE)

    together(*[call] * (2 * cores))

    assert not meeting.broken


@pytest.mark.parametrize("cores", [1, 2], indirect=True)
def test_no_more_calls_run_at_a_time_than_there_are_cores(cores: int) -> None:
    lock, running, most = Lock(), 0, 0

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        os.sched_yield()
        with lock:
            running -= 1

    together(*[call] * 50)

    assert 1 <= most <= cores


def test_what_goes_wrong_in_a_call_is_told() -> None:
    made = []

    def fail() -> None:
        raise RuntimeError("no room")

    with pytest.raises(RuntimeError, match="no room"):
        together(fail, lambda: made.append(1))
    assert made == [1]


def test_no_calls_are_no_work() -> None:
    together()
