"""A service that starts: the database answers until the index is in memory, which then answers the same."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sql import results, schema
from sql.database import Database
from tests import programs
from tests.api.data import DHASH, FILES, NAMES, PHASH, WIKI, hashed, wiki_file
from tests.mariadb import free_port
from tests.numbers import numbers_in
from tests.programs import Served
from tests.waiting import wait_for

WORKERS = 2
PICTURES = [{"phash": f"{phash:016x}", "dhash": f"{dhash:016x}"} for phash, dhash in FILES.values()]
QUERY = """query ($pictures: [HashPair!]!) {
  near: searchMany(pictures: $pictures) { ...found }
  wide: searchMany(pictures: $pictures, tolerance: {phash: 20, dhash: 14}) { ...found }
  equal: searchMany(pictures: $pictures, tolerance: {phash: 64, dhash: 64, closest: 0}) { ...found }
  file(pageId: 3) { title status matches { ...found } }
  index { fileCount }
}
fragment found on MatchConnection {
  totalCount nodes { phashDistance dhashDistance file { pageId title } }
}"""


@pytest.fixture
def databases(tmp_path: Path, mariadb_url: str) -> dict[str, str]:
    """Some thousand files in MariaDB, and a Commons that has a few of them."""
    chance = random.Random(5)
    others = {page_id: (chance.getrandbits(64), chance.getrandbits(64)) for page_id in range(100, 5000)}
    urls = mariadb_url, f"sqlite:///{tmp_path / 'commons.db'}"
    database, replica = map(Database, urls)
    schema.prepare(database)
    with database.write() as connection:
        results.save(connection, [hashed(page_id, *pair) for page_id, pair in (FILES | others).items()])
    with replica.write() as connection:
        for statement in (*WIKI, *(row for page, name in NAMES.items() for row in wiki_file(page, name))):
            connection.exec_driver_sql(statement)
    database.close()
    replica.close()
    return dict(zip(("IMAGEHASH_DATABASE_URL", "IMAGEHASH_COMMONS_URL"), urls, strict=True))


@pytest.fixture
def starting(tmp_path: Path, databases: dict[str, str]) -> Iterator[Served]:
    """A service without a snapshot."""
    port, log = free_port(), tmp_path / "log"
    arguments = ("api", "serve", "--port", str(port), "--workers", str(WORKERS))
    process = programs.start(*arguments, folder=tmp_path, log=log, **databases)
    try:
        yield Served(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.kill()
        process.wait()


def loader(served: Served) -> int:
    """The process that reads all hashes, as soon as there is one."""
    found: list[int] = []

    def is_there() -> bool:
        found.extend(loaders(served))
        return bool(found)

    wait_for(is_there)
    return found[0]


def loaders(served: Served) -> Iterator[int]:
    """All of them that there are now."""
    for children in Path(f"/proc/{served.process.pid}/task").glob("*/children"):
        for child in children.read_text().split():
            if b"snapshot" in Path(f"/proc/{child}/cmdline").read_bytes():
                yield int(child)


def end(process: int) -> None:
    """End a process that may have ended by itself."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def workers(served: Served, engine: str) -> float:
    """How many worker processes search by an engine; they tell every two seconds."""
    try:
        return numbers_in(served.text("/metrics")).get(f'imagehash_workers{{engine="{engine}"}}', 0)
    except OSError:
        return 0


def answers(served: Served) -> list[Any]:
    """What is answered, several times, so that each worker is asked."""
    asked = [served.ask(QUERY, pictures=PICTURES)["data"] for _ in range(4 * WORKERS)]
    old = (f"/search?phash={PHASH}&dhash={DHASH}", "/pagesearch?page_id=1", "/pagesearch?page_title=B.jpg")
    return asked + [served.get(path) for path in old for _ in range(2 * WORKERS)]


def test_until_the_index_is_in_memory_the_database_answers_the_same(
    starting: Served, request: pytest.FixtureRequest
) -> None:
    held = loader(starting)
    os.kill(held, signal.SIGSTOP)
    request.addfinalizer(partial(end, held))
    wait_for(lambda: workers(starting, "sql") == WORKERS)
    assert starting.get("/readyz") == {"index": "loading", "database": "ok", "replica": "ok"}
    told = starting.ask("{ index { engine } }")
    assert told["data"]["index"]["engine"] == "sql"
    assert [missing["code"] for missing in told["extensions"]["degraded"]] == ["INDEX_LOADING"]
    before = answers(starting)
    assert before[0]["index"] == {"fileCount": len(FILES) + 4900}
    assert before[0]["file"]["matches"]["totalCount"] > 0

    os.kill(held, signal.SIGCONT)
    wait_for(lambda: workers(starting, "multi-index") == WORKERS)
    assert workers(starting, "sql") == 0
    told = starting.ask("{ index { engine } }")
    assert told["data"]["index"]["engine"] == "multi-index"
    assert "degraded" not in told["extensions"]
    assert starting.get("/readyz")["index"] == "multi-index"
    assert answers(starting) == before
    assert starting.stop(signal.SIGTERM) == 0
