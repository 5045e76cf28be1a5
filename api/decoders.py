"""Strangers' pictures, decoded in processes of their own: few at a time, for a limited time.

A decoder that hangs, crashes or takes too much memory ends its process and nothing else.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from api.errors import Busy
from commons.hashes import Hashes
from commons.pictures import Reason, Unhashable, hash_picture
from commons.workers import CrashedError, Workers, cores

SECONDS = 10.0
"""How long one picture may take."""

MOST_PIXELS = 64_000_000
"""Of one picture; a PNG takes some 9 bytes of memory for each, and a few are decoded at once."""

_WAITING = 16
"""Pictures on their way at once; more are turned away."""

_TURN_SECONDS = 10.0
"""How long a picture waits for a process that is free; after that it is turned away."""

_BUSY = "too many pictures are being decoded just now: ask again in a few seconds"

_T = TypeVar("_T")


class Decoders:
    """A process for each core that decodes pictures."""

    def __init__(self) -> None:
        self._workers = Workers(cores(), seconds=SECONDS)
        self._turns = asyncio.Semaphore(cores())
        self._on_their_way = 0

    @property
    def on_their_way(self) -> int:
        """Pictures that are decoded or wait for it."""
        return self._on_their_way

    def close(self) -> None:
        """End the processes, whatever they are at."""
        self._workers.shutdown(cancel_futures=True)

    async def run(self, function: Callable[[bytes, int], _T], data: bytes, argument: int) -> _T:
        """Call a function of a picture's bytes and a number, such as ``commons.pictures.thumbnail``.

        Raises Unhashable as it does, also where it crashed or took too long, and Busy where too many
        pictures wait already, or those before it take too long.
        """
        if self._on_their_way >= _WAITING:
            raise Busy(_BUSY)
        self._on_their_way += 1
        try:
            async with self._turn():
                return await asyncio.wrap_future(self._workers.submit(function, data, argument))
        except TimeoutError:
            raise Unhashable(
                Reason.TIMEOUT, f"Decoding took longer than {SECONDS:g} seconds and was given up."
            ) from None
        except CrashedError:
            raise Unhashable(Reason.CRASHED, "The decoder crashed on this picture.") from None
        finally:
            self._on_their_way -= 1

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise Busy(_BUSY) from None
        try:
            yield
        finally:
            self._turns.release()


def hashes_of(data: bytes, max_pixels: int) -> Hashes:
    """Decode and hash a picture; raises Unhashable."""
    return hash_picture(data, max_pixels=max_pixels).hashes
