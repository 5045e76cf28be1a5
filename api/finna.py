"""Finna for all who ask at once: its records, their pictures, and the hashes of those."""

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from api.decoders import MOST_PIXELS, Decoders, hashes_of
from api.errors import BadInput, Busy, NotAvailableHere, NotFound, UnhashablePicture, UpstreamFailed
from commons.fetching import Unfetchable
from commons.finna import AT_ONCE, KEPT_SECONDS, Finna, Record
from commons.hashes import Hashes
from commons.kept import Kept
from commons.pictures import Unhashable, thumbnail
from commons.settings import Settings

MOST_KEPT = 10_000
"""Pictures whose hashes are not asked for again, for as long as a record is not."""

MOST_WAITING = 100
"""Pictures on their way at once; more are turned away."""

WIDTH = 500
"""Of pictures that are shown, in pixels, at most."""

_LATER = 30
"""Seconds after which Finna may answer again, where it does not say."""

_A = TypeVar("_A")
_T = TypeVar("_T")


class Records:
    """Asks Finna from the event loop, a few things at a time; nothing is opened before the first.

    All methods raise UpstreamFailed, and NotAvailableHere where a setting is missing.
    """

    def __init__(self, settings: Settings, decoders: Decoders) -> None:
        self._settings = settings
        self._decoders = decoders
        self._threads = CapacityLimiter(2 * AT_ONCE)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._on_their_way = 0
        self._kept: Kept[str, Hashes | Unhashable] = Kept(MOST_KEPT, KEPT_SECONDS)
        self._opening = Lock()
        self._finna: Finna | None = None
        self._stack = ExitStack()

    def close(self) -> None:
        """Let what is under way come to its end."""
        self._stack.close()

    async def record(self, record_id: str) -> Record | None:
        """The record, None where Finna has no such record; raises BadInput for what cannot be an id."""
        try:
            return await self._ask(Finna.record, record_id)
        except ValueError as error:
            raise BadInput(str(error)) from error

    def are_kept(self, url: str) -> bool:
        """Whether the hashes of a picture can be had without asking Finna."""
        return url in self._kept

    async def hashes(self, url: str) -> Hashes:
        """The hashes of a picture of a record; raises UnhashablePicture and Busy."""
        try:
            known = self._kept[url]
        except KeyError:
            known = await self._hash(url)
        if isinstance(known, Unhashable):
            raise UnhashablePicture(str(known)) from known
        return known

    async def shown(self, record_id: str, index: int) -> bytes:
        """A picture of a record, small, as JPEG; raises BadInput, NotFound, UnhashablePicture and Busy."""
        record = await self.record(record_id)
        if record is None or not 0 <= index < len(record.pictures):
            raise NotFound("Finna has no such record, or the record no such picture: the first is 0")
        try:
            return await self._decode(record.pictures[index].small, thumbnail, WIDTH)
        except Unhashable as error:
            raise UnhashablePicture(str(error)) from error

    async def _hash(self, url: str) -> Hashes | Unhashable:
        try:
            known: Hashes | Unhashable = await self._decode(url, hashes_of, MOST_PIXELS)
        except Unhashable as error:
            known = error
            if error.reason.transient:
                return error
        self._kept[url] = known
        return known

    async def _decode(self, url: str, function: Callable[[bytes, int], _T], argument: int) -> _T:
        if self._on_their_way >= MOST_WAITING:
            raise Busy("too many pictures are being fetched just now")
        self._on_their_way += 1
        try:
            async with self._turns:
                data = await self._ask(Finna.picture, url)
                return await self._decoders.run(function, data, argument)
        finally:
            self._on_their_way -= 1

    async def _ask(self, question: Callable[[Finna, _A], _T], argument: _A) -> _T:
        with _failing():
            return await to_thread.run_sync(lambda: question(self._open(), argument), limiter=self._threads)

    def _open(self) -> Finna:
        # What it takes to speak TLS takes a while to load.
        with self._opening:
            if self._finna is None:
                self._finna = self._stack.enter_context(_client(self._settings))
            return self._finna


def _client(settings: Settings) -> Finna:
    try:
        return Finna(settings.finna_api, settings.finna_site, settings.user_agent)
    except ValueError as error:
        raise NotAvailableHere(f"Finna cannot be asked from here: {error}") from error


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except Unfetchable as failure:
        refusal = UpstreamFailed(str(failure))
        if failure.reason.transient:
            refusal.retry_after = _LATER if failure.wait is None else math.ceil(failure.wait)
        raise refusal from failure
