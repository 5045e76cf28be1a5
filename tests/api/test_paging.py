import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import paging
from api.errors import BadInput


@given(st.integers(0, 128), st.integers(-(2**31), 2**31 - 1), st.integers(), st.text())
def test_a_cursor_holds_its_position(distance: int, page_id: int, number: int, text: str) -> None:
    cursor = paging.encode(distance, page_id, number, text)
    assert paging.decode(cursor, number, text) == (distance, page_id)
    with pytest.raises(BadInput, match="of another query"):
        paging.decode(cursor, number + 1, text)


@given(st.text())
def test_other_text_is_no_cursor(text: str) -> None:
    with pytest.raises(BadInput):
        paging.decode(text, "question")


def test_first_is_from_0_to_100() -> None:
    assert [paging.check_first(first, 20) for first in (None, 0, 100)] == [20, 0, 100]
    for first in (-1, 101):
        with pytest.raises(BadInput, match=f"first is {first}"):
            paging.check_first(first, 20)
