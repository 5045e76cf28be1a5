from argparse import ArgumentTypeError

import pytest

from commons.arguments import whole


@pytest.mark.parametrize("text", ["1", " 5 ", "10", "+7"])
def test_a_whole_number(text: str) -> None:
    assert whole(1, 10)(text) == int(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0", "0 is out of range: give from 1 to 10"),
        ("11", "11 is out of range: give from 1 to 10"),
        ("ten", "'ten' is not a whole number"),
        ("1.0", "'1.0' is not a whole number"),
        ("", "'' is not a whole number"),
    ],
)
def test_what_is_wrong_with_others(text: str, problem: str) -> None:
    with pytest.raises(ArgumentTypeError) as refused:
        whole(1, 10)(text)
    assert problem == str(refused.value)


def test_no_upper_limit() -> None:
    assert whole(1)("1000000000000") == 10**12
    with pytest.raises(ArgumentTypeError, match="-1 is out of range: give 1 or more"):
        whole(1)("-1")
