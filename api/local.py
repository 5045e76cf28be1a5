"""``/local/``: the files of indexed folders, whole or as thumbnails; no other file can be had.

They may be private photos, on a server that only runs for its owner: other sites may neither read nor
show them.
"""

import hashlib
import mimetypes
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api import lookups
from api.errors import BadInput, NotFound, Refusal
from api.files import LOCAL, PAGE_IDS, reading
from api.responses import refused
from api.service import Service
from commons.pictures import Unhashable, thumbnail
from commons.thumbnails import STEPS
from sql import local_files
from sql.local_files import LocalFile


def route(service: Service) -> Route:
    """The route for the file with page id -N: ``/local/N``, or ``/local/N?width=330`` for a thumbnail."""

    async def answer(request: Request) -> Response:
        try:
            width = _width(request.query_params.get("width"))
            data, mime = await service.read(_read, service, request.path_params["number"])
            return await _serve(service, data, mime, width)
        except Refusal as refusal:
            return refused(refusal)

    return Route(LOCAL + "{number}", answer)


def _width(text: str | None) -> int | None:
    if text is not None and text not in map(str, STEPS):
        raise BadInput(f"width is {text[:20]!r}; thumbnails are {', '.join(map(str, STEPS))} pixels wide")
    return None if text is None else int(text)


def _read(service: Service, number: str) -> tuple[bytes, str | None]:
    """The bytes that were hashed, and their type; whatever has taken their place is not shown."""
    page_id = -int(number) if re.fullmatch("[0-9]{1,10}", number, re.ASCII) else 0
    if page_id in PAGE_IDS and page_id not in service.live.deleted and lookups.hashes(service, [page_id]):
        with reading(service) as connection:
            file = local_files.of_pages(connection, [page_id]).get(page_id)
        if file is not None and (data := _bytes(file)) is not None:
            return data, mimetypes.guess_type(file.title)[0]
    raise NotFound("there is no such file, or it has changed since it was hashed")


def _bytes(file: LocalFile) -> bytes | None:
    try:
        data = Path(file.path).read_bytes() if Path(file.path).stat().st_size == file.size else b""
    except OSError:
        return None
    return data if hashlib.sha1(data, usedforsecurity=False).hexdigest() == file.sha1 else None


async def _serve(service: Service, data: bytes, mime: str | None, width: int | None) -> Response:
    if width is None:
        return Response(data, headers={"Accept-Ranges": "none"}, media_type=mime)
    try:
        picture = await service.decoders.run(thumbnail, data, width)
    except Unhashable as error:
        return JSONResponse({"error": str(error), "reason": error.reason}, 422)
    return Response(picture, headers={"Cache-Control": "private, max-age=3600"}, media_type="image/jpeg")
