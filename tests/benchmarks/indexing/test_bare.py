from pathlib import Path

from benchmarks.indexing import bare


def test_both_loops_make_the_same_hashes(pictures: list[Path]) -> None:
    for picture in pictures:
        data = picture.read_bytes()
        assert bare.plain(data) == bare.ours(data)


def test_all_loops_are_timed(pictures: list[Path]) -> None:
    speeds = bare.measure(pictures[:2], processes=2, passes=2)
    assert speeds.keys() == bare.LOOPS.keys()
    assert all(speed.rate > 1 and 0 < speed.worked < 1 for speed in speeds.values())
