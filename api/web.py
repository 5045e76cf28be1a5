"""``/`` and, for browsers, ``/graphql``: the page and the explorer, which ``make web`` puts into ``static``.

What each may load is told by its policy, https://www.w3.org/TR/CSP3/.
"""

from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from commons.settings import Settings

BUILT = Path(__file__).parent / "static"

_HOME = """\
Is this picture already on Wikimedia Commons, and as which files?

POST /graphql     queries; try {"query": "{ index { fileCount engine } }"}
POST /hash        the hashes of a picture
GET  /search      ?phash=&dhash= (decimal): files with one hash equal
GET  /pagesearch  ?page_id= or ?page_title=: files like this one
GET  /readyz      what can answer

There is a page for people here once `make web` has built it.
"""

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
_EXPLORER = _POLICY | {
    "style-src": "'self' 'unsafe-inline'",
    "font-src": "'self' data:",
    "img-src": "'self' data:",
    "worker-src": "'self' blob:",
}
"""The editor in it styles what it shows inline, and works in the background."""

_WIKIMEDIA = ("https://upload.wikimedia.org", "https://thumb.wikimedia.org", "https://commons.wikimedia.org")


def routes(settings: Settings, graphql: ASGIApp, built: Path = BUILT) -> list[BaseRoute]:
    """The routes for the page, the explorer and what they load, beside ``graphql`` for everyone else."""
    if not (built / "index.html").exists():
        return [Route("/", _home), Route("/graphql", graphql)]
    page = _POLICY | {"img-src": " ".join(("'self'", "data:", "blob:", *_wiki(settings)))}
    explorer = _Document(built, "explorer.html", _EXPLORER)
    return [
        Route("/", _Document(built, "index.html", page)),
        Route("/graphql", _ForBrowsers(explorer, graphql)),
        Mount("/assets", _Files(built / "assets", {"Cache-Control": "public, max-age=31536000, immutable"})),
    ]


async def _home(_request: object) -> Response:
    return PlainTextResponse(_HOME)


def _wiki(settings: Settings) -> tuple[str, ...]:
    """Where the wiki's pictures are."""
    site = urlsplit(settings.wiki_api)
    return _WIKIMEDIA if site.netloc == "commons.wikimedia.org" else (f"{site.scheme}://{site.netloc}",)


class _Files(StaticFiles):
    """Files of a folder, compressed where a compressed one lies beside and the browser takes it."""

    def __init__(self, folder: Path, headers: dict[str, str]) -> None:
        super().__init__(directory=folder)
        self._headers = headers | {"Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file, or its compressed form."""
        accepted = {way.strip() for way in Headers(scope=scope).get("accept-encoding", "").split(",")}
        for encoding, suffix in (("br", ".br"), ("gzip", ".gz")):
            if encoding in accepted and self.lookup_path(path + suffix)[1]:
                response = await super().get_response(path + suffix, scope)
                response.headers["Content-Encoding"] = encoding
                break
        else:
            response = await super().get_response(path, scope)
        response.headers.update(self._headers)
        return response


class _Document(_Files):
    """One HTML file, under its policy; it is asked for again each time, as what it names may be newer."""

    def __init__(self, folder: Path, name: str, policy: dict[str, str]) -> None:
        told = "; ".join(f"{directive} {sources}" for directive, sources in policy.items())
        super().__init__(
            folder,
            {
                "Content-Security-Policy": told,
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "no-cache",
            },
        )
        self._name = name

    def get_path(self, scope: Scope) -> str:
        """The file, whatever the address."""
        return self._name


class _ForBrowsers:
    """Shows whoever asks for HTML a document, and hands everyone else on."""

    def __init__(self, document: ASGIApp, others: ASGIApp) -> None:
        self._document = document
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asks_for_html = scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", "")
        await (self._document if asks_for_html else self._others)(scope, receive, send)
