import numpy as np

from benchmarks.bits import ONES, photo_like, to_bits, to_hashes


def test_bits_are_the_hashes_lowest_first() -> None:
    hashes = np.array([0, 1, 1 << 63, 2**64 - 1, 0b1010], np.uint64)
    bits = to_bits(hashes)
    assert bits.shape == (5, 64)
    assert bits.sum(1).tolist() == [0, 1, 1, 64, 2]
    assert bits[1, 0]
    assert bits[2, 63]
    np.testing.assert_array_equal(to_hashes(bits), hashes)


def test_a_photos_phash_has_the_bits_that_score_highest() -> None:
    scores = np.random.default_rng(1).random((1000, 64), np.float32)
    scores[0] = 0
    bits = to_bits(photo_like(scores))
    assert (bits.sum(1) == ONES).all()
    assert bits[:, 63].all()
    lowest_set = np.where(bits, scores, 2)[:, :63].min(1)
    assert (np.where(bits, -1, scores)[:, :63].max(1) <= lowest_set).all()
