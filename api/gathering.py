"""Work for many who ask at the same time, gathered into few calls: DataLoader's idea, over all requests.

See https://github.com/graphql/dataloader; one of those is for a single request.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, TypeVar

AT_ONCE = 2
"""Reads under way; what is asked for meanwhile waits for the next, that all of it goes into."""

SHORT = 0.005
"""Seconds that a read is waited for although another could begin: few large ones take less work than many."""

TOGETHER = 32
"""Questions that are answered without a pause."""

_K = TypeVar("_K")
_V = TypeVar("_V")
_Rule = TypeVar("_Rule", bound=Hashable)


class Gathering(Generic[_K, _V]):
    """Calls ``read`` with keys for whoever asks: at once, unless a call has just begun or many are under way.

    Just begun is less than ``short`` seconds ago, many are ``at_once``.
    """

    def __init__(
        self,
        read: Callable[[Sequence[_K]], Awaitable[Mapping[_K, _V]]],
        *,
        at_once: int = AT_ONCE,
        short: float = SHORT,
    ) -> None:
        self._read = read
        self._short = short
        self._turns = asyncio.Semaphore(at_once)
        self._latest: asyncio.Task[Any] | None = None
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
        if self._latest is not None and not self._latest.done():
            await asyncio.wait([self._latest], timeout=self._short)
        async with self._turns:
            self._next, self._latest = None, asyncio.current_task()
            return await self._read(list(together))


class Turn(Generic[_Rule, _K, _V]):
    """Calls ``answer`` with the questions under one rule that are asked in one turn of the event loop.

    For what is quick, but quicker for many at once: for `TOGETHER` at most, so that no turn takes long.
    """

    def __init__(self, answer: Callable[[_Rule, Sequence[_K]], Sequence[_V]]) -> None:
        self._answer = answer
        self._asked: dict[_Rule, list[tuple[_K, asyncio.Future[_V]]]] = {}

    def ask(self, rule: _Rule, question: _K) -> asyncio.Future[_V]:
        """The answer, or what ``answer`` raises."""
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_soon(self._answer_some, loop)
        future: asyncio.Future[_V] = loop.create_future()
        self._asked.setdefault(rule, []).append((question, future))
        return future

    def _answer_some(self, loop: asyncio.AbstractEventLoop) -> None:
        asked, self._asked = self._asked, {}
        for rule, waiting in asked.items():
            if len(waiting) > TOGETHER:
                self._asked[rule] = waiting[TOGETHER:]
            # Who has gone meanwhile needs no answer.
            self._answer_to(rule, [each for each in waiting[:TOGETHER] if not each[1].done()])
        if self._asked:
            loop.call_soon(self._answer_some, loop)

    def _answer_to(self, rule: _Rule, waiting: Sequence[tuple[_K, asyncio.Future[_V]]]) -> None:
        try:
            answers = self._answer(rule, [question for question, _ in waiting])
        except Exception as error:
            for _, future in waiting:
                future.set_exception(error)
            return
        for (_, future), answer in zip(waiting, answers, strict=True):
            future.set_result(answer)
