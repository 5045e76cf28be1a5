import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bktree.chunks import CHUNKS
from bktree.records import BITS, MOST, WORDS, part_bits, parts_of, parts_told, put_records, record_at
from tests.bktree.conftest import FULL, chunks_of


def records_of(hashes: list[int], rows: list[int]) -> np.ndarray[tuple[int, int], np.dtype[np.uint16]]:
    records = np.empty((len(rows), WORDS), np.uint16)
    put_records(np.array(hashes, np.uint64), np.array(rows, np.uint32), records)
    return records


@given(hashes=st.lists(st.integers(0, FULL), max_size=40), seed=st.integers(0, 100))
def test_records_have_rows_and_parts_of_hashes(hashes: list[int], seed: int) -> None:
    rows = np.random.default_rng(seed).permutation(len(hashes)).tolist()
    records, bits = records_of(hashes, rows), part_bits(len(hashes))

    for place, (value, row) in enumerate(zip(hashes, rows, strict=True)):
        assert record_at(records, place, bits) == (row, parts_of(np.uint64(value), bits))


@pytest.mark.parametrize("files", [0, 1, 2, 63, 64, 2**20, 14_000_000, 100_000_000, 2**31 - 1])
def test_a_record_is_as_full_as_can_be(files: int) -> None:
    bits = part_bits(files)

    assert 2 * bits + files.bit_length() <= BITS
    assert bits == MOST or 2 * (bits + 1) + files.bit_length() > BITS


@pytest.mark.parametrize("bits", [1, 10, MOST])
def test_parts_are_the_lowest_bits_of_the_second_and_third_chunk(bits: int) -> None:
    hashes = np.random.default_rng(bits).integers(0, 2**64, 20, np.uint64)
    second, third = (chunks_of(hashes, chunk, bits) for chunk in (1, 2))

    assert [parts_of(each, bits) for each in hashes] == (second << bits | third).tolist()


@given(value=st.integers(0, FULL), other=st.integers(0, FULL))
def test_parts_differ_no_more_than_the_chunks_that_are_not_told(value: int, other: int) -> None:
    hashes = np.array([value, other], np.uint64)
    for chunk in range(CHUNKS):
        untold = [each for each in range(1, CHUNKS) if each != chunk]
        apart = sum(np.bitwise_count(np.bitwise_xor(*chunks_of(hashes, each, MOST))) for each in untold)
        for bits in (1, 8, MOST):
            differing = parts_of(hashes[0], bits) ^ parts_of(hashes[1], bits)
            assert (differing & ~parts_told(chunk, bits)).bit_count() <= apart
            # All of it, where there is room for that.
            assert bits < MOST or (differing & ~parts_told(chunk, bits)).bit_count() == apart
