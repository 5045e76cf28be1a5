from pathlib import Path

from benchmarks.indexing import bare


def test_both_loops_make_the_same_hashes(pictures: list[Path]) -> None:
    for picture in pictures:
        data = picture.read_bytes()
        assert bare.plain(data) == bare.ours(data)


def test_all_loops_are_timed(pictures: list[Path]) -> None:
    rates = bare.rates(pictures[:2], processes=2, passes=1)
    assert rates.keys() == bare.LOOPS.keys()
    assert all(rate > 1 for rate in rates.values())
