"""The request that is being answered, as the log, the metrics and incidents know it."""

import re
import secrets
from contextvars import ContextVar

ID_HEADER = b"x-request-id"

_SOUND = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Current:
    """A request: its id, and once they are known what it asks for and what came of it.

    ``deadline`` is until when the database may search for it, by the monotonic clock; None before it does.
    """

    __slots__ = ("deadline", "id", "mode", "outcome")

    def __init__(self, given: bytes | None = None) -> None:
        """Take the id that was given, if it is one that can be shown and logged, or make one."""
        self.id = given.decode() if given and _SOUND.fullmatch(given) else secrets.token_hex(8)
        self.mode: str | None = None
        self.outcome: str | None = None
        self.deadline: float | None = None


current: ContextVar[Current | None] = ContextVar("request", default=None)
"""Set for as long as a request is answered, also in the threads that work for it."""


def request_id() -> str | None:
    """The id of the request that is being answered, if any is."""
    request = current.get()
    return None if request is None else request.id
