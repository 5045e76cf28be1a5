"""Reads for many who ask at the same time, gathered into few: DataLoader's idea, over all requests.

See https://github.com/graphql/dataloader; one of those is for a single request.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

AT_ONCE = 2
"""Reads under way; what is asked for meanwhile waits for the next, that all of it goes into."""

_K = TypeVar("_K")
_V = TypeVar("_V")


class Gathering(Generic[_K, _V]):
    """Calls ``read`` with keys for whoever asks: at once, unless ``at_once`` calls are under way."""

    def __init__(
        self, read: Callable[[Sequence[_K]], Awaitable[Mapping[_K, _V]]], *, at_once: int = AT_ONCE
    ) -> None:
        self._read = read
        self._turns = asyncio.Semaphore(at_once)
        self._next: tuple[dict[_K, None], asyncio.Task[Mapping[_K, _V]]] | None = None

    async def load(self, keys: Sequence[_K]) -> Mapping[_K, _V]:
        """What is read of the keys, and perhaps of others; raises what ``read`` does."""
        if self._next is None:
            together: dict[_K, None] = {}
            self._next = together, asyncio.create_task(self._read_in_turn(together))
        together, reading = self._next
        together.update(dict.fromkeys(keys))
        # Who no longer waits does not take it away from the others.
        return await asyncio.shield(reading)

    async def _read_in_turn(self, together: dict[_K, None]) -> Mapping[_K, _V]:
        async with self._turns:
            self._next = None
            return await self._read(list(together))
