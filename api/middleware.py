"""What holds for every answer: who may read it and for how long, and no request is larger than it may be."""

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import RequestTimeout, RequestTooLarge
from api.responses import refused_unread

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Api-User-Agent",
    "Access-Control-Max-Age": "86400",
}

_Headers = tuple[tuple[bytes, bytes], ...]

_ALWAYS: _Headers = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)

_OPEN: _Headers = (
    *_ALWAYS,
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
)

_PRIVATE: _Headers = (*_ALWAYS, (b"cross-origin-resource-policy", b"same-origin"))

_HTTPS: _Headers = ((b"strict-transport-security", b"max-age=31536000"),)

_SECONDS = 30.0
"""How long a request's body may take to arrive."""

_CLOSE = {"Connection": "close"}
"""Said where the rest of a request is not read."""


class CommonHeaders:
    """Gives every answer, errors included, the headers that it does not have by itself.

    Scripts of every site may read answers: there are no cookies or accounts to protect, see
    https://fetch.spec.whatwg.org/#http-cors-protocol. (Starlette's own middleware keeps silent on errors and
    where there is no Origin.) What is below ``private`` is for this site alone.
    """

    def __init__(self, app: ASGIApp, private: str) -> None:
        self._app = app
        self._private = private

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer preflights here, and mark every other answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_open = not scope["path"].startswith(self._private)
        headers = _OPEN if is_open else _PRIVATE
        if scope["scheme"] == "https":
            headers += _HTTPS

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(each for each in headers if each[0] not in own)]
            await send(message)

        if is_open and scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, marked)
        else:
            await self._app(scope, receive, marked)


class BodyLimit:
    """Refuses requests with more than ``limit(path)`` bytes of body before they are read whole."""

    def __init__(self, app: ASGIApp, limit: Callable[[str], int]) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body as far as it may go, and hand it on in one piece."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope["path"])
        try:
            async with asyncio.timeout(_SECONDS):
                body = None if _announced(scope) > limit else await _read(receive, limit)
        except TimeoutError:
            late = RequestTimeout(f"the request did not arrive within {_SECONDS:g} seconds")
            await refused_unread(scope, late, _CLOSE)(scope, receive, send)
            return
        if body is None:
            large = RequestTooLarge(
                f"the request is too large: at most {limit / 1_000_000:g} MB are taken here"
            )
            await refused_unread(scope, large, _CLOSE)(scope, receive, send)
            return
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def replay() -> MutableMapping[str, Any]:
            return next(messages, None) or await receive()

        await self._app(scope, replay, send)


def _announced(scope: Scope) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


async def _read(receive: Receive, limit: int) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(body)
