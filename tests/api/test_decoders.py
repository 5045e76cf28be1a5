import asyncio
import os
import signal
import time

import pytest

from api import decoders
from api.decoders import Decoders
from api.errors import Busy
from commons.pictures import Reason, Unhashable
from commons.workers import cores


def slow(_data: bytes, seconds: int) -> int:
    time.sleep(seconds)
    return seconds


def fatal(_data: bytes, number: int) -> int:
    os.kill(os.getpid(), number)
    return number


def test_a_decoder_that_hangs_or_dies_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "SECONDS", 1.0)

    async def scene() -> None:
        pool = Decoders()
        try:
            with pytest.raises(Unhashable) as hung:
                await pool.run(slow, b"", 60)
            assert hung.value.reason is Reason.TIMEOUT
            with pytest.raises(Unhashable) as crashed:
                await pool.run(fatal, b"", signal.SIGSEGV)
            assert crashed.value.reason is Reason.CRASHED
            assert await pool.run(slow, b"", 0) == 0
        finally:
            pool.close()

    asyncio.run(scene())


def test_who_would_wait_for_long_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "_TURN_SECONDS", 0.2)

    async def scene() -> None:
        pool = Decoders()
        try:
            first = [asyncio.create_task(pool.run(slow, b"", 2)) for _ in range(cores())]
            await asyncio.sleep(0)
            with pytest.raises(Busy, match="ask again"):
                await pool.run(slow, b"", 0)
            assert await asyncio.gather(*first) == [2] * cores()
            assert await pool.run(slow, b"", 0) == 0
            assert pool.on_their_way == 0
        finally:
            pool.close()

    asyncio.run(scene())


def test_more_than_can_wait_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "_WAITING", 2)

    async def scene() -> None:
        pool = Decoders()
        try:
            first, second = (asyncio.create_task(pool.run(slow, b"", 1)) for _ in range(2))
            await asyncio.sleep(0)
            with pytest.raises(Busy):
                await pool.run(slow, b"", 1)
            assert [await first, await second] == [1, 1]
            assert await pool.run(slow, b"", 0) == 0
        finally:
            pool.close()

    asyncio.run(scene())
