"""The old tool's URLs, answered as its bots expect.

They take a list that is not empty as "already on Commons", so trouble is never an empty list, and files
that are gone are left out.
"""

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api import caching, elsewhere, lookups
from api.errors import BadInput, NotFound, Refusal
from api.files import PAGE_IDS, Facts, absolute
from api.responses import refused
from api.service import Service

_THUMBNAIL_WIDTH = 250
_DEFAULT_DIFFERENCE = 3
_MOST_LINKING = 100
_HASHES = range(2**64)

_ENTRY = json.JSONEncoder(sort_keys=True, separators=(",\n        ", ": "))

_Lookup = Callable[[Service, Request], Awaitable[Sequence[Facts] | None]]


def routes(service: Service) -> list[Route]:
    """The routes of the old tool."""
    return [
        Route("/search", partial(_answer, _search, service)),
        Route("/pagesearch", partial(_answer, _page_search, service)),
        Route("/finnasearch", partial(_answer, _finna_search, service)),
        Route("/externallinks", partial(_answer, _external_links, service)),
    ]


async def _answer(lookup: _Lookup, service: Service, request: Request) -> Response:
    begun = time.perf_counter()
    try:
        files = await lookup(service, request)
    except Refusal as refusal:
        return refused(refusal)
    found_after = time.perf_counter() - begun
    answer: list[Any] = [_item(request, file) for file in files or ()]
    if _is_debugged(request):
        answer.append([found_after, time.perf_counter() - begun])
    told = {"X-Imagehash-Status": "not-indexed"} if files is None else {}
    return _json(answer, told | caching.unless_degraded(service))


async def _search(service: Service, request: Request) -> Sequence[Facts]:
    dhash, phash = _required(request, "dhash"), _required(request, "phash")
    pair = _integer("phash", phash, _HASHES), _integer("dhash", dhash, _HASHES)
    if _difference(request) <= 0:
        return []
    return await lookups.equal(service, *pair)


async def _page_search(service: Service, request: Request) -> Sequence[Facts] | None:
    title, page_id = _first(request, "page_title"), _first(request, "page_id")
    if not title and not page_id:
        raise BadInput("give page_id or page_title")
    number = None if title else _integer("page_id", page_id or "", PAGE_IDS)
    difference = _difference(request)
    if number is None:
        (number,) = await service.read(lookups.page_ids_of, service, [title or ""])
        if number is None:
            raise NotFound(f"there is no file {title!r}")
    return await lookups.equal_within(service, number, difference)


async def _finna_search(service: Service, request: Request) -> Sequence[Facts]:
    record_id = _required(request, "finna_id")
    return await elsewhere.equal_to_record(service, record_id, _difference(request))


async def _external_links(service: Service, request: Request) -> Sequence[Facts]:
    domain, path = _required(request, "el_to_domain_index"), _required(request, "el_to_path")
    return await elsewhere.linking_now(service, domain, path, first=_MOST_LINKING)


def _is_debugged(request: Request) -> bool:
    """Whether seconds are asked for; ``/externallinks`` alone wants a value for it."""
    asked = _first(request, "debug")
    return bool(asked) if request.scope["path"].endswith("/externallinks") else asked is not None


def _first(request: Request, name: str) -> str | None:
    return next(iter(request.query_params.getlist(name)), None)


def _required(request: Request, name: str) -> str:
    value = _first(request, name)
    if value is None:
        raise BadInput(f"the parameter {name} is missing")
    return value


def _difference(request: Request) -> int:
    given = _first(request, "maxdifference")
    return _DEFAULT_DIFFERENCE if given is None else _integer("maxdifference", given)


def _integer(name: str, text: str, allowed: range | None = None) -> int:
    try:
        value = int(text)
    except ValueError:
        hint = ": hashes are unsigned decimal numbers at this URL" if allowed is _HASHES else ""
        raise BadInput(f"{name} is {text[:100]!r}, which is not an integer{hint}") from None
    if allowed is not None and value not in allowed:
        raise BadInput(f"{name} is out of range: from {allowed.start} to {allowed.stop - 1}")
    return value


def _item(request: Request, file: Facts) -> dict[str, Any]:
    title = f"File:{file.name}".replace(" ", "_")
    thumbnail = file.thumbnail(_THUMBNAIL_WIDTH)
    if file.page_id < 0:
        thumbnail = absolute(str(request.base_url), thumbnail)
    return {"page_id": file.page_id, "page_title": title, "thumbnail": thumbnail}


def _json(answer: Sequence[Any], headers: dict[str, str]) -> Response:
    body = "[\n" + ",\n".join(map(_entry, answer)) + "\n]" if answer else "[]"
    return Response(body, headers=headers, media_type="application/json")


def _entry(content: dict[str, Any] | list[float]) -> str:
    """One of a list, as ``json.dumps`` writes it with ``indent=4``, which it does without its part in C."""
    text = _ENTRY.encode(content)
    return f"    {text[0]}\n        {text[1:-1]}\n    {text[-1]}"
