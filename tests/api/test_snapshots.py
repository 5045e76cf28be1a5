"""Snapshots of a database: made, found again, and refused where they are not what they should be."""

import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.snapshots import Busy, Snapshots
from bktree.snapshot import RefusedError
from commons.hashes import library_versions
from sql import results, schema
from sql.database import Database
from tests.api.data import FILES, hashed


@pytest.fixture
def snapshots(database: Database, tmp_path: Path) -> Snapshots:
    with database.write() as connection:
        results.save(connection, [hashed(page_id, *pair) for page_id, pair in FILES.items()])
        results.bury(connection, {3: "C.jpg", 99: "Z.jpg", 4: "D.jpg"}, deleted=True)
        results.bury(connection, {4: "D.jpg"}, deleted=False)
    return Snapshots(tmp_path / "snapshots", database)


def test_a_snapshot_tells_what_the_database_does(snapshots: Snapshots) -> None:
    assert snapshots.newest() is None
    made = snapshots.make("auto")
    assert made.path == snapshots.newest()
    assert (made.engine, made.files) == ("multi-index", len(FILES))

    base = snapshots.base(made.path)

    assert sorted(base.files.page_id.tolist()) == sorted(FILES)
    assert base.deleted.tolist() == [3, 99]
    assert (base.phash.mark, base.dhash.mark, base.tombstone.mark) == (len(FILES), len(FILES), 4)
    about = json.loads((made.path / "manifest.json").read_text())["about"]
    assert about["libraries"] == library_versions()
    snapshots.verify(made.path)


def test_a_newer_one_takes_the_place_of_the_older_and_of_what_was_cut_short(snapshots: Snapshots) -> None:
    first = snapshots.make("auto").path
    (snapshots.folder / ".writing-2020").mkdir()
    snapshots.withdraw(first)
    assert snapshots.newest() is None
    assert snapshots.is_withdrawn(first)
    second = snapshots.make("scan").path
    third = snapshots.make("bktree").path
    assert first < second < third
    assert sorted(path.name for path in snapshots.folder.iterdir()) == [".lock", third.name]


def test_databases_have_folders_of_their_own(snapshots: Snapshots, tmp_path: Path) -> None:
    other = Database(f"sqlite:///{tmp_path / 'other' / 'hashes.db'}")
    third = Database(f"sqlite:///{tmp_path / 'third' / 'hashes.db'}")
    folders = {snapshots.folder, *(Snapshots(tmp_path, each).folder for each in (other, third))}
    assert len(folders) == 3
    for each in (other, third):
        each.close()


def test_a_snapshot_of_another_database_is_refused(snapshots: Snapshots, tmp_path: Path) -> None:
    made = snapshots.make("auto").path
    database = Database(f"sqlite:///{tmp_path / 'other.db'}")
    schema.prepare(database)
    other = Snapshots(tmp_path / "snapshots", database)
    other.folder.mkdir()
    copied = shutil.copytree(made, other.folder / made.name)
    with pytest.raises(RefusedError, match=f"{copied}: is of the database "):
        other.base(copied)
    database.close()


def test_a_snapshot_of_rows_that_are_gone_is_refused(snapshots: Snapshots, database: Database) -> None:
    made = snapshots.make("auto").path
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM phash")
        results.save(connection, [hashed(page_id, 5, 6) for page_id in FILES])
    with pytest.raises(
        RefusedError, match=f"{made}: was made of other rows than there are: row [0-9]+ of phash"
    ):
        snapshots.base(made)


def test_an_empty_database_has_a_snapshot_too(empty_database: Database, tmp_path: Path) -> None:
    schema.prepare(empty_database)
    snapshots = Snapshots(tmp_path, empty_database)
    made = snapshots.make("auto")
    assert made.files == 0
    assert len(snapshots.base(made.path).files.page_id) == 0


