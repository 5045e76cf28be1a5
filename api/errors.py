"""What can go wrong with a request, in the words that clients get to read.

Codes are Apollo's where Apollo has one
(https://www.apollographql.com/docs/apollo-server/data/errors#built-in-error-codes).
"""

import logging
import secrets
from http import HTTPStatus

from api.requests import request_id

_SOON = 30
"""Seconds after which a database may be read again."""

logger = logging.getLogger(__name__)


def incident(error: Exception) -> str:
    """Log what nobody foresaw, and return what to tell the client of it."""
    number = request_id() or secrets.token_hex(8)
    logger.error("incident %s", number, exc_info=error)
    return f"something went wrong here; it is in the log as {number}"


def unreadable(database: str, error: Exception) -> str:
    """Log why a database cannot be read, and return what to tell the client of it."""
    logger.warning("%s cannot be read: %s", database, reason(error))
    return f"{database} cannot be read now: ask again in {_SOON} seconds"


def reason(error: Exception) -> str:
    """The first line of an error as the database's driver tells it, hosts and users and all."""
    return str(getattr(error, "orig", None) or error).split("\n", 1)[0]


class Refusal(Exception):  # noqa: N818  (not every refusal is an error of the program)
    """A request that is answered with a message; subclasses give its code and HTTP status."""

    code = "INTERNAL_SERVER_ERROR"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    retry_after: int | None = None
    """Seconds after which asking again may help."""


class BadInput(Refusal):
    """The client asked for something that cannot be."""

    code = "BAD_USER_INPUT"
    status = HTTPStatus.BAD_REQUEST


class NotFound(Refusal):
    """There is no such thing."""

    code = "NOT_FOUND"
    status = HTTPStatus.NOT_FOUND


class NotAvailableHere(Refusal):
    """What was asked for is not offered here."""

    code = "NOT_AVAILABLE"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class IndexLoading(Refusal):
    """The index is not in memory yet, and the database would take too long in its place."""

    code = "INDEX_LOADING"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = _SOON


class DatabaseUnavailable(Refusal):
    """The database of hashes cannot be read."""

    code = "DATABASE_UNAVAILABLE"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = _SOON


class ReplicaUnavailable(Refusal):
    """The Commons replica cannot be read."""

    code = "REPLICA_UNAVAILABLE"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after: int | None = _SOON


class NoReplica(ReplicaUnavailable):
    """There is none to ask, now or later."""

    code = NotAvailableHere.code
    retry_after = None


class TooSlow(Refusal):
    """The database would take too long over what was asked for."""

    code = "TOO_SLOW"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class UpstreamFailed(Refusal):
    """Another site that was to be asked, such as Finna, did not answer as it should."""

    code = "UPSTREAM_FAILED"
    status = HTTPStatus.BAD_GATEWAY


class UnhashablePicture(Refusal):
    """Another site's picture is none that can be hashed."""

    code = "UNHASHABLE_PICTURE"
    status = HTTPStatus.BAD_GATEWAY


class TooManyPictures(Refusal):
    """A request asks for more pictures to be fetched than it may; what was fetched is kept for the next."""

    code = "TOO_MANY_PICTURES"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = 1


class RequestTimeout(Refusal):
    """The request did not arrive in time."""

    code = "REQUEST_TIMEOUT"
    status = HTTPStatus.REQUEST_TIMEOUT


class RequestTooLarge(Refusal):
    """The request has more bytes than are read."""

    code = "REQUEST_TOO_LARGE"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class RateLimited(Refusal):
    """The client has asked as often as it may for now."""

    code = "RATE_LIMITED"
    status = HTTPStatus.TOO_MANY_REQUESTS


class Busy(Refusal):
    """More is asked for at once than this machine can do."""

    code = "BUSY"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = 5


def status_of(code: str) -> HTTPStatus:
    """The HTTP status that goes with an error's code; 400 for what only GraphQL has a code for."""
    kinds: list[type[Refusal]] = [Refusal, *Refusal.__subclasses__()]
    return next((kind.status for kind in kinds if kind.code == code), HTTPStatus.BAD_REQUEST)
