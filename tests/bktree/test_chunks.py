from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bktree.chunks import CHUNKS, DEEPEST, WIDTH, chunk_of, flips


@settings(deadline=None)
@given(value=st.integers(0, 2**64 - 1), chunk=st.integers(0, CHUNKS - 1), width=st.integers(1, WIDTH))
def test_a_chunk_is_every_third_bit(value: int, chunk: int, width: int) -> None:
    expected = sum((value >> (chunk + CHUNKS * bit) & 1) << bit for bit in range(width))

    assert chunk_of(np.uint64(value), chunk, width) == expected


@pytest.mark.parametrize("width", [1, 2, 5, 8, WIDTH])
def test_flips_are_all_numbers_with_few_bits_set_in_the_order_of_how_many(width: int) -> None:
    numbers, edges = flips(width)

    assert len(edges) == DEEPEST + 2
    for weight, (start, stop) in enumerate(pairwise(edges.tolist())):
        shell = numbers[start:stop].tolist()
        assert len(set(shell)) == comb(width, weight)
        assert all(number.bit_count() == weight and number < 1 << width for number in shell)
    assert edges[-1] == len(numbers)
