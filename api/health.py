"""``/healthz``: the process runs. ``/readyz``: it can answer, and with what."""

from http import HTTPStatus

from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api import files
from api.errors import Refusal
from api.files import reading
from api.service import Service


def routes(service: Service) -> list[Route]:
    """The routes for whoever watches over the service."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_request: Request) -> Response:
        database = await service.read(_database, service)
        replica = await service.read(_replica, service)
        in_memory = service.live.in_memory
        told = {
            "index": service.live.engine.name if service.live.loaded else "loading",
            "database": database,
            "replica": replica,
        }
        ready = in_memory or database == "ok"
        return JSONResponse(told, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


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
