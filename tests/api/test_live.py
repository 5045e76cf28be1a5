"""The index and its database over time: loading, following, and going on without it."""

import shutil
import time
from contextlib import ExitStack
from contextvars import copy_context
from functools import partial
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from api import lookups
from api.app import create_app
from api.errors import DatabaseUnavailable, IndexLoading
from api.live import Live
from api.requests import Current, current
from api.service import Service
from api.snapshots import Snapshots
from bktree import engines
from bktree.protocol import Tolerance
from commons.settings import ENGINES, Settings
from sql import pairs, results, schema
from sql.database import Database
from sql.search import SqlEngine
from tests import mariadb
from tests.api.conftest import asker, make_snapshot
from tests.api.data import DHASH, FILES, PHASH, hashed
from tests.waiting import wait_for


def settings_for(url: str, folder: Path) -> Settings:
    return Settings.from_environment({"IMAGEHASH_DATABASE_URL": url, "IMAGEHASH_SNAPSHOT_DIR": str(folder)})


@pytest.fixture
def snapshots(database: Database, tmp_path: Path) -> Snapshots:
    """The snapshots, none yet, of a database with the rows of FILES."""
    with database.write() as connection:
        results.save(connection, [hashed(page_id, *pair) for page_id, pair in FILES.items()])
    return Snapshots(tmp_path / "snapshots", database)


@pytest.fixture
def live(database: Database, snapshots: Snapshots) -> Live:
    """An index over a snapshot of the database."""
    snapshots.make("auto")
    live = Live(database, snapshots)
    live.poll()
    return live


def test_a_snapshot_has_every_hashed_page(live: Live) -> None:
    assert live.engine.hashes(list(FILES)) == FILES
    assert len(live.engine) == len(FILES)
    assert live.added == 0
    assert live.loaded
    assert live.in_memory
    assert not live.stale


def test_a_poll_takes_in_rows_tombstones_and_failures(live: Live, database: Database) -> None:
    with database.write() as connection:
        results.save(connection, [hashed(10, 1, 2), hashed(1, 3, 4)])
        results.save(connection, [results.Result(2, None, "none", reason="broken", detail="broken")])
        results.bury(connection, {3: "C.jpg", 4: "D.jpg"}, deleted=True)
        results.bury(connection, {4: "D.jpg"}, deleted=False)
    live.poll()
    assert live.engine.hashes([1, 2, 10]) == {1: (3, 4), 10: (1, 2)}
    assert [page_id for page_id in range(11) if page_id in live.deleted] == [3]
    assert live.added == 2
    live.poll()
    assert live.added == 2
    assert live.indexed_through is not None
    assert live.as_of is not None
    assert live.indexed_through <= live.as_of


