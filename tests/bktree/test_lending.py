from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from bktree.kernel import kernel
from bktree.lending import borrower, lent
from tests.bktree.conftest import COMPILED


class Parts(NamedTuple):
    words: NDArray[np.uint16]
    table: NDArray[np.int32]


Whole = tuple[Parts, tuple[NDArray[np.uint64], int]]

LIKE: Whole = (Parts(np.zeros(0, np.uint16), np.zeros((0, 3), np.int32)), (np.zeros(0, np.uint64), 0))

borrowed = borrower(LIKE)


@kernel
def summed(loan: Any) -> tuple[int, int, int, int, tuple[int, int]]:
    parts, (hashes, number) = borrowed(loan)
    total = 0
    for row in range(len(parts.table)):
        for column in range(3):
            total += (column + 1) * parts.table[row, column]
    return int(parts.words.sum()), int(total), int(hashes[1] >> np.uint64(60)), number, parts.table.shape


@kernel
def lengths(loan: Any) -> tuple[int, int, int]:
    parts, (hashes, _) = borrowed(loan)
    return len(parts.words), len(parts.table), len(hashes)


@kernel
def written(loan: Any) -> None:
    parts, _ = borrowed(loan)
    parts.table[1, 2] = -7


def whole() -> Whole:
    table = np.arange(6, dtype=np.int32).reshape(2, 3)
    return Parts(np.array([1, 2, 65535], np.uint16), table), (np.array([0, 2**63], np.uint64), -5)


def test_what_is_borrowed_is_what_was_lent() -> None:
    kept = whole()

    assert summed(lent(kept, LIKE)) == (65538, 0 + 2 + 6 + 3 + 8 + 15, 8, -5, (2, 3))


def test_arrays_are_lent_and_not_copied() -> None:
    kept = whole()

    written(lent(kept, LIKE))

    assert kept[0].table.tolist() == [[0, 1, 2], [3, 4, -7]]


def test_empty_arrays_are_lent() -> None:
    assert lengths(lent(LIKE, LIKE)) == (0, 0, 0)


@pytest.mark.parametrize(
    "table",
    [
        np.zeros((2, 3), np.int64),
        np.zeros(6, np.int32),
        np.zeros((2, 3), np.int32, order="F"),
        np.zeros((2, 6), np.int32)[:, ::2],
        np.broadcast_to(np.int32(1), (2, 3)),
    ],
)
def test_nothing_of_another_type_or_layout_is_lent(table: NDArray[Any]) -> None:
    (parts, rest) = whole()

    with pytest.raises(TypeError, match="is lent, not"):
        lent((parts._replace(table=table), rest), LIKE)


@pytest.mark.skipif(not COMPILED, reason="plain Python is lent everything as it is")
def test_a_loan_is_one_array() -> None:
    loan = lent(whole(), LIKE)

    assert loan.dtype == np.int64
    assert loan.tolist()[1:2] + loan.tolist()[3:5] + loan.tolist()[6:] == [3, 2, 3, 2, -5]
