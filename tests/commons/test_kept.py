import pytest

from commons.kept import Kept


def test_answers_are_kept_none_among_them() -> None:
    kept: Kept[str, str | None] = Kept(2, 60)
    kept["a"] = None
    assert kept["a"] is None
    assert "a" in kept
    assert "b" not in kept


def test_only_the_newest_are_kept() -> None:
    kept: Kept[str, int] = Kept(2, 60)
    for number, key in enumerate("abab"):
        kept[key] = number
    kept["c"] = 4
    assert "a" not in kept
    assert (kept["b"], kept["c"]) == (3, 4)


def test_none_is_kept_for_longer_than_it_may_be() -> None:
    kept: Kept[str, int] = Kept(2, 0)
    kept["a"] = 1
    with pytest.raises(KeyError):
        kept["a"]
