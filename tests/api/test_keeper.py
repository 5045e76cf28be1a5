"""A good snapshot is kept at hand, whatever happens to it."""

import logging
import os
import shutil
from pathlib import Path

import pytest

from api import keeper
from api.keeper import Keeper, keeping
from api.snapshots import Snapshots
from commons.settings import Settings
from sql import results, schema
from sql.database import Database
from tests.api.data import FILES, hashed
from tests.waiting import wait_for


@pytest.fixture
def snapshots(database: Database, tmp_path: Path) -> Snapshots:
    with database.write() as connection:
        results.save(connection, [hashed(page_id, *pair) for page_id, pair in FILES.items()])
    return Snapshots(tmp_path / "snapshots", database)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have keepers look often."""
    monkeypatch.setattr(keeper, "LOOK_SECONDS", 0.05)


def test_there_is_no_snapshot_of_no_tables(empty_database: Database, tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path, empty_database)
    assert Keeper(empty_database, snapshots, "auto").wanted() is None
    schema.prepare(empty_database)
    assert Keeper(empty_database, snapshots, "auto").wanted() == "there is none"


def test_one_is_wanted_for_another_engine(database: Database, snapshots: Snapshots) -> None:
    snapshots.make("scan")
    assert Keeper(database, snapshots, "auto").wanted() is None
    assert Keeper(database, snapshots, "scan").wanted() is None
    assert Keeper(database, snapshots, "bktree").wanted() == "there is one for the engine scan"


def test_one_is_wanted_when_many_rows_have_come(
    database: Database, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LIVE_ROWS", 1000)
    snapshots.make("auto")
    watching = Keeper(database, snapshots, "auto")
    assert watching.wanted() is None
    with database.write() as connection:
        results.save(connection, [hashed(page_id, page_id, 1) for page_id in range(100, 1101)])
    assert watching.wanted() == "1,001 rows have come since the last one"
    snapshots.make("auto")
    assert watching.wanted() is None


def test_a_damaged_one_is_withdrawn_whichever_byte_it_is(database: Database, snapshots: Snapshots) -> None:
    with database.write() as connection:
        results.save(connection, [hashed(page_id, page_id, 1) for page_id in range(100, 30_000)])
    made = snapshots.make("auto").path
    damaged = made / "hashes.0.npy"
    content = bytearray(damaged.read_bytes())
    # Between the samples that are looked at on opening.
    content[len(content) // 2 + 4096] ^= 1
    damaged.write_bytes(content)
    snapshots.base(made)

    watching = Keeper(database, snapshots, "auto")
    assert watching.wanted() == f"{damaged}: is damaged (its checksum is not that of the manifest)"

    assert snapshots.newest() is None
    assert snapshots.is_withdrawn(made)
    assert watching.wanted() == "there is none"


def test_a_keeper_makes_one_and_another_where_it_is_gone(
    quick: None,
    database: Database,
    snapshots: Snapshots,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    url = database.url.render_as_string(hide_password=False)
    monkeypatch.setenv("IMAGEHASH_DATABASE_URL", url)
    monkeypatch.setenv("IMAGEHASH_SNAPSHOT_DIR", str(snapshots.folder.parent))
    with keeping(Settings.from_environment()):
        wait_for(lambda: snapshots.newest() is not None)
        first = snapshots.newest()
        assert first is not None
        shutil.rmtree(first)
        wait_for(lambda: snapshots.newest() not in {None, first})
    told = [record.message for record in caplog.records]
    assert [line for line in told if line.startswith("writing")] == ["writing a snapshot: there is none"] * 2
    assert f"snapshot: {first}: 6 files" in caplog.text


def test_what_fails_is_tried_again_after_ever_longer_waits(
    quick: None,
    database: Database,
    snapshots: Snapshots,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(keeper, "COMMAND", ("false",))
    monkeypatch.setattr(keeper, "RETRY", (60.0, 200.0))
    now = [0.0]
    with Keeper(database, snapshots, "auto", clock=lambda: now[0]):
        for attempt in range(1, 5):
            wait_for(lambda: len(caplog.records) == attempt)  # noqa: B023
            now[0] += 1000
    assert [record.message for record in caplog.records][:4] == [
        f"no snapshot was written; the next attempt is in {seconds} s" for seconds in (60, 120, 200, 200)
    ]


def test_leaving_ends_the_process_that_writes(
    quick: None, database: Database, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "COMMAND", ("sleep", "600"))
    watching = Keeper(database, snapshots, "auto")
    with watching:
        wait_for(lambda: watching._child is not None)
        assert watching._child is not None
        # Ctrl-C goes to all processes of a session, and would have this one show a trace.
        assert os.getsid(watching._child.pid) != os.getsid(0)
    assert watching._child.returncode is not None


def test_the_database_needs_no_snapshot_to_search_by_itself(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {"IMAGEHASH_ENGINE": "sql", "IMAGEHASH_DATABASE_URL": f"sqlite:///{tmp_path}/none.db"}
    )
    with keeping(settings):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_nobody_foresaw_does_not_end_the_keeping(
    quick: None,
    database: Database,
    snapshots: Snapshots,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_snapshots: Snapshots) -> None:
        raise RuntimeError("no one knows")

    now = [0.0]
    with monkeypatch.context() as patch:
        patch.setattr(Snapshots, "newest", fail)
        with Keeper(database, snapshots, "auto", clock=lambda: now[0]):
            for attempt in range(1, 4):
                wait_for(lambda: len(caplog.records) == attempt)  # noqa: B023
                now[0] += 10_000
    assert caplog.records[0].message == "snapshots are not looked after for 60 s"
    assert "no one knows" in caplog.text


def test_one_that_a_newer_took_the_place_of_meanwhile_is_not_missed(
    database: Database, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = snapshots.make("auto").path
    newer = snapshots.make("auto").path
    seen = iter([older, newer])
    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "newest", lambda: next(seen))
        assert Keeper(database, snapshots, "auto").wanted() is None
    assert snapshots.newest() == newer


def test_a_good_one_is_looked_at_again(database: Database, snapshots: Snapshots) -> None:
    now = [0.0]
    watching = Keeper(database, snapshots, "auto", clock=lambda: now[0])
    made = snapshots.make("auto").path
    assert watching.wanted() is None
    (made / "by_page.npy").unlink()
    assert watching.wanted() is None
    now[0] += keeper.LOOK_AGAIN_SECONDS
    assert watching.wanted() == f"{made / 'by_page.npy'}: No such file or directory"
    made = snapshots.make("auto").path
    assert watching.wanted() is None
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM phash")
    now[0] += keeper.LOOK_AGAIN_SECONDS
    assert "was made of other rows than there are" in str(watching.wanted())
    assert snapshots.is_withdrawn(made)
