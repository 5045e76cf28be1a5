import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bktree.columns import Columns, last_places, roomy


def test_roomy_copies_only_where_there_is_no_room() -> None:
    array = np.array([[1, 2], [3, 4]])

    assert roomy(array, 2) is array
    assert roomy(array, 3).tolist() == [[1, 2], [3, 4], [0, 0], [0, 0]]
    assert len(roomy(array, 9)) == 9


@given(pages=st.lists(st.integers(-3, 3)))
def test_last_places(pages: list[int]) -> None:
    expected = {page: place for place, page in enumerate(pages)}

    found = last_places(np.array(pages, np.int64)).tolist()

    assert {pages[place]: place for place in found} == expected
    assert len(found) == len(expected)


def put(columns: Columns, pages: list[int], hashes: list[int]) -> None:
    column = np.array(hashes, np.uint64)
    columns.put(np.array(pages, np.int64), (column, ~column))


def test_what_is_there_already_takes_no_row() -> None:
    columns = Columns()
    put(columns, [1, 2], [10, 20])

    put(columns, [2, 1, 2], [99, 10, 20])
    assert (columns.rows, columns.found) == (2, 2)
    columns.hide(np.array([1]))
    assert (columns.rows, columns.found) == (2, 1)
    put(columns, [1], [10])
    assert (columns.rows, columns.found) == (2, 2)


def test_a_page_with_other_hashes_takes_a_row_and_hides_its_older_one() -> None:
    columns = Columns()
    put(columns, [1, 2], [10, 20])

    put(columns, [1], [11])

    assert (columns.rows, columns.found) == (3, 2)
    assert columns.alive[:3].tolist() == [False, True, True]


@settings(deadline=None, max_examples=30)
@given(
    starts=st.lists(st.integers(-(2**63), 2**63 - 2000), min_size=1, max_size=4),
    step=st.sampled_from([1, 2, 64, 1 << 20]),
)
def test_runs_of_pages_are_found_again(starts: list[int], step: int) -> None:
    columns = Columns()
    expected: dict[int, int] = {}
    for start in starts:
        run = {
            page: len(expected) + n
            for n, page in enumerate(range(start, start + 200 * step, step))
            if page < 2**63
        }
        put(columns, list(run), list(run.values()))
        expected |= run

    pairs = columns.pairs(np.array(list(expected), np.int64))

    assert {page: phash for page, (phash, _) in pairs.items()} == expected
    assert columns.found == len(expected)


def test_read_only_and_strided_arrays_are_taken() -> None:
    columns = Columns()
    pages = np.arange(10)[::2]
    pages.flags.writeable = False
    hashes = np.arange(10, dtype=np.uint64)[::2]

    columns.put(pages, (hashes, hashes))
    columns.hide(pages[1:])

    assert columns.pairs(pages) == {0: (0, 0)}
