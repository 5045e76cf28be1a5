"""Which media type a client would rather have, by its ``Accept``.

RFC 9110, https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1, but for parameters other than ``q``:
whether a client says ``charset=utf-8`` makes no difference here.
"""

import re
from functools import lru_cache

from starlette.datastructures import Headers

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"

GRAPHQL_HEADERS = {
    JSON: {"Content-Type": JSON, "Vary": "Accept"},
    GRAPHQL: {"Content-Type": f"{GRAPHQL}; charset=utf-8", "Vary": "Accept"},
}
"""What answers over GraphQL say of themselves, by their media type."""

_LONGEST = 1000
"""Characters of a header that are read; browsers send some 150."""

_QUALITY = re.compile(r";\s*q=([01](?:\.[0-9]{0,3})?)")


def graphql_type(headers: Headers) -> str | None:
    """The media type of a GraphQL answer to a request with these headers; JSON where it does not matter."""
    return preferred(", ".join(headers.getlist("accept")), (JSON, GRAPHQL))


@lru_cache(250)
def preferred(accept: str, offered: tuple[str, ...]) -> str | None:
    """The one of the media types offered that suits best, None where none does.

    Of those that suit alike it is the one that the client names first, and where it names neither, the
    first one offered.
    """
    ranges = accept[:_LONGEST].lower().split(",") if accept.strip() else ["*/*"]
    asked: dict[str, tuple[float, int]] = {}
    for place, text in enumerate(ranges):
        quality = _QUALITY.search(text)
        asked.setdefault(text.partition(";")[0].strip(), (float(quality[1]) if quality else 1.0, -place))

    def rank(media_type: str) -> tuple[float, int]:
        closest_first = media_type, media_type.partition("/")[0] + "/*", "*/*"
        return next((asked[pattern] for pattern in closest_first if pattern in asked), (0.0, 0))

    best = max(offered, key=rank)
    return best if rank(best)[0] > 0 else None
