"""What the old tool does for ``/pagesearch``: two queries for the pages, and one for their titles."""

import json
from functools import partial

from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response

from api.service import Service
from commons.thumbnails import thumbnail_url
from sql.replica import FILE_NAMESPACE

_PAIRS = """
    SELECT theirs.commons
    FROM {one} AS mine
    JOIN {other} AS my_other ON my_other.commons = mine.commons
    JOIN {one} AS theirs ON theirs.hash = mine.hash
    JOIN {other} AS their_other ON their_other.commons = theirs.commons
    WHERE mine.commons = :page_id AND BIT_COUNT(my_other.hash ^ their_other.hash) < :maxdifference
"""
_PAGES = [
    text(_PAIRS.format(one=one, other=other)) for one, other in (("phash", "dhash"), ("dhash", "phash"))
]
_TITLES = "SELECT page_id, page_title FROM page WHERE page_namespace = {} AND page_id IN ({})"

WIDTH = 250
"""Of thumbnails, in pixels."""


async def page_search(service: Service, request: Request) -> Response:
    """The files like the page's."""
    page_id = int(request.query_params["page_id"])
    maxdifference = int(request.query_params.get("maxdifference", 3))
    found = await service.read(partial(_find, service, page_id, maxdifference))
    return Response(json.dumps(found, indent=4, sort_keys=True), media_type="application/json")


def _find(service: Service, page_id: int, maxdifference: int) -> list[dict[str, object]]:
    asked = {"page_id": page_id, "maxdifference": maxdifference}
    with service.database.read() as connection:
        page_ids = {found for query in _PAGES for found in connection.scalars(query, asked)}
    if not page_ids:
        return []
    with service.replica.read() as connection:
        listed = ", ".join(map(str, sorted(page_ids)))
        rows = connection.exec_driver_sql(_TITLES.format(FILE_NAMESPACE, listed))
        titles = {page_id: bytes(title).decode() for page_id, title in rows}
    return [
        {"page_id": page_id, "page_title": f"File:{name}", "thumbnail": thumbnail_url(name, WIDTH)}
        for page_id, name in sorted(titles.items())
    ]
