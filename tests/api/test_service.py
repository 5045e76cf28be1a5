import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from api.service import Service
from commons.settings import Settings
from commons.workers import cores
from sql.database import Database
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
                if service.live.as_of is not None:
                    return
                await asyncio.sleep(0.1)

    asyncio.run(scene())
    told = [record.message for record in caplog.records if record.name == "api.service"]
    assert told == [
        "the database cannot be read, answers stay as they are: unable to open database file",
        "the database can be read again",
    ]


def test_what_nobody_foresaw_does_not_end_the_following(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(settings, poll_seconds=0.01)
    poll = service.live.poll
    failures = iter([RuntimeError("no one knows")] * 3)

    def fail_at_first() -> None:
        for error in failures:
            raise error
        poll()

    monkeypatch.setattr(service.live, "poll", fail_at_first)

    async def scene() -> None:
        async with service.running():
            while "the database can be read again" not in caplog.text:
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(scene(), 60))
    assert caplog.text.count("RuntimeError: no one knows") == 1
    assert service.live.as_of is not None


def test_a_newer_schema_is_told_in_a_line(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(settings.database_url)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE imagehash_schema SET version_num = '9999'")
    database.close()

    async def scene() -> None:
        async with Service(settings, poll_seconds=3600).running():
            pass

    asyncio.run(scene())
    assert "newer version of this program" in caplog.text
    assert "Traceback" not in caplog.text


def test_an_unreachable_server_does_not_keep_the_service_from_starting(settings: Settings) -> None:
    url = f"mysql+pymysql://nobody@127.0.0.1:{free_port()}/hashes"

    async def scene() -> bool:
        async with (service := Service(replace(settings, database_url=url))).running():
            return service.live.as_of is not None

    assert asyncio.run(scene()) is False
