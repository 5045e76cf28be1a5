import pytest

from api.requests import Current, current, request_id


@pytest.mark.parametrize("given", [b"7", b"a-b_c.D9", b"x" * 64])
def test_a_sound_id_is_kept(given: bytes) -> None:
    assert Current(given).id.encode() == given


@pytest.mark.parametrize(
    "given", [None, b"", b"x" * 65, b"a b", b"a\nb", b"a\n", "ä".encode(), b'"', b"<b>", b"\xff", b"a;b"]
)
def test_another_is_made_in_place_of_what_cannot_be_shown(given: bytes | None) -> None:
    made = {Current(given).id for _ in range(100)}
    assert len(made) == 100
    assert all(Current(one.encode()).id == one and one.encode() != given for one in made)


def test_there_is_an_id_while_a_request_is_answered() -> None:
    assert request_id() is None
    token = current.set(Current(b"mine"))
    assert request_id() == "mine"
    current.reset(token)
