import time
from datetime import UTC, datetime

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commons.manners import LONGEST_BACKOFF, Pace, backoff, is_local, retry_after, user_agent

NOW = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "agent", ["my-bot/1.0 (me@example.org)", "bot (https://example.org/wiki/User:Me) httpx2/2.16"]
)
def test_a_name_with_a_contact_is_sent_as_it_is(agent: str) -> None:
    assert agent == user_agent(agent, ["upload.wikimedia.org"])


@pytest.mark.parametrize("contact", ["me@example.org", "https://example.org/wiki/User:Me", "http://a.b/~c"])
def test_a_bare_contact_is_sent_with_the_project_s_name(contact: str) -> None:
    name, _, comment = user_agent(contact, ["upload.wikimedia.org"]).partition(" ")
    assert name.startswith("commons-imagehash/")
    assert f"({contact})" == comment


@pytest.mark.parametrize("agent", [None, "my-bot/1.0", "me@home", "@", "ask me", "https://"])
@pytest.mark.parametrize("host", ["upload.wikimedia.org", "api.finna.fi", "8.8.8.8:80", "localhost.org", ""])
def test_nobody_else_is_asked_without_a_contact(agent: str | None, host: str) -> None:
    with pytest.raises(ValueError, match="set IMAGEHASH_USER_AGENT to an e-mail address or a web address"):
        user_agent(agent, ["127.0.0.1:8080", host])


@pytest.mark.parametrize("host", ["localhost", "wiki.localhost:80", "127.0.0.1:8080", "[::1]:1", "10.1.2.3"])
def test_local_servers_need_no_contact(host: str) -> None:
    assert is_local(host)
    assert user_agent(None, [host]).startswith("commons-imagehash/")
    assert user_agent("my-bot/1.0", [host]) == "my-bot/1.0"


@pytest.mark.parametrize("agent", ["a@b.cd\r\nX: y", "é@example.org", "a@b.cd\x00"])
def test_what_cannot_be_a_header_is_refused(agent: str) -> None:
    with pytest.raises(ValueError, match="expected printable ASCII characters only"):
        user_agent(agent, ["localhost"])


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("Fri, 06 Nov 2026 08:50:37 GMT", 60),
        ("Friday, 06-Nov-26 08:50:37 GMT", 60),
        ("Fri Nov  6 08:50:37 2026", 60),
        ("Fri, 06 Nov 2026 08:49:36 GMT", 0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("9999999999", None),
        ("Fri, 99 Nov 2026 08:50:37 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_one_of_three_forms_of_a_date(
    value: str | None, seconds: float | None
) -> None:
    assert seconds == retry_after(value, NOW)


@given(st.text())
def test_no_retry_after_makes_trouble(value: str) -> None:
    seconds = retry_after(value, NOW)
    assert seconds is None or seconds >= 0


@given(st.integers(1, 1000), st.floats(0.001, 10))
def test_backoff_doubles_up_to_a_limit_with_jitter(failures: int, first: float) -> None:
    middle = min(LONGEST_BACKOFF, first * 2.0 ** (failures - 1))
    assert middle / 2 <= backoff(failures, first) <= middle


def test_backoff_is_never_the_same_twice() -> None:
    assert len({backoff(3, 1) for _ in range(20)}) > 10


def test_the_longest_hold_counts() -> None:
    pace = Pace(None)
    assert pace.held == 0
    pace.hold(100)
    pace.hold(1)
    assert pace.held == pytest.approx(100, abs=1)


def test_turns_keep_their_distance() -> None:
    async def turns(pace: Pace) -> list[float]:
        times: list[float] = []

        async def turn() -> None:
            await pace.turn()
            times.append(time.monotonic())

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(turn)
        return times

    begun = time.monotonic()
    for number, turn in enumerate(anyio.run(turns, Pace(20))):
        assert turn - begun >= number / 20 - 0.001


def test_without_a_rate_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(anyio, "sleep", sleep)
    pace = Pace(None)
    for _ in range(3):
        anyio.run(pace.turn)
    assert waited == [0, 0, 0]
