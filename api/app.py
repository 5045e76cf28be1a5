"""The service as an ASGI application."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from api import hashing, health, local, oldurls, pictures, web
from api.errors import incident
from api.files import LOCAL
from api.graphql import Endpoint
from api.middleware import BodyLimit, CommonHeaders
from api.observing import GRAPHQL, Observed
from api.ratelimit import RateLimit
from api.service import POLL_SECONDS, Service
from commons.settings import Settings

_MODES = {
    "/graphql": GRAPHQL,
    "/hash": "hash",
    "/search": "old search",
    "/pagesearch": "old pagesearch",
    "/finnasearch": "old finnasearch",
    "/externallinks": "old externallinks",
    "/healthz": "healthz",
    "/readyz": "readyz",
    "/metrics": "metrics",
}
"""What is asked for at a path, as the metrics call it."""

_MEGABYTE = 1_000_000


def create_app(
    settings: Settings | None = None,
    *,
    poll_seconds: float = POLL_SECONDS,
    more: Callable[[Service], Sequence[BaseRoute]] = lambda _: (),
) -> ASGIApp:
    """Make the application, with settings from the environment unless given, and with ``more`` routes."""
    settings = settings or Settings.from_environment()
    service = Service(settings, poll_seconds=poll_seconds)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with service.running():
            yield

    app = Starlette(
        routes=[
            *web.routes(service.wiki, Endpoint(service)),
            *oldurls.routes(service),
            hashing.route(service),
            local.route(service),
            pictures.route(service),
            *health.routes(service),
            *more(service),
        ],
        middleware=[Middleware(BodyLimit, limit=_most_bytes)],
        exception_handlers={HTTPException: _http_error, Exception: _our_fault},
        lifespan=lifespan,
    )
    limited = app if settings.rate_limit is None else RateLimit(app, settings.rate_limit)
    # Outside of Starlette's own middleware, whose answers to the unexpected are to be marked too.
    return Observed(CommonHeaders(limited, private=LOCAL), service.metrics, _MODES)


def _most_bytes(path: str) -> int:
    return 20 * _MEGABYTE if path == "/hash" else _MEGABYTE // 2


async def _http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _our_fault(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": incident(error)}, 500)