def test_a_database_with_the_old_tables_alone_has_one_without_deletions(
    mariadb_url: str, tmp_path: Path
) -> None:
    database = Database(mariadb_url)
    schema.prepare(database)
    with database.write() as connection:
        results.save(connection, [hashed(1, 2, 3)])
        connection.exec_driver_sql("DROP TABLE tombstone")
    snapshots = Snapshots(tmp_path, database)
    base = snapshots.base(snapshots.make("auto").path)
    assert base.deleted.dtype == np.int64
    assert (base.files.page_id.tolist(), base.deleted.tolist(), base.tombstone.mark) == ([1], [], 0)
    database.close()


def test_only_one_process_writes_at_a_time(snapshots: Snapshots) -> None:
    def at_once(_done: int, _expected: int) -> None:
        with pytest.raises(Busy, match=f"another process is writing a snapshot to {snapshots.folder}"):
            snapshots.make("auto")

    snapshots.make("auto", at_once)


def test_what_is_refused_is_an_unknown_engine_and_a_manifest_that_lacks_something(
    snapshots: Snapshots,
) -> None:
    def change(edit: Callable[[dict[str, Any]], None]) -> Path:
        path = snapshots.make("auto").path
        manifest = json.loads((path / "manifest.json").read_text())
        edit(manifest)
        (path / "manifest.json").write_text(json.dumps(manifest))
        return path

    with pytest.raises(RefusedError, match="is for an unknown engine, 'fastest'"):
        snapshots.base(change(lambda manifest: manifest.update(engine="fastest")))
    with pytest.raises(RefusedError, match="its manifest does not tell 'tables'"):
        snapshots.base(change(lambda manifest: manifest["about"].pop("tables")))
    with pytest.raises(RefusedError, match="its manifest does not tell 'mark'"):
        snapshots.base(change(lambda manifest: manifest["about"]["tables"]["tombstone"].pop("mark")))
    with pytest.raises(RefusedError, match="is for an unknown engine"):
        snapshots.base(change(lambda manifest: manifest.update(engine=["scan"])))
    for told in ({"missing": None}, {"missing": [["a", "b"]]}, {"missing": 1}, {"mark": "x"}, {"mark": None}):
        for table in ("phash", "tombstone"):
            with pytest.raises(RefusedError, match="its manifest makes no sense"):
                snapshots.base(change(lambda manifest: manifest["about"]["tables"][table].update(told)))  # noqa: B023
    for mark in (10**6, 10**30, -1):
        with pytest.raises(RefusedError, match=f"row {mark} of phash differs"):
            snapshots.base(
                change(lambda manifest: manifest["about"]["tables"]["phash"].update(mark=mark, anchor=None))  # noqa: B023
            )


def test_what_else_is_in_the_folder_is_neither_taken_nor_removed(snapshots: Snapshots) -> None:
    made = snapshots.make("auto").path
    (snapshots.folder / "zzz").touch()
    (snapshots.folder / "lost+found").mkdir()
    (snapshots.folder / "29990101T000000.000000Z").symlink_to("/nonexistent")
    assert snapshots.newest() == made
    after = snapshots.make("auto").path
    assert snapshots.newest() == after
    assert (snapshots.folder / "lost+found").exists()


def killed_while_writing(url: str, folder: Path) -> None:
    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        # The arrays are there by then, and the manifest is not.
        patch.setattr("bktree.snapshot.json.dump", die)
        Snapshots(folder, Database(url)).make("auto")


def test_a_process_that_is_killed_leaves_nothing_that_counts(
    snapshots: Snapshots, database: Database
) -> None:
    before = snapshots.make("auto").path
    url = database.url.render_as_string(hide_password=False)
    child = multiprocessing.get_context("spawn").Process(
        target=killed_while_writing, args=(url, snapshots.folder.parent)
    )
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    (half,) = snapshots.folder.glob(".writing-*")
    assert (half / "page_id.npy").exists()
    assert snapshots.newest() == before
    after = snapshots.make("auto").path
    assert snapshots.newest() == after
    assert not half.exists()