def test_a_poll_that_breaks_off_loses_nothing(
    live: Live, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.write() as connection:
        results.save(connection, [hashed(10, 1, 2)])
        results.bury(connection, {3: "C.jpg"}, deleted=True)

    def gone(*_: object) -> None:
        raise OperationalError("SELECT", None, Exception("server has gone away"))

    with monkeypatch.context() as broken:
        broken.setattr(pairs, "of_pages", gone)
        with pytest.raises(OperationalError):
            live.poll()
    with monkeypatch.context() as broken:
        broken.setattr(results, "buried", gone)
        with pytest.raises(OperationalError):
            live.poll()
    live.poll()
    assert live.engine.hashes([10]) == {10: (1, 2)}
    assert 3 in live.deleted
    assert live.added == 1


def test_a_row_that_becomes_visible_late_is_taken_in(mariadb_url: str, tmp_path: Path) -> None:
    database = Database(mariadb_url)
    schema.prepare(database)
    snapshots = Snapshots(tmp_path, database)
    snapshots.make("auto")
    live = Live(database, snapshots)
    live.poll()
    with database.write() as slow:
        results.save(slow, [hashed(1, *FILES[1])])
        with database.write() as quick:
            results.save(quick, [hashed(2, *FILES[2])])
        live.poll()
        assert live.engine.hashes([1, 2]) == {2: FILES[2]}
    live.poll()
    assert live.engine.hashes([1, 2]) == {1: FILES[1], 2: FILES[2]}
    database.close()


def test_answers_go_on_while_the_database_is_gone_and_follow_it_when_it_is_back(tmp_path: Path) -> None:
    query = f'{{ search(phash: "{PHASH:016x}", dhash: "{DHASH:016x}") {{ nodes {{ file {{ pageId }} }} }} }}'
    with ExitStack() as stack:
        servers = stack.enter_context(ExitStack())
        server = servers.enter_context(mariadb.running(tmp_path))
        server.execute("CREATE DATABASE hashes")
        url = server.url("hashes")
        database = Database(url)
        schema.prepare(database)
        with database.write() as connection:
            results.save(connection, [hashed(page_id, *pair) for page_id, pair in FILES.items()])
        make_snapshot(settings_for(url, tmp_path))
        client = stack.enter_context(TestClient(create_app(settings_for(url, tmp_path), poll_seconds=0.1)))
        ask = asker(client)
        wait_for(lambda: client.get("/readyz").json()["index"] == "multi-index")
        before = ask(query)
        database.close()
        servers.close()

        wait_for(lambda: client.get("/readyz").json()["database"] != "ok")
        assert client.get("/readyz").status_code == 200
        during = ask(query)
        assert during["data"] == before["data"]
        assert client.get("/search?phash=1&dhash=1").status_code == 200
        assert client.get(f"/search?phash={PHASH}&dhash=1").status_code == 503
        (error,) = ask("{ file(pageId: 1) { hashes { createdAt } } }")["errors"]
        assert error["extensions"]["code"] == "DATABASE_UNAVAILABLE"

        with mariadb.start(tmp_path, port=server.port) as again:
            assert again.port == server.port
            with database.write() as connection:
                results.save(connection, [hashed(50, PHASH, DHASH)])
            wait_for(lambda: len(ask(query)["data"]["search"]["nodes"]) == 4)
            database.close()


def test_what_cannot_answer_at_all_is_not_ready(tmp_path: Path) -> None:
    unreachable = settings_for(f"mysql+pymysql://nobody@127.0.0.1:{mariadb.free_port()}/hashes", tmp_path)
    with TestClient(create_app(unreachable, poll_seconds=0.1)) as client:
        response = client.get("/readyz")
        assert response.status_code == 503
        assert response.json()["index"] == "loading"
        answer = asker(client)('{ search(phash: "0000000000000001", dhash: 0) { totalCount } }')
        assert answer["data"] is None
        assert answer["errors"][0]["extensions"] == {"code": "DATABASE_UNAVAILABLE", "retryAfter": 30}
        assert answer["extensions"]["asOf"] is None
        assert [missing["code"] for missing in answer["extensions"]["degraded"]] == [
            "INDEX_LOADING",
            "NOT_AVAILABLE",
            "DELETIONS_UNKNOWN",
        ]
        assert client.get("/search?phash=1&dhash=1").status_code == 503


def test_before_the_index_is_loaded_the_database_answers_within_a_time_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live.SQL_SECONDS", 0.01)
    service = Service(settings_for(f"sqlite:///{tmp_path / 'hashes.db'}", tmp_path))
    schema.prepare(service.database)
    with service.database.write() as connection:
        rows = [hashed(n, n * 0x9E3779B97F4A7C15 % 2**64, DHASH ^ n) for n in range(1, 20_000)]
        results.save(connection, rows)
    equal = lookups.near(service, 1, DHASH ^ 7, Tolerance(64, 64, 0), first=5)
    assert [page_id for page_id, _, _ in equal.listed] == [7]
    with pytest.raises(IndexLoading, match="the index is loading") as refused:
        lookups.near(service, 1, DHASH ^ 7, Tolerance(8, 8), first=5)
    assert refused.value.retry_after == 30
    service.live.loaded = True
    with pytest.raises(DatabaseUnavailable, match="ask for a smaller tolerance"):
        lookups.near(service, 1, DHASH ^ 7, Tolerance(8, 8), first=5)
    service.close()


def test_all_searches_of_a_request_share_the_time_that_the_database_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live.SQL_SECONDS", 1.0)
    service = Service(settings_for(f"sqlite:///{tmp_path / 'hashes.db'}", tmp_path))
    schema.prepare(service.database)
    wide = partial(lookups.near_many, service, [(1, 2)] * 3, Tolerance(8, 8), first=5)
    for _ in range(2):
        # Each in a context of its own, as requests are.
        context = copy_context()
        context.run(current.set, Current())
        assert [matches.total for matches in context.run(wide)] == [0, 0, 0]
        time.sleep(1)
        with pytest.raises(IndexLoading, match=r"the searches took longer than 1 seconds together"):
            context.run(wide)
    service.close()


def found(live: Live) -> set[int]:
    return {page_id for page_id, _, _ in live.engine.search(PHASH, DHASH, Tolerance(64, 64)).listed}


def test_a_newer_snapshot_takes_over_with_all_that_came_since(
    live: Live, database: Database, snapshots: Snapshots
) -> None:
    with database.write() as connection:
        results.save(connection, [hashed(10, 1, 2)])
        results.bury(connection, {3: "C.jpg"}, deleted=True)
    snapshots.make("bktree")
    with database.write() as connection:
        results.save(connection, [hashed(11, 1, 2), hashed(10, 3, 4)])
        results.bury(connection, {3: "C.jpg", 4: "D.jpg"}, deleted=False)
        results.bury(connection, {4: "D.jpg"}, deleted=True)
    before = live.engine

    live.poll()

    assert live.engine is not before
    assert live.engine.name == "bktree"
    assert live.engine.hashes([10, 11]) == {10: (3, 4), 11: (1, 2)}
    assert found(live) == {*FILES, 10, 11}
    assert live.added == 2
    assert [page_id for page_id in (3, 4) if page_id in live.deleted] == [4]


def test_without_a_snapshot_the_database_answers(database: Database, snapshots: Snapshots) -> None:
    live = Live(database, snapshots)
    live.poll()
    assert (live.engine.name, live.loaded) == ("sql", False)
    assert found(live) == set(FILES)
    snapshots.make("auto")
    live.poll()
    assert (live.engine.name, live.loaded) == ("multi-index", True)


def test_a_bad_snapshot_is_refused_once_and_by_name(
    live: Live, snapshots: Snapshots, caplog: pytest.LogCaptureFixture
) -> None:
    before = live.engine
    bad = snapshots.make("auto").path
    (bad / "manifest.json").write_text("{")
    live.poll()
    live.poll()
    assert live.engine is before
    assert [record.message for record in caplog.records] == [
        f"a snapshot is not used: {bad}/manifest.json: is no manifest of a snapshot"
    ]
    snapshots.make("scan")
    live.poll()
    assert live.engine.name == "scan"


def test_a_snapshot_that_is_withdrawn_is_left_and_one_that_is_just_gone_is_not(
    live: Live, snapshots: Snapshots
) -> None:
    mapped = snapshots.newest()
    assert mapped is not None
    shutil.rmtree(mapped)
    live.poll()
    assert (live.engine.name, live.loaded) == ("multi-index", True)
    snapshots.withdraw(mapped)
    live.poll()
    assert (live.engine.name, live.loaded) == ("sql", False)
    assert found(live) == set(FILES)


def test_every_answer_amid_new_rows_and_new_snapshots_is_true(
    database: Database, snapshots: Snapshots
) -> None:
    """Searches see each page that was told before they began, whatever is swapped meanwhile."""
    snapshots.make("auto")
    live = Live(database, snapshots)
    live.poll()
    told, ended, wrong = set(FILES), Event(), []

    def search() -> None:
        while not ended.is_set():
            before = set(told)
            answer = live.engine.search(PHASH, DHASH, Tolerance(64, 64), bound=None)
            listed = {page_id for page_id, _, _ in answer.listed}
            pairs = live.engine.hashes(sorted(listed))
            distances = [
                ((pairs[page_id][0] ^ PHASH).bit_count(), (pairs[page_id][1] ^ DHASH).bit_count())
                for page_id in listed
            ]
            if not before <= listed or answer.total != len(listed) or len(distances) != len(listed):
                wrong.append((before, answer))

    readers = [Thread(target=search) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(12):
        new = {100 * turn + number: (PHASH ^ turn, DHASH ^ number) for number in range(10, 60)}
        with database.write() as connection:
            results.save(connection, [hashed(page_id, *pair) for page_id, pair in new.items()])
        if turn % 3 == 2:
            snapshots.make(("multi-index", "bktree", "scan")[turn // 3 % 3])
        live.poll()
        told |= new.keys()
    ended.set()
    for reader in readers:
        reader.join(60)

    assert not wrong
    assert found(live) == told


def test_every_engine_that_can_be_set_exists() -> None:
    assert set(ENGINES) == {"auto", *engines.ENGINES, SqlEngine.name}
