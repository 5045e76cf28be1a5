"""``/local/``: the files of indexed folders, whole or as thumbnails; no other file can be had.

They may be private photos, on a server that only runs for its owner: other sites may neither read nor
show them.
"""

import asyncio
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from api.errors import BadInput, NotFound, Refusal
from api.files import LOCAL, PAGE_IDS, reading
from api.responses import refused
from api.service import Service
from commons.pictures import Unhashable, thumbnail
from commons.thumbnails import STEPS
from sql import local_files
from sql.local_files import LocalFile

_OWN_SITE = {"Cross-Origin-Resource-Policy": "same-origin"}


def route(service: Service) -> Route:
    """The route for the file with page id -N: ``/local/N``, or ``/local/N?width=330`` for a thumbnail."""

    async def answer(request: Request) -> Response:
        try:
            file = await service.read(_find, service, -request.path_params["number"])
            return await _serve(service, file, request.query_params.get("width"))
        except Refusal as refusal:
            return refused(refusal)

    return Route(LOCAL + "{number:int}", answer)


def _find(service: Service, page_id: int) -> LocalFile:
    file = None
    if page_id in PAGE_IDS:
        with reading(service) as connection:
            file = local_files.of_pages(connection, [page_id]).get(page_id)
    if file is None or page_id in service.live.deleted or not Path(file.path).is_file():
        raise NotFound("there is no such file any more")
    return file


async def _serve(service: Service, file: LocalFile, width: str | None) -> Response:
    if width is None:
        return FileResponse(file.path, headers=_OWN_SITE)
    if width not in map(str, STEPS):
        raise BadInput(f"width is {width!r}; thumbnails are {', '.join(map(str, STEPS))} pixels wide")
    try:
        data = await asyncio.to_thread(Path(file.path).read_bytes)
        picture = await service.decoders.run(thumbnail, data, int(width))
    except OSError:
        raise NotFound("the file cannot be read any more") from None
    except Unhashable as error:
        return JSONResponse({"error": str(error), "reason": error.reason}, 422)
    return Response(picture, media_type="image/jpeg", headers=_OWN_SITE | {"Cache-Control": "max-age=3600"})
