"""What befalls the databases while the service runs, with the programs and servers that users have."""

import json
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sql import results, schema
from sql.database import Database
from tests import mariadb, programs
from tests.api.data import DHASH, FILES, NAMES, PHASH, hashed
from tests.numbers import numbers_in
from tests.programs import Served
from tests.waiting import wait_for

LATER = "cannot be read now: ask again in 30 seconds"
NEAR = f"""{{ search(phash: "{PHASH:016x}", dhash: "{DHASH:016x}") {{
  totalCount nodes {{ phashDistance file {{ pageId title }} }}
}} }}"""
WIKI = (
    "CREATE TABLE page (page_id int PRIMARY KEY, page_namespace int, page_title varbinary(255))",
    "CREATE TABLE image (img_name varbinary(255) PRIMARY KEY, img_size int, img_width int, img_height int, "
    "img_timestamp varbinary(14), img_sha1 varbinary(32), img_major_mime varbinary(16), "
    "img_minor_mime varbinary(100))",
)


class Databases:
    """Two MariaDB servers: one with the hashes, and a replica of Commons; each can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, tuple[ExitStack, mariadb.Server]] = {}
        for name in ("hashes", "commons"):
            (folder / name).mkdir()
            stack = ExitStack()
            self._running[name] = stack, stack.enter_context(mariadb.running(folder / name))
            self._running[name][1].execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        self.settings = {
            "IMAGEHASH_DATABASE_URL": self._running["hashes"][1].url("hashes"),
            "IMAGEHASH_COMMONS_URL": self._running["commons"][1].url("commons"),
        }

    def stop(self, name: str) -> None:
        self._running[name][0].close()

    def start(self, name: str) -> None:
        stack, (_, before) = ExitStack(), self._running[name]
        self._running[name] = stack, stack.enter_context(mariadb.start(self._folder / name, port=before.port))

    def close(self) -> None:
        for stack, _ in self._running.values():
            stack.close()

    def write(self, *files: tuple[int, tuple[int, int]]) -> None:
        """Add files to those that are hashed."""
        database = Database(self.settings["IMAGEHASH_DATABASE_URL"])
        schema.prepare(database)
        with database.write() as connection:
            results.save(connection, [hashed(page_id, *pair) for page_id, pair in files])
        database.close()


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Databases]:
    databases = Databases(tmp_path)
    try:
        databases.write(*FILES.items())
        replica = Database(databases.settings["IMAGEHASH_COMMONS_URL"])
        with replica.write() as connection:
            for statement in WIKI:
                connection.exec_driver_sql(statement)
            for page_id, name in NAMES.items():
                connection.exec_driver_sql("INSERT INTO page VALUES (%s, 6, %s)", (page_id, name))
                connection.exec_driver_sql(
                    "INSERT INTO image VALUES (%s, 1, 3000, 2000, '20240229123456', 'abc', 'image', 'jpeg')",
                    (name,),
                )
        replica.close()
        yield databases
    finally:
        databases.close()


@pytest.fixture
def served(databases: Databases, tmp_path: Path) -> Iterator[Served]:
    with programs.api(tmp_path, "--workers", "2", **databases.settings) as served:
        # Each of the workers.
        wait_for(lambda: served.log.read_text().count("files by multi-index from") == 2)
        yield served
        assert served.stop(signal.SIGTERM) == 0
        assert '"trace"' not in served.log.read_text()


def old(served: Served, path: str, request_id: str = "") -> tuple[int, Any]:
    """Status and answer of one of the old addresses."""
    try:
        request = urllib.request.Request(served.url + path, headers={"X-Request-Id": request_id})
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def logged(served: Served, request_id: str) -> list[str]:
    """What the log has of a request."""
    events = map(json.loads, served.log.read_text().splitlines())
    return [event["message"] for event in events if event.get("request") == request_id]


def codes(answer: dict[str, Any]) -> set[str]:
    return {missing["code"] for missing in answer["extensions"].get("degraded", ())}


def old_search() -> str:
    return f"/search?phash={PHASH}&dhash={DHASH}"


def test_without_the_database_memory_answers_and_catches_up_later(
    databases: Databases, served: Served
) -> None:
    before = served.ask(NEAR)
    total = before["data"]["search"]["totalCount"]
    assert total == 3
    assert [row["page_id"] for row in old(served, old_search())[1]] == [1, 2, 4, 5]

    databases.stop("hashes")
    wait_for(lambda: served.log.read_text().count("the database cannot be read") == 2)
    during = served.ask(NEAR)
    assert during["data"]["search"] == before["data"]["search"]
    wait_for(lambda: "DATABASE_UNAVAILABLE" in codes(served.ask(NEAR)), seconds=180)
    # Each worker has read at a time of its own.
    first, *later = (datetime.fromisoformat(answer["extensions"]["asOf"]) for answer in (before, during))
    later.append(datetime.fromisoformat(served.ask(NEAR)["extensions"]["asOf"]))
    assert all(abs((as_of - first).total_seconds()) < 60 for as_of in later)
    told = served.get("/readyz")
    assert told["index"] == "multi-index"
    assert told["database"] == f"the database of hashes {LATER}"
    # How things stand is told by each worker from time to time.
    wait_for(lambda: numbers_in(served.text("/metrics"))["imagehash_lag_seconds"] > 60)
    # What only the database knows: whether a page that is not in memory failed.
    answer = served.ask("{ file(pageId: 8) { status } }")
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["DATABASE_UNAVAILABLE"]
    assert old(served, old_search())[0] == 200

    databases.start("hashes")
    databases.write((8, (PHASH, DHASH)))
    for _ in range(6):
        wait_for(lambda: served.ask(NEAR)["data"]["search"]["totalCount"] == total + 1, seconds=120)
    wait_for(lambda: served.log.read_text().count("the database can be read again") == 2)
    assert "DATABASE_UNAVAILABLE" not in codes(served.ask(NEAR))


def test_without_the_replica_there_are_matches_without_titles(databases: Databases, served: Served) -> None:
    titles = [match["file"]["title"] for match in served.ask(NEAR)["data"]["search"]["nodes"]]
    assert None not in titles
    databases.stop("commons")
    answer = served.ask(NEAR)
    nodes = answer["data"]["search"]["nodes"]
    assert [(match["file"]["pageId"], match["phashDistance"]) for match in nodes] == [(1, 0), (2, 2), (3, 2)]
    assert [match["file"]["title"] for match in nodes] == [None] * 3
    assert [(error["path"][-1], error["extensions"]["code"]) for error in answer["errors"]] == [
        ("title", "REPLICA_UNAVAILABLE")
    ] * 3
    for number, path in enumerate((old_search(), "/pagesearch?page_id=1", "/pagesearch?page_title=B.jpg")):
        status, told = old(served, path, f"asked-{number}")
        assert status == 503
        assert told == {"error": f"the Commons replica {LATER}"}
        # What the driver says, with the host, is for the log alone.
        (said,) = logged(served, f"asked-{number}")
        assert said.startswith("the Commons replica cannot be read: ")
        assert "127.0.0.1" in said
    assert served.get("/readyz")["replica"] == f"the Commons replica {LATER}"

    databases.start("commons")
    again = [match["file"]["title"] for match in served.ask(NEAR)["data"]["search"]["nodes"]]
    assert again == titles
    assert old(served, "/pagesearch?page_id=1")[0] == 200


def test_what_neither_memory_nor_a_database_answers_is_not_ready_and_never_an_empty_list(
    databases: Databases, tmp_path: Path
) -> None:
    with programs.api(tmp_path, **databases.settings, IMAGEHASH_ENGINE="sql") as served:
        assert old(served, "/pagesearch?page_id=1")[0] == 200
        databases.stop("hashes")
        status, told = old(served, "/readyz")
        assert (status, told["replica"]) == (503, "ok")
        for path in (old_search(), "/pagesearch?page_id=1"):
            assert old(served, path)[0] == 503
        (error,) = served.ask(NEAR)["errors"]
        assert error["extensions"]["code"] == "DATABASE_UNAVAILABLE"
        assert old(served, "/healthz")[0] == 200
        databases.start("hashes")
        wait_for(lambda: old(served, "/readyz")[0] == 200)
        assert served.stop(signal.SIGTERM) == 0
