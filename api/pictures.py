"""``/finna/picture``: pictures of Finna's records, small, for pages that show nothing of third parties.

Whoever asks names a record and one of its pictures, and no address.
"""

import re
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.errors import BadInput, Refusal
from api.responses import refused
from api.service import Service

_PATH = "/finna/picture"
_HEADERS = {"Cache-Control": "public, max-age=3600"}


def address(record_id: str, index: int) -> str:
    """The path, on this service, of one of a record's pictures."""
    return f"{_PATH}?{urlencode({'id': record_id, 'index': index})}"


def route(service: Service) -> Route:
    """The route for the picture of the record ``id`` that is its ``index``-th, the first with 0."""

    async def answer(request: Request) -> Response:
        asked = request.query_params
        try:
            picture = await service.finna.shown(asked.get("id", ""), _index(asked.get("index", "")))
        except Refusal as refusal:
            return refused(refusal)
        return Response(picture, headers=_HEADERS, media_type="image/jpeg")

    return Route(_PATH, answer)


def _index(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text, re.ASCII):
        raise BadInput(f"index is {text[:20]!r}; a record's pictures are numbered from 0")
    return int(text)
