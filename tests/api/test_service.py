import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from api.service import Service
from commons.settings import Settings
from commons.workers import cores
from tests.mariadb import free_port


def test_searches_and_reads_run_side_by_side_off_the_event_loop(settings: Settings) -> None:
    reads = 5
    # Nobody passes before all have come, the event loop too.
    together = threading.Barrier(reads + cores() + 1)

    async def scene() -> None:
        service = Service(settings)
        async with service.running():
            calls = [service.read(together.wait, 60) for _ in range(reads)]
            calls += [service.search(together.wait, 60) for _ in range(cores())]
            waiting = asyncio.gather(*calls)
            while together.n_waiting < reads + cores():
                await asyncio.sleep(0.01)
            together.wait(60)
            await waiting

    asyncio.run(asyncio.wait_for(scene(), 120))


def test_trouble_is_logged_once_and_so_is_its_end(
    tmp_path: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    missing = tmp_path / "not yet" / "hashes.db"
    service = Service(replace(settings, database_url=f"sqlite:///{missing}"), poll_seconds=0.05)

    async def scene() -> None:
        async with service.running():
            await asyncio.sleep(0.5)
            missing.parent.mkdir()
            for _ in range(600):
                if service.live.loaded:
                    return
                await asyncio.sleep(0.1)

    asyncio.run(scene())
    told = [record.message for record in caplog.records if record.name == "api.service"]
    assert told == [
        "the database cannot be read, answers stay as they are: unable to open database file",
        "the database can be read again",
    ]


def test_an_unreachable_server_does_not_keep_the_service_from_starting(settings: Settings) -> None:
    url = f"mysql+pymysql://nobody@127.0.0.1:{free_port()}/hashes"

    async def scene() -> bool:
        async with (service := Service(replace(settings, database_url=url))).running():
            return service.live.loaded

    assert asyncio.run(scene()) is False
