"""Pictures from the web, with manners: the one HTTP client of the project.

HTTP as in RFC 9110 (https://www.rfc-editor.org/rfc/rfc9110), over HTTP/2 where the server speaks it.
"""

import ssl
from collections.abc import AsyncIterator, Collection, Iterator
from concurrent import futures
from concurrent.futures import Future
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, NamedTuple, Self

import anyio
import httpx2
from anyio.from_thread import start_blocking_portal

from commons.manners import Pace, backoff, is_local, retry_after, user_agent
from commons.pictures import Reason, Unhashable
from commons.settings import USER_AGENT

PER_SECOND = 10
"""Requests a second to one host, for each of those at once."""

_REDIRECTS = 5
_ERROR_PAGE = 2**16
_HEALING = {Reason.RATE_LIMITED, Reason.SERVER_ERROR, Reason.CONNECTION, Reason.CUT_OFF}
_MOVED = {
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.SEE_OTHER,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
}
_REASONS: dict[int, Reason] = {
    HTTPStatus.UNAUTHORIZED: Reason.FORBIDDEN,
    HTTPStatus.FORBIDDEN: Reason.FORBIDDEN,
    HTTPStatus.NOT_FOUND: Reason.NOT_FOUND,
    HTTPStatus.GONE: Reason.NOT_FOUND,
    HTTPStatus.REQUEST_TIMEOUT: Reason.SERVER_ERROR,
    HTTPStatus.TOO_MANY_REQUESTS: Reason.RATE_LIMITED,
}
_REASONS_OF_CLASSES = {4: Reason.REFUSED, 5: Reason.SERVER_ERROR}
_HINTS = {Reason.FORBIDDEN: f"; where it says so of every file, look at {USER_AGENT}"}


class Unfetchable(Unhashable):
    """A file cannot be had: as Unhashable, and for how many seconds the server asks to `wait`, or None."""

    def __init__(self, reason: Reason, message: str, wait: float | None = None) -> None:
        super().__init__(reason, message)
        self.args = (reason, message, wait)
        self.wait = wait


class Limits(NamedTuple):
    """What a fetch may cost.

    `size` in bytes of a body; in seconds: `whole` for one request from beginning to end, `quiet` for
    the time in which nothing comes, `connect`, `backoff` for the first wait of those between `tries`,
    by default enough of them for a server that is gone for half a minute, and `patience` for the longest
    wait that a server may ask for.
    """

    size: int = 256 * 2**20
    whole: float = 300
    quiet: float = 60
    connect: float = 15
    tries: int = 7
    backoff: float = 1
    patience: float = 600


LIMITS = Limits()


