from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bktree.chunks import CHUNKS, DEEPEST, TABLES, WIDTHS, choose, chunk_of, flips
from tests.bktree.conftest import FULL, chunks_of

tables = st.integers(0, TABLES - 1)


@settings(deadline=None)
@given(value=st.integers(0, FULL), table=tables, data=st.data())
def test_a_chunk_is_every_third_bit(value: int, table: int, data: st.DataObject) -> None:
    chunk, width = table % CHUNKS, data.draw(st.integers(1, WIDTHS[table]))

    expected = chunks_of(np.array([value], np.uint64), chunk, width).tolist()
    assert [chunk_of(np.uint64(value), chunk, width)] == expected


def test_at_full_width_the_chunks_of_dhash_have_all_bits_and_those_of_phash_all_but_bit_63() -> None:
    def parted(bit: int, kind: int) -> int:
        widths = WIDTHS[CHUNKS * kind :][:CHUNKS]
        chunks = [chunk_of(np.uint64(1 << bit), chunk, width) for chunk, width in enumerate(widths)]
        return sum(number.bit_count() for number in chunks)

    assert [parted(bit, 1) for bit in range(64)] == [1] * 64
    assert [parted(bit, 0) for bit in range(64)] == [1] * 63 + [0]
    assert chunk_of(np.uint64(1 << 63), 0, 22) == 1 << 21


@pytest.mark.parametrize("width", [1, 2, 4, 5, 8, 21, 22])
@pytest.mark.parametrize("weight", range(DEEPEST + 1))
def test_flips_are_all_numbers_with_so_many_bits_set_in_ascending_order(width: int, weight: int) -> None:
    expected = sorted(sum(1 << bit for bit in bits) for bits in combinations(range(width), weight))

    assert flips(width, weight).tolist() == expected


@pytest.mark.parametrize("weight", range(DEEPEST + 1))
def test_choose_counts_combinations(weight: int) -> None:
    assert [choose(bits, weight) for bits in range(23)] == [comb(bits, weight) for bits in range(23)]
