"""Refusals as answers of the service."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import Scope

from api.errors import Refusal
from api.negotiation import GRAPHQL_HEADERS, JSON, graphql_type


def refused(refusal: Refusal, headers: Mapping[str, str] = {}) -> JSONResponse:
    """The message with its status, and when to ask again, as the plain URLs have it."""
    return JSONResponse({"error": str(refusal)}, refusal.status, {**headers, **_wait(refusal)})


def refused_unread(scope: Scope, refusal: Refusal, headers: Mapping[str, str] = {}) -> JSONResponse:
    """The same for a request that is not looked into: at ``/graphql`` as an answer over GraphQL."""
    if scope["path"] != "/graphql":
        return refused(refusal, headers)
    extensions: dict[str, str | int] = {"code": refusal.code}
    if refusal.retry_after is not None:
        extensions["retryAfter"] = refusal.retry_after
    told = {"errors": [{"message": str(refusal), "extensions": extensions}]}
    form = GRAPHQL_HEADERS[graphql_type(Headers(scope=scope)) or JSON]
    return JSONResponse(told, refusal.status, {**headers, **_wait(refusal), **form})


def _wait(refusal: Refusal) -> dict[str, str]:
    return {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
