"""``/`` and, for browsers, ``/graphql``: the page and the explorer, which ``make web`` puts into ``static``.

What each may load is told by its policy, https://www.w3.org/TR/CSP3/.
"""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from api.wiki import Wiki
from commons.sites import COMMONS, Site

BUILT = Path(__file__).parent / "static"

_HOME = """\
Is this picture already on Wikimedia Commons, and as which files?

POST /graphql        queries; try {"query": "{ index { fileCount engine } }"}
POST /hash           the hashes of a picture
GET  /search         ?phash=&dhash= (decimal): files with one hash equal
GET  /pagesearch     ?page_id= or ?page_title=: files like this one
GET  /finnasearch    ?finna_id=: files with a hash of the record's first picture
GET  /externallinks  ?el_to_domain_index=&el_to_path=: files that link there
GET  /readyz         what can answer

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

_THUMBNAILS = {COMMONS: "https://thumb.wikimedia.org"}
"""Where else thumbnails are to be: https://phabricator.wikimedia.org/T427465."""


def routes(wiki: Wiki, graphql: ASGIApp, built: Path = BUILT) -> list[BaseRoute]:
    """The routes for the page, the explorer and what they load, beside ``graphql`` for everyone else."""
    if not (built / "index.html").exists():
        return [Route("/", _home), Route("/graphql", graphql)]
    explorer = _Document(built, "explorer.html", lambda: _EXPLORER)
    return [
        Route("/", _Document(built, "index.html", lambda: _page(wiki.site))),
        Route("/graphql", _ForBrowsers(explorer, graphql)),
        Mount("/assets", _Files(built / "assets")),
    ]


async def _home(_request: object) -> Response:
    return PlainTextResponse(_HOME)


def _page(site: Site | None) -> dict[str, str]:
    """The page's policy, for pictures of this wiki."""
    hosts = (site.files, _THUMBNAILS.get(site)) if site else ()
    pictures = ("{0.scheme}://{0.netloc}".format(urlsplit(host)) for host in hosts if host)
    return _POLICY | {"img-src": " ".join(("'self'", "data:", "blob:", *pictures))}


class _Files(StaticFiles):
    """Files of a folder, compressed where a compressed one lies beside and the browser takes it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder)

    def headers(self) -> dict[str, str]:
        """What is told besides: names have a digest of the content in them."""
        return {"Cache-Control": "public, max-age=31536000, immutable"}

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
        response.headers.update(self.headers() | {"Vary": "Accept-Encoding"})
        return response


class _Document(_Files):
    """One HTML file, under its policy; it is asked for again each time, as what it names may be newer."""

    def __init__(self, folder: Path, name: str, policy: Callable[[], dict[str, str]]) -> None:
        super().__init__(folder)
        self._name = name
        self._policy = policy

    def headers(self) -> dict[str, str]:
        """The policy as it is now."""
        policy = "; ".join(f"{directive} {sources}" for directive, sources in self._policy().items())
        return {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}

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
