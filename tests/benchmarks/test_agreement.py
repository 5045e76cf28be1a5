"""Contestants that find something else are found out."""

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks import agreement
from benchmarks.agreement import DisagreementError
from benchmarks.contestants import Answer, Contestant, NumpyScan, PyBKTree
from benchmarks.tasks import NEAR, NEAREST, PHASH, Near, Nearest, Task
from bktree.protocol import Hashes

Check = Callable[..., int]


class Forgetful(NumpyScan):
    """Misses one of the files at distance 6."""

    name = "forgetful"

    def found(self, task: Task, phash: Hashes, dhash: Hashes) -> list[Answer]:
        answers = super().found(task, phash, dhash)
        return [np.delete(answer, np.flatnonzero(answer[:, 1] == 6)[:1], axis=0) for answer in answers]


class Wrong(NumpyScan):
    """Says another distance."""

    name = "wrong"

    def found(self, task: Task, phash: Hashes, dhash: Hashes) -> list[Answer]:
        return [answer + np.array([0, 1]) for answer in super().found(task, phash, dhash)]


class Repeating(NumpyScan):
    """Lists files twice."""

    name = "repeating"

    def found(self, task: Task, phash: Hashes, dhash: Hashes) -> list[Answer]:
        return [np.repeat(answer, 2, axis=0) for answer in super().found(task, phash, dhash)]


def test_those_that_agree_are_counted(check: Check) -> None:
    assert check(NumpyScan(), PyBKTree()) == len(NEAR) * PyBKTree.checked


@pytest.mark.parametrize(
    ("contestant", "told"),
    [
        (Forgetful(), r"forgetful and numpy scan disagree at phash, r = 6, .* files? not found, such as"),
        (Wrong(), r"wrong and numpy scan disagree .* not found, .*; .* that are not there"),
        (Repeating(), r"files found twice"),
    ],
    ids=["forgetful", "wrong", "repeating"],
)
def test_those_that_do_not_are_named(check: Check, contestant: Contestant, told: str) -> None:
    contestant.checked = 100
    contestant.tasks = (*NEAR, *NEAREST)
    with pytest.raises(DisagreementError, match=told):
        check(NumpyScan(), contestant)


def test_of_files_equally_near_any_will_do() -> None:
    task = Nearest(PHASH, 2)
    expected = np.array([[1, 0], [2, 4], [3, 4]])
    assert agreement.difference(task, expected, np.array([[1, 0], [3, 4]])) == ""
    assert agreement.difference(task, expected, np.array([[2, 4], [3, 4]]))
    assert agreement.difference(task, expected, np.array([[1, 0], [9, 4]]))
    assert agreement.difference(Near(PHASH, 4), expected, np.array([[1, 0], [3, 4]]))
