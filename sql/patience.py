"""Patience with a server that is gone for a while, as one is that is started again."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

SECONDS = 300.0
"""For how long a server may be gone."""

_LONGEST_PAUSE = 10.0

_PASSING = {
    1040,  # too many connections
    1053,  # the server is shutting down
    1203,  # too many connections of this user
    1205,  # another transaction holds a lock for too long
    1213,  # deadlock
    1226,  # too many connections of this account, as on Toolforge
    1317,  # the server, shutting down, has ended the statement
    1927,  # the connection was killed
    2002,
    2003,  # nobody listens
    2006,
    2013,  # the connection was lost
    2055,
}
"""Error numbers of MariaDB (https://mariadb.com/kb/en/mariadb-error-code-reference/) and of its clients."""

_T = TypeVar("_T")

logger = logging.getLogger(__name__)


def patiently(operation: Callable[[], _T], *, seconds: float = SECONDS) -> _T:
    """Do something until it is done, while it fails because a server is gone.

    What was lost may have been done all the same, so it must be such that doing it twice is doing it
    once. Raises the last error where the server is not back after ``seconds``.
    """
    end = time.monotonic() + seconds
    pause = 0.1
    while True:
        try:
            return operation()
        except DBAPIError as error:
            if not _passes(error) or time.monotonic() + pause > end:
                raise
            logger.warning("the database is gone (%s); trying again for up to %.0f s", error.orig, seconds)
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE, 2 * pause)


def _passes(error: DBAPIError) -> bool:
    arguments = error.orig.args if error.orig else ()
    return error.connection_invalidated or any(
        argument in _PASSING or argument == "database is locked" for argument in arguments
    )
