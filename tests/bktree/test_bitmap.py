import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bktree.bitmap import bitmap, count, is_set, put

SIZE = 200
BORDERS = st.sampled_from([0, 1, 63, 64, 65, 127, 128, 129, 191, 192, SIZE - 1])

places = BORDERS | st.integers(0, SIZE - 1)
changes = st.lists(st.tuples(st.lists(places, max_size=70), st.booleans()), max_size=6)
ends = places | st.just(SIZE)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128])
def test_at_first_all_bits_are_set(size: int) -> None:
    bits = bitmap(size)

    assert bits.nbytes == 8 * -(-size // 64)
    assert all(is_set(bits, place) for place in range(size))
    assert count(bits, 0, size) == size


@settings(deadline=None)
@given(changes=changes, ranges=st.lists(st.tuples(ends, ends), min_size=1))
def test_a_bitmap_is_a_list_of_bools(
    changes: list[tuple[list[int], bool]], ranges: list[tuple[int, int]]
) -> None:
    bits, model = bitmap(SIZE), [True] * SIZE

    for some, value in changes:
        expected = sum(model[place] != value for place in set(some))
        assert put(bits, np.array(some, np.int64), value) == expected
        for place in some:
            model[place] = value

    assert [is_set(bits, place) for place in range(SIZE)] == model
    for start, stop in ranges:
        assert count(bits, start, stop) == sum(model[start:stop])
