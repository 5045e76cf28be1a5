import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bktree.kernel import DHASH, KERNELS, PHASH, hamming, kernel, longer, mixed, nearest, packed

HASH = st.integers(0, 2**64 - 1)


@given(a=HASH, b=HASH)
def test_plain_hamming_counts_differing_bits(a: int, b: int) -> None:
    assert hamming(np.uint64(a), np.uint64(b)) == (a ^ b).bit_count()


def test_compiled_hamming_counts_differing_bits() -> None:
    # Compiled here and not cached, so that a stale cache cannot answer.
    compiled = numba.njit(lambda a, b: hamming(a, b))  # noqa: PLW0108

    for a, b in [(0, 0), (0, 2**64 - 1), (2**63, 1), (0xF0F0, 0x0F0F)]:
        assert compiled(np.uint64(a), np.uint64(b)) == (a ^ b).bit_count()


@pytest.mark.skipif(not hasattr(mixed, "py_func"), reason="types only matter to the compiler")
def test_compiled_hamming_takes_nothing_but_hashes() -> None:
    compiled = numba.njit(lambda a, b: hamming(a, b))  # noqa: PLW0108

    with pytest.raises(numba.TypingError):
        compiled(1, 2)


@settings(deadline=None)
@given(hashes=st.lists(HASH, max_size=70), query=HASH)
def test_nearest(hashes: list[int], query: int) -> None:
    expected = min([65, *((member ^ query).bit_count() for member in hashes)])

    assert nearest(np.array(hashes, np.uint64), np.uint64(query)) == expected


def test_packed_puts_the_phash_distance_first() -> None:
    assert packed(5, 3, 64, PHASH) == 5 << 16 | 3 << 8 | 64
    assert packed(5, 3, 64, DHASH) == 5 << 16 | 64 << 8 | 3


def test_longer_keeps_what_was_there() -> None:
    twice = longer(np.array([7, 8, 9]))

    assert twice[:3].tolist() == [7, 8, 9]
    assert len(twice) == 6


@settings(deadline=None)
@given(key=st.integers(-(2**63), 2**63 - 1))
def test_mixed_gives_the_same_slot_compiled_and_not(key: int) -> None:
    plain = getattr(mixed, "py_func", mixed)

    assert mixed(key) & 0xFFFFF == plain(np.array([key])[0]) & 0xFFFFF


def test_neighbouring_keys_are_scattered() -> None:
    slots = {mixed(page) & 0xFFFF for page in range(1000)}

    assert len(slots) > 950


def test_kernels_are_kept_count_of() -> None:
    before = len(KERNELS)

    function = kernel(lambda: 3)

    assert KERNELS.pop() is function
    assert len(KERNELS) == before
