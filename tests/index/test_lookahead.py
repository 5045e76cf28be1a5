import threading
from collections.abc import Iterator

import pytest

from index.lookahead import look_ahead
from tests.waiting import wait_for


def test_all_come_in_order() -> None:
    assert [step for step in look_ahead(iter([3, 0, 1])) if step is not None] == [3, 0, 1]
    assert [step for step in look_ahead([]) if step is not None] == []


def test_the_next_is_looked_for_while_one_is_worked_on() -> None:
    looked_for: list[str] = []

    def steps() -> Iterator[str]:
        for name in ("first", "second", "third"):
            looked_for.append(name)
            yield name

    coming = look_ahead(steps())
    wait_for(lambda: next(coming) == "first")
    wait_for(lambda: looked_for == ["first", "second"])


def test_nobody_waits_for_what_is_not_found_yet() -> None:
    found = threading.Event()

    def steps() -> Iterator[str]:
        found.wait()
        yield "late"

    coming = look_ahead(steps())
    assert [next(coming) for _ in range(3)] == [None, None, None]
    found.set()
    assert list(filter(None, coming)) == ["late"]


def test_errors_are_told() -> None:
    def steps() -> Iterator[str]:
        yield "one"
        raise ValueError("no more")

    coming = look_ahead(steps())
    with pytest.raises(ValueError, match="no more"):
        list(coming)
