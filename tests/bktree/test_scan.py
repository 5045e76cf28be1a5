from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bktree.protocol import Tolerance
from bktree.scan import BLOCK, Scan


@pytest.mark.parametrize("rows", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_the_last_row_of_any_block_is_seen(rows: int, arrays: Callable[..., Any]) -> None:
    engine = Scan(*arrays(dict.fromkeys(range(rows), (0, 0))))
    engine.add(np.array([rows - 1]), np.array([7], np.uint64), np.array([7], np.uint64))

    assert engine.search(7, 7, Tolerance(0, 0)) == ([(rows - 1, 0, 0)], 1, False)
    assert engine.search(0, 0, Tolerance(0, 0), first=0).total == rows - 1


def test_spare_room_is_not_searched(arrays: Callable[..., Any]) -> None:
    engine = Scan(*arrays(dict.fromkeys(range(10), (1, 1))))
    engine.add(np.array([10]), np.array([1], np.uint64), np.array([1], np.uint64))

    assert len(engine._columns.alive) > 11
    assert engine.search(0, 0, Tolerance(64, 64)).total == 11
