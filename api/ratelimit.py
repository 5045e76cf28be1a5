"""How many requests a client may make in a while.

Told by the fields of https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/. Each worker
process counts for itself, in fixed windows, one for all clients: they are forgotten together.
"""

import time
from functools import lru_cache, partial
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import RateLimited
from api.files import LOCAL
from api.responses import refused_unread

POINTS = 1000
"""Of a query's cost that count as another request."""

MOST_CLIENTS = 100_000
"""Clients that are remembered; with more in one window, all begin anew."""

_CHARGE = "imagehash.charge"
_FREE = frozenset({"/", "/healthz", "/readyz", "/metrics"})
_FREE_BELOW = ("/assets/", LOCAL)
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_IPV6_PREFIX = 64
"""Bits of an IPv6 address that tell one subscriber from another."""


class RateLimit:
    """Refuses clients more requests than ``limit`` (``600/minute``), and tells them how many are left."""

    def __init__(self, app: ASGIApp, limit: str) -> None:
        self._app = app
        amount, unit = limit.split("/")
        self._most, self._seconds = int(amount), _SECONDS[unit]
        self._counts: dict[str, int] = {}
        self._end = 0.0
        self._policy = b"ratelimit-policy", f'"default";q={self._most};w={self._seconds}'.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the request, and answer it here if it is one too many."""
        if scope["type"] != "http" or scope["path"] in _FREE or scope["path"].startswith(_FREE_BELOW):
            await self._app(scope, receive, send)
            return
        client = subscriber(scope["client"][0]) if scope["client"] else ""
        count = self._count(client, 1)
        scope[_CHARGE] = partial(self._count, client)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._fields(client)]
            await send(message)

        over = count > self._most
        await (self._refusal(scope, client) if over else self._app)(scope, receive, told)

    def _count(self, client: str, requests: int) -> int:
        now = time.monotonic()
        if now >= self._end or len(self._counts) >= MOST_CLIENTS:
            self._counts.clear()
            self._end = now + self._seconds
        count = self._counts[client] = self._counts.get(client, 0) + requests
        return count

    def _wait(self) -> int:
        return max(1, ceil(self._end - time.monotonic()))

    def _fields(self, client: str) -> list[tuple[bytes, bytes]]:
        left = max(0, self._most - self._counts.get(client, 0))
        return [self._policy, (b"ratelimit", f'"default";r={left};t={self._wait()}'.encode())]

    def _refusal(self, scope: Scope, client: str) -> JSONResponse:
        wait = self._wait()
        message = (
            f"{self._most} requests in {self._seconds} seconds are what a client may make here: ask "
            f"again in {wait} seconds, and for many pictures at once by searchMany or files"
        )
        refusal = RateLimited(message)
        refusal.retry_after = wait
        return refused_unread(scope, refusal)


def charge(scope: Scope, points: int) -> None:
    """Count a query for as many requests as its cost comes to, if requests are counted at all."""
    more = points // POINTS
    if more and _CHARGE in scope:
        scope[_CHARGE](more)


@lru_cache(4096)
def subscriber(host: str) -> str:
    """Who is counted as one: an IPv4 address, a network of IPv6."""
    try:
        address = ip_address(host)
    except ValueError:
        return host[:100]
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), _IPV6_PREFIX), strict=False))
