import asyncio
from collections.abc import Mapping, Sequence

import pytest

from api.gathering import TOGETHER, Gathering, Turn


class Reader:
    """Squares numbers once it is let; remembers what it was asked together."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.let = asyncio.Event()

    async def __call__(self, keys: Sequence[int]) -> Mapping[int, int]:
        self.asked.append(sorted(keys))
        await self.let.wait()
        if 0 in keys:
            raise ZeroDivisionError
        return {key: key * key for key in keys}


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_what_is_asked_at_the_same_time_is_read_at_once() -> None:
    async def scene() -> None:
        read = Reader()
        read.let.set()
        gathering = Gathering(read)
        found = await asyncio.gather(*(gathering.load([number, number + 1]) for number in (1, 2, 3)))
        assert [answer[number] for answer, number in zip(found, (1, 2, 3), strict=True)] == [1, 4, 9]
        assert read.asked == [[1, 2, 3, 4]]

    asyncio.run(scene())


def test_what_is_asked_while_so_many_reads_are_under_way_waits_for_the_next() -> None:
    async def scene() -> None:
        read = Reader()
        gathering = Gathering(read, at_once=2, short=0)
        waiting = []
        for number in range(1, 7):
            waiting.append(asyncio.create_task(gathering.load([number])))
            await settled()
        assert read.asked == [[1], [2]]
        read.let.set()
        assert [(await task)[number] for number, task in enumerate(waiting, 1)] == [1, 4, 9, 16, 25, 36]
        assert read.asked == [[1], [2], [3, 4, 5, 6]]

    asyncio.run(scene())


def test_what_is_asked_soon_after_a_read_has_begun_waits_for_it() -> None:
    async def scene() -> None:
        read = Reader()
        gathering = Gathering(read, short=60)
        waiting = []
        for number in (1, 2, 3):
            waiting.append(asyncio.create_task(gathering.load([number])))
            await settled()
        assert read.asked == [[1]]
        read.let.set()
        assert [(await task)[number] for number, task in enumerate(waiting, 1)] == [1, 4, 9]
        assert read.asked == [[1], [2, 3]]

    asyncio.run(scene())


def test_a_read_that_takes_long_is_not_waited_for() -> None:
    async def scene() -> None:
        read = Reader()
        gathering = Gathering(read, short=0.01)
        waiting = [asyncio.create_task(gathering.load([1]))]
        await settled()
        waiting.append(asyncio.create_task(gathering.load([2])))
        while len(read.asked) < 2:
            await asyncio.sleep(0.01)
        read.let.set()
        await asyncio.gather(*waiting)
        assert read.asked == [[1], [2]]

    asyncio.run(scene())


def test_an_error_is_told_to_all_who_share_it_and_to_nobody_else() -> None:
    async def scene() -> None:
        read = Reader()
        gathering = Gathering(read, at_once=1)
        first = asyncio.create_task(gathering.load([1]))
        await settled()
        others = [asyncio.create_task(gathering.load([number])) for number in (0, 2)]
        await settled()
        read.let.set()
        assert await first == {1: 1}
        for other in others:
            with pytest.raises(ZeroDivisionError):
                await other
        assert await gathering.load([3]) == {3: 9}

    asyncio.run(scene())


def test_who_leaves_does_not_take_it_away_from_the_others() -> None:
    async def scene() -> None:
        read = Reader()
        gathering = Gathering(read)
        leaving, staying = (asyncio.create_task(gathering.load([number])) for number in (1, 2))
        await settled()
        leaving.cancel()
        await settled()
        read.let.set()
        assert (await staying)[2] == 4

    asyncio.run(scene())


class Multiplier:
    """Multiplies numbers by the one that is the rule; remembers what it was asked together."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, list[int]]] = []

    def __call__(self, rule: int, numbers: Sequence[int]) -> Sequence[int]:
        self.asked.append((rule, list(numbers)))
        if rule == 0:
            raise ZeroDivisionError
        return [rule * number for number in numbers]


def test_what_is_asked_in_one_turn_under_one_rule_is_answered_at_once() -> None:
    async def scene() -> None:
        multiply = Multiplier()
        turn = Turn(multiply)
        assert await asyncio.gather(*(turn.ask(10, number) for number in (1, 2)), turn.ask(3, 4)) == [
            10,
            20,
            12,
        ]
        assert await turn.ask(10, 5) == 50
        assert multiply.asked == [(10, [1, 2]), (3, [4]), (10, [5])]

    asyncio.run(scene())


def test_an_error_under_one_rule_is_told_to_all_who_asked_under_it() -> None:
    async def scene() -> None:
        turn = Turn(Multiplier())
        failed, alike, other = turn.ask(0, 1), turn.ask(0, 2), turn.ask(2, 3)
        assert await other == 6
        for each in (failed, alike):
            with pytest.raises(ZeroDivisionError):
                await each

    asyncio.run(scene())


def test_nothing_is_done_for_who_has_left() -> None:
    async def scene() -> None:
        multiply = Multiplier()
        turn = Turn(multiply)
        leaving, staying = turn.ask(2, 1), turn.ask(2, 3)
        leaving.cancel()
        assert await staying == 6
        assert multiply.asked == [(2, [3])]

    asyncio.run(scene())


def test_others_have_their_turn_while_very_many_are_answered() -> None:
    async def scene() -> None:
        multiply = Multiplier()
        turn = Turn(multiply)
        waiting = [turn.ask(2, number) for number in range(2 * TOGETHER + 1)]
        assert await waiting[0] == 0
        assert not waiting[-1].done()
        assert await turn.ask(2, 1000) == 2000
        assert [await each for each in waiting] == [2 * number for number in range(len(waiting))]
        assert [len(numbers) for _, numbers in multiply.asked] == [TOGETHER, TOGETHER, 2]

    asyncio.run(scene())
