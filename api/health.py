"""``/healthz``: the process runs. ``/readyz``: it can answer, and with what. ``/metrics``: how it fares."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from anyio import to_thread
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api import files
from api.errors import Refusal
from api.files import reading
from api.service import Service

_SECONDS = 5.0
"""How long a database may take to show that it is there."""


def routes(service: Service) -> list[Route]:
    """The routes for who watches over the service."""
    looks = _Looks(service)

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_request: Request) -> Response:
        database, replica = await asyncio.gather(looks.at(_database), looks.at(_replica))
        in_memory = service.live.in_memory
        told = {
            "index": service.live.engine.name if service.live.loaded else "loading",
            "database": database,
            "replica": replica,
        }
        ready = in_memory or database == "ok"
        return JSONResponse(told, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)

    async def metrics(_request: Request) -> Response:
        service.show()
        return Response(await to_thread.run_sync(service.metrics.written), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


class _Looks:
    """Looks at databases, one at a time at each: however many ask while one hangs, no more threads do."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._under_way: dict[Callable[[Service], str], asyncio.Task[str]] = {}

    async def at(self, look: Callable[[Service], str]) -> str:
        """What a look comes to, within seconds even if the database hangs."""
        under_way = self._under_way.get(look)
        if under_way is None or under_way.done():
            under_way = self._under_way[look] = asyncio.create_task(to_thread.run_sync(look, self._service))
        try:
            async with asyncio.timeout(_SECONDS):
                return await asyncio.shield(under_way)
        except TimeoutError:
            return f"no answer within {_SECONDS:g} seconds"


def _database(service: Service) -> str:
    try:
        with reading(service) as connection:
            connection.execute(text("SELECT 1"))
    except Refusal as refusal:
        return str(refusal)
    return "ok"


def _replica(service: Service) -> str:
    try:
        files.named(service, ["A"])
    except Refusal as refusal:
        return str(refusal)
    return "ok"
