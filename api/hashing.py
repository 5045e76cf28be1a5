"""``POST /hash``: the hashes of a picture that somebody sends; nothing of it is kept."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.decoders import MOST_PIXELS, hashes_of
from api.errors import Busy
from api.responses import refused
from api.service import Service
from commons.hashes import Hashes, format_hex, low_information
from commons.pictures import Reason, Unhashable

_FORM = "Send the picture's bytes themselves as the body, not in a form (curl --data-binary @picture.jpg)."


def route(service: Service) -> Route:
    """The route for a picture's bytes as the body of a request."""

    async def answer(request: Request) -> Response:
        if request.headers.get("content-type", "").startswith("multipart/"):
            return JSONResponse({"error": _FORM, "reason": Reason.NOT_AN_IMAGE}, _status(Reason.NOT_AN_IMAGE))
        try:
            hashes = await service.decoders.run(hashes_of, await request.body(), MOST_PIXELS)
        except Unhashable as error:
            return JSONResponse({"error": str(error), "reason": error.reason}, _status(error.reason))
        except Busy as busy:
            return refused(busy)
        return JSONResponse(_told(hashes))

    return Route("/hash", answer, methods=["POST"])


def _status(reason: Reason) -> HTTPStatus:
    if reason in {Reason.NOT_AN_IMAGE, Reason.EMPTY}:
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    return HTTPStatus.UNPROCESSABLE_ENTITY


def _told(hashes: Hashes) -> dict[str, str | bool]:
    return {
        "phash": format_hex(hashes.phash),
        "dhash": format_hex(hashes.dhash),
        "phashDecimal": str(hashes.phash),
        "dhashDecimal": str(hashes.dhash),
        "lowInformation": low_information(*hashes),
    }