class Fetcher:
    """Fetches files from `hosts` and nowhere else, `at_once` at a time.

    A host is `name`, or `name:port` where the port is not the usual one. What comes with one of the
    statuses `taken` is the file. To be used as a context, from any thread; leaving it waits for what is
    under way, or drops that where an error leaves it. Raises ValueError where a host is not local and the
    user `agent` names no contact.
    """

    def __init__(
        self,
        hosts: Collection[str],
        agent: str | None,
        *,
        at_once: int = 2,
        limits: Limits = LIMITS,
        taken: Collection[int] = (HTTPStatus.OK,),
    ) -> None:
        self._headers = {"User-Agent": user_agent(agent, hosts), "Accept-Encoding": "identity"}
        self._at_once = at_once
        self._limits = limits
        self._taken = taken
        self._paces = {host.lower(): Pace(None if is_local(host) else PER_SECOND * at_once) for host in hosts}
        self._slots = anyio.Semaphore(at_once)
        self._idle: list[httpx2.AsyncClient] = []
        self._under_way: set[Future[bytes]] = set()
        self._tls: ssl.SSLContext = httpx2.create_ssl_context()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._portal = self._stack.enter_context(start_blocking_portal())
        return self

    def __exit__(self, kind: Any, *rest: Any) -> None:
        under_way = set(self._under_way)
        if kind is not None:
            for future in under_way:
                future.cancel()
        futures.wait(under_way)
        self._portal.call(self._close)
        self._stack.close()

    def fetch(self, url: str) -> bytes:
        """Return the whole file; raises Unfetchable, whatever keeps it from coming."""
        return self.submit(url).result()

    def submit(self, url: str) -> Future[bytes]:
        """Begin to fetch a file when its turn has come; the future is as `fetch`, and can be cancelled."""
        future = self._portal.start_task_soon(self._fetch, url)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        return future

    async def _close(self) -> None:
        for _ in range(self._at_once):
            await self._slots.acquire()
        for client in self._idle:
            await client.aclose()

    async def _fetch(self, url: str) -> bytes:
        target = self._allowed(url)
        for _ in range(_REDIRECTS + 1):
            answer = await self._ask(target)
            if isinstance(answer, bytes):
                return answer
            target = answer
        raise Unfetchable(Reason.UNEXPECTED_ANSWER, f"The server redirected more than {_REDIRECTS} times.")

    def _allowed(self, address: str, base: httpx2.URL | None = None) -> httpx2.URL:
        """Return the address, relative to `base`, where it may be asked for."""
        try:
            url = base.join(address) if base else httpx2.URL(address)
            host = url.netloc.decode()
        except (httpx2.InvalidURL, ValueError):
            raise Unfetchable(Reason.FOREIGN_ADDRESS, f"{address!r} is no address.") from None
        downgraded = base is not None and base.scheme == "https" and url.scheme != "https"
        if host not in self._paces or url.scheme not in {"http", "https"} or url.userinfo or downgraded:
            said = "The server redirected to" if base else "The address is at"
            asked = f"only http and https at {', '.join(self._paces)} are asked, without a name and password"
            raise Unfetchable(Reason.FOREIGN_ADDRESS, f"{said} {url.scheme}://{host}; {asked}.")
        return url

    async def _ask(self, url: httpx2.URL) -> bytes | httpx2.URL:
        """Ask until there is an answer to rely on: the file, or where it is instead."""
        pace = self._paces[url.netloc.decode()]
        failures = 0
        while True:
            try:
                return await self._ask_once(url, pace)
            except Unfetchable as failure:
                failures += 1
                seconds = max(failure.wait or 0.0, backoff(failures, self._limits.backoff))
                told = failure.wait is not None or failure.reason is Reason.RATE_LIMITED
                if told:
                    pace.hold(seconds)
                given_up = failures >= self._limits.tries or seconds > self._limits.patience
                if given_up or failure.reason not in _HEALING:
                    raise
            if not told:
                await anyio.sleep(seconds)

    async def _ask_once(self, url: httpx2.URL, pace: Pace) -> bytes | httpx2.URL:
        while True:
            await self._leave_alone(pace)
            async with self._slots:
                await pace.turn()
                if not pace.held:
                    return await self._exchange(url)

    async def _leave_alone(self, pace: Pace) -> None:
        """Wait for as long as the host asks to, unless that is too long."""
        while held := pace.held:
            if held > self._limits.patience:
                message = f"The server asks to be left alone for {held:.0f} seconds."
                raise Unfetchable(Reason.RATE_LIMITED, message, held)
            await anyio.sleep(held)

    async def _exchange(self, url: httpx2.URL) -> bytes | httpx2.URL:
        async with self._connection() as connection:
            with anyio.move_on_after(self._limits.whole):
                return await self._answer(connection, url)
        raise Unfetchable(
            Reason.TIMEOUT, f"The file took longer than {self._limits.whole:g} seconds to come."
        )

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator["_Connection"]:
        """A connection for one request alone, kept for others only where the answer was read to its end.

        The library does not tell an HTTP/2 server to stop sending (RST_STREAM) what is no longer read:
        that would go on, and use up the window that all requests on the connection share.
        """
        connection = _Connection(self._idle.pop() if self._idle else self._client())
        try:
            yield connection
        finally:
            if connection.clean:
                self._idle.append(connection.client)
            else:
                with anyio.CancelScope(shield=True):
                    await connection.client.aclose()

    def _client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            headers=self._headers,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            http2=True,
            timeout=httpx2.Timeout(self._limits.quiet, connect=self._limits.connect),
            verify=self._tls,
        )

    async def _answer(self, connection: "_Connection", url: httpx2.URL) -> bytes | httpx2.URL:
        with _failing_as(Reason.CONNECTION, "The server cannot be reached"):
            async with connection.client.stream("GET", url) as response:
                if response.status_code in self._taken:
                    _check_encoding(response)
                    body = await _read(response, self._limits.size)
                    connection.clean = True
                    return body
                connection.clean = await _drained(response)
        if response.status_code in _MOVED and "Location" in response.headers:
            return self._allowed(response.headers["Location"], url)
        raise _failure(response)


class _Connection:
    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client
        self.clean = False


async def _read(response: httpx2.Response, limit: int) -> bytes:
    """Read a body of at most `limit` bytes; that it is as long as announced is seen to by the library."""
    announced = response.headers.get("Content-Length", "")
    size = 0
    chunks: list[bytes] = []
    with _failing_as(Reason.CUT_OFF, "The file broke off"):
        # Closed here and now, as a generator that is left to the garbage collector is not.
        async with aclosing(response.aiter_raw()) as stream:
            _check_size(int(announced) if announced.isdecimal() else 0, limit)
            async for chunk in stream:
                size += len(chunk)
                _check_size(size, limit)
                chunks.append(chunk)
    return b"".join(chunks)


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise Unfetchable(Reason.TOO_LARGE, f"The file has more than {limit:,} bytes, and was not fetched.")


def _check_encoding(response: httpx2.Response) -> None:
    if (encoding := response.headers.get("Content-Encoding", "identity").lower()) != "identity":
        message = f"The server sent the file encoded ({encoding}), which was not asked for."
        raise Unfetchable(Reason.UNEXPECTED_ANSWER, message)


async def _drained(response: httpx2.Response) -> bool:
    """Read what a server says besides, for the connection to be used again; False where it is too much."""
    try:
        await _read(response, _ERROR_PAGE)
    except Unfetchable:
        return False
    return True


def _failure(response: httpx2.Response) -> Unfetchable:
    """What an answer means that is neither the file nor leads to it."""
    status = response.status_code
    reason = _REASONS.get(status) or _REASONS_OF_CLASSES.get(status // 100, Reason.UNEXPECTED_ANSWER)
    message = f"The server answered {status} {response.reason_phrase}".rstrip()
    told = response.headers.get("Retry-After") if reason in _HEALING else None
    wait = retry_after(told, datetime.now(UTC))
    pause = "" if wait is None else f" and asks to be left alone for {wait:.0f} seconds"
    return Unfetchable(reason, f"{message}{pause}{_HINTS.get(reason, '')}.", wait)


@contextmanager
def _failing_as(reason: Reason, what: str) -> Iterator[None]:
    """Turn whatever the library raises into Unfetchable; what h2 and TLS raise it lets through as it is."""
    try:
        yield
    except Unfetchable:
        raise
    except MemoryError as error:
        raise Unfetchable(Reason.OUT_OF_MEMORY, "The file does not fit into memory.") from error
    except Exception as error:
        raise Unfetchable(reason, f"{what}: {str(error) or type(error).__name__}.") from error
