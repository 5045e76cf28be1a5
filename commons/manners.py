"""How servers are asked: by a name with a contact, not too often, and not while they ask to wait.

The rules are those of https://foundation.wikimedia.org/wiki/Policy:User-Agent_policy and of RFC 9110
(https://www.rfc-editor.org/rfc/rfc9110), sections 10.1.5 (User-Agent) and 10.2.3 (Retry-After).
"""

import random
import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from ipaddress import ip_address
from urllib.parse import urlsplit

import anyio

from commons.settings import USER_AGENT

LONGEST_BACKOFF = 60.0
"""Seconds."""

_CONTACT = re.compile(r"[^\s@()<>]+@[^\s@()<>]+\.[^\s@()<>]+|https?://[^\s()<>]+")


def user_agent(agent: str | None, hosts: Iterable[str]) -> str:
    """Return the User-Agent for these hosts (`name` or `name:port`), where `agent` may be a bare contact.

    Raises ValueError saying what to set where it lacks a contact and a host is not local, or where it
    can be no header.
    """
    own = f"commons-imagehash/{version('commons-imagehash')}"
    if agent is not None and not (agent.isascii() and agent.isprintable()):
        raise ValueError(f"{USER_AGENT} is {agent!r}; expected printable ASCII characters only")
    if agent is None or not _CONTACT.search(agent):
        strangers = sorted(host for host in hosts if not is_local(host))
        if strangers:
            raise ValueError(
                f"{strangers[0]} is asked only by those who say who they are: set {USER_AGENT} to an e-mail "
                "address or a web address at which you can be reached, or to a name that holds one, such as "
                "'my-bot/1.0 (me@example.org)'"
            )
        return agent or own
    return f"{own} ({agent})" if _CONTACT.fullmatch(agent) else agent


def is_local(host: str) -> bool:
    """Tell whether a host (`name` or `name:port`) is this machine or in its own network."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ip_address(name).is_private
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def retry_after(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header, in seconds or as a date; None where it says nothing that is understood."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    # Of the three forms of a date (RFC 9110 section 5.6.7) one names no zone; all of them mean UTC.
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())


def backoff(failures: int, first: float) -> float:
    """Return how many seconds to wait after that many failures, `first` after one: doubled, and jittered.

    Without jitter, all who failed together would come back together
    (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
    """
    delay = min(LONGEST_BACKOFF, first * 2.0 ** (failures - 1))
    return delay * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


class Pace:
    """When one host may be asked again; for use within one event loop."""

    def __init__(self, per_second: float | None) -> None:
        self._seconds_between = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._held_until = 0.0

    @property
    def held(self) -> float:
        """For how many more seconds nobody may ask."""
        return max(0.0, self._held_until - time.monotonic())

    def hold(self, seconds: float) -> None:
        """Have everybody wait for that long, or longer where they were told so before."""
        self._held_until = max(self._held_until, time.monotonic() + seconds)

    async def turn(self) -> None:
        """Wait until the rate lets one more ask."""
        now = time.monotonic()
        turn = max(now, self._next)
        self._next = turn + self._seconds_between
        await anyio.sleep(turn - now)
