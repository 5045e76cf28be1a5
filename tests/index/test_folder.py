import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from commons.pictures import Reason, Unhashable, hash_picture
from index.folder import Folder, Report
from sql import local_files, results
from sql.database import Database
from sql.tables import LONGEST_PATH, provenance, tombstone
from tests.index.conftest import PHOTOS, Index, Rows
from tests.index.test_walk import ODD


def hashes(path: Path) -> tuple[int, int]:
    return hash_picture(path.read_bytes()).hashes


def titles(database: Database) -> dict[str, int]:
    with database.read() as connection:
        files = local_files.known(connection, "/").values()
    return {file.file.title: file.file.page_id for file in files}


def deleted(database: Database) -> set[str | None]:
    with database.read() as connection:
        return set(results.buried(connection).values())


def report(**counts: Any) -> Report:
    nothing: dict[str, Any] = {
        "hashed": 0,
        "unchanged": 0,
        "failed_before": 0,
        "gone": 0,
        "others": 0,
        "failures": [],
        "unreadable": {},
    }
    return Report(**(nothing | counts))


def test_a_folder_is_hashed_once(index: Index, tree: Path, rows: Rows, database: Database) -> None:
    (tree / "notes.txt").write_text("no picture")
    assert index(tree) == report(hashed=3, others=1)
    paths = [tree / PHOTOS[0], tree / PHOTOS[1], tree / "below" / PHOTOS[2]]
    assert rows.hashed() == {str(path): hashes(path) for path in paths}
    assert titles(database).keys() == {PHOTOS[0], PHOTOS[1], f"below/{PHOTOS[2]}"}
    assert set(titles(database).values()) == {-1, -2, -3}
    assert index(tree) == report(unchanged=3, others=1)
    assert rows.counts() == (3, 3)


def test_nothing_to_do(index: Index, tmp_path: Path, rows: Rows) -> None:
    (tmp_path / "empty" / "below").mkdir(parents=True)
    assert index(tmp_path / "empty") == report()
    assert rows.counts() == (0, 0)


def test_a_changed_file_is_hashed_again(index: Index, tree: Path, rows: Rows, photos: Path) -> None:
    index(tree)
    shutil.copy(photos / "commons100" / "macaws.jpg", tree / PHOTOS[0])
    assert index(tree) == report(hashed=1, unchanged=2)
    assert rows.hashed()[str(tree / PHOTOS[0])] == hashes(tree / PHOTOS[0])
    assert len(rows.hashed()) == 3
    assert rows.counts() == (4, 4)


def test_a_touched_file_is_read_but_not_hashed(
    index: Index, tree: Path, rows: Rows, database: Database
) -> None:
    index(tree)
    os.utime(tree / PHOTOS[0], ns=(1, 1_234_567_890_123_456_789))
    assert index(tree) == report(unchanged=3)
    assert rows.counts() == (3, 3)
    with database.read() as connection:
        file = local_files.known(connection, str(tree))[str(tree / PHOTOS[0])].file
    assert file.mtime == 1_234_567_890_123_456_789
    assert file.sha1


def test_gone_and_back(index: Index, tree: Path, rows: Rows, database: Database, tmp_path: Path) -> None:
    index(tree)
    (tree / "below").rename(tmp_path / "elsewhere")
    assert index(tree) == report(unchanged=2, gone=1)
    assert index(tree) == report(unchanged=2)
    assert deleted(database) == {f"below/{PHOTOS[2]}"}
    assert len(rows.hashed()) == 3
    (tmp_path / "elsewhere").rename(tree / "below")
    assert index(tree) == index(tree) == report(unchanged=3)
    assert deleted(database) == set()
    assert rows.counts() == (3, 3)
    with database.read() as connection:
        assert connection.scalars(select(tombstone.c.deleted).order_by(tombstone.c.id)).all() == [True, False]


def test_a_file_that_turns_into_garbage_loses_its_hash(
    index: Index, tree: Path, rows: Rows, photos: Path
) -> None:
    index(tree)
    path = tree / PHOTOS[0]
    path.write_bytes(b"garbage")
    first = index(tree)
    assert first._replace(failures=[]) == report(unchanged=2)
    assert [failure[:2] for failure in first.failures] == [(PHOTOS[0], Reason.NOT_AN_IMAGE)]
    assert str(path) not in rows.hashed()
    assert index(tree) == report(unchanged=2, failed_before=1)
    shutil.copy(photos / "commons100" / PHOTOS[0], path)
    assert index(tree) == report(hashed=1, unchanged=2)
    assert rows.hashed()[str(path)] == hashes(path)


def test_failures_by_name(index: Index, photos: Path, rows: Rows, database: Database) -> None:
    folder = photos / "formats"
    expected: dict[str, Reason | None] = {}
    for path in folder.iterdir():
        if path.suffix in {".jpg", ".png", ".webp", ".tif", ".tiff", ".gif"}:
            try:
                hashes(path)
                expected[path.name] = None
            except Unhashable as error:
                expected[path.name] = error.reason
    told = index(folder)
    failures = {failure.title: failure.reason for failure in told.failures}
    assert failures == {name: reason for name, reason in expected.items() if reason}
    assert {"hopper.Lab.tif", "truncated_jpeg.jpg"} < failures.keys()
    assert told.hashed == len(expected) - len(failures) == len(rows.hashed())
    assert all(failure.detail for failure in told.failures)
    assert index(folder) == report(unchanged=told.hashed, failed_before=len(failures), others=told.others)
    with database.read() as connection:
        assert results.reasons(connection, range(-1000, 0)).total() == len(failures)


def test_names_that_no_one_would_choose(
    index: Index, photos: Path, tmp_path: Path, database: Database
) -> None:
    folder = tmp_path / os.fsdecode(b"n\xf6t utf-8")
    folder.mkdir()
    for name in (*ODD, b"A.jpg", b"a.jpg"):
        shutil.copy(photos / "commons100" / PHOTOS[0], folder / os.fsdecode(name))
    os.mkfifo(folder / "fifo.jpg")
    assert index(folder) == report(hashed=len(ODD) + 2)
    assert titles(database).keys() == {os.fsdecode(name) for name in (*ODD, b"A.jpg", b"a.jpg")}
    assert index(folder) == report(unchanged=len(ODD) + 2)


def test_a_path_too_long_to_record(index: Index, tmp_path: Path, database: Database) -> None:
    deep = str(tmp_path / "deep")
    while len(deep) < LONGEST_PATH - 150:
        deep += "/" + "x" * 100
    deep += "/" + "x" * (LONGEST_PATH - len(f"{deep}//y.png"))
    Path(deep).mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(f"{deep}/y.png")
    Image.new("RGB", (9, 9)).save(f"{deep}/yy.png")
    told = index(tmp_path / "deep")
    assert [(failure.title[-6:], *failure[1:]) for failure in told.failures] == [
        ("yy.png", Reason.UNREADABLE, "its path is too long to be recorded")
    ]
    assert told.hashed == len(titles(database)) == 1


@pytest.mark.parametrize("path", ["nothing", "pictures/puffin.jpg"])
def test_what_is_no_folder(index: Index, tree: Path, path: str) -> None:
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        index(tree.parent / path)


def test_a_folder_by_other_names(
    index: Index, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert index(tree).hashed == 3
    (tmp_path / "link").symlink_to(tree)
    monkeypatch.chdir(tmp_path)
    for path in ("pictures/", "./pictures/../pictures", "link", "link/"):
        assert index(Path(path)) == report(unchanged=3)


def test_folders_within_each_other(index: Index, tree: Path, rows: Rows, database: Database) -> None:
    shutil.copy(tree / PHOTOS[0], tree.parent / "pictures.jpg")
    assert index(tree / "below").hashed == 1
    assert index(tree) == report(hashed=2, unchanged=1)
    assert index(tree / "below") == report(unchanged=1)
    assert index(tree.parent) == report(hashed=1, unchanged=3, others=index(tree.parent).others)
    assert titles(database).keys() == {PHOTOS[0], PHOTOS[1], PHOTOS[2], "pictures.jpg"}
    assert rows.counts() == (4, 4)
    assert deleted(database) == set()


class Unreadable:
    """Has ``os.walk`` fail on folders of a name, as for a user who may not read them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.scandir = os.scandir

    def __call__(self, path: Any) -> Any:
        if Path(path).name == self.name:
            raise PermissionError(13, "Permission denied", path)
        return self.scandir(path)


def test_files_in_a_folder_that_cannot_be_read_are_kept(
    index: Index, tree: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(tree)
    monkeypatch.setattr(os, "scandir", Unreadable("below"))
    unreadable = {f"{tree}/below": "Permission denied"}
    assert index(tree) == report(unchanged=2, unreadable=unreadable)
    assert deleted(database) == set()


class Between(Executor):
    """Does a thing before the first file is hashed."""

    def __init__(self, executor: Executor, act: Callable[[], None]) -> None:
        self._executor = executor
        self._act: Callable[[], None] | None = act

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self._act:
            self._act()
            self._act = None
        return self._executor.submit(fn, *args, **kwargs)


def test_files_that_vanish_before_their_turn(
    tree: Path, database: Database, rows: Rows, threads: Executor, index: Index
) -> None:
    index(tree)
    os.utime(tree / PHOTOS[0], ns=(1, 1))
    shutil.copy(tree / PHOTOS[0], tree / "new.jpg")

    def remove() -> None:
        (tree / PHOTOS[0]).unlink()
        (tree / "new.jpg").unlink()

    told = Folder(database, tree).index(Between(threads, remove), ahead=4)
    assert told == report(unchanged=2, gone=1)
    assert deleted(database) == {PHOTOS[0]}
    assert "new.jpg" not in titles(database)
    assert rows.counts() == (3, 3)


def test_a_file_that_cannot_be_read_is_tried_again(
    tree: Path, database: Database, rows: Rows, threads: Executor, index: Index
) -> None:
    path = tree / PHOTOS[0]
    kept = tree.parent / "kept.jpg"

    def close() -> None:
        path.rename(kept)
        path.symlink_to(path.name)

    told = Folder(database, tree).index(Between(threads, close), ahead=4)
    assert [failure[:2] for failure in told.failures] == [(PHOTOS[0], Reason.UNREADABLE)]
    assert told.hashed == 2
    kept.rename(path)
    assert index(tree) == report(hashed=1, unchanged=2)
    assert index(tree) == report(unchanged=3)
    assert rows.counts() == (3, 3)


def test_another_run_that_comes_first(
    tree: Path, database: Database, rows: Rows, threads: Executor, index: Index
) -> None:
    told = Folder(database, tree).index(Between(threads, lambda: assert_hashed(index(tree), 3)), ahead=4)
    assert told == report(unchanged=3)
    assert rows.counts() == (3, 3)
    assert len(titles(database)) == 3


def assert_hashed(told: Report, files: int) -> None:
    assert told == report(hashed=files)


def test_two_runs_at_once(photos: Path, database_url: str, rows: Rows, threads: Executor) -> None:
    reports = []

    def run() -> None:
        own = Database(database_url)
        reports.append(Folder(own, photos / "exif").index(threads, ahead=4))
        own.close()

    runs = [threading.Thread(target=run) for _ in range(2)]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join()
    assert [(told.hashed + told.unchanged, told.failures) for told in reports] == [(9, []), (9, [])]
    assert sum(told.hashed for told in reports) == 9
    assert rows.counts() == (9, 9)
    assert len(rows.hashed()) == 9


def test_where_hashes_come_from(index: Index, tree: Path, database: Database) -> None:
    Image.new("L", (6000, 5000)).save(tree / "large.png")
    index(tree)
    pages = titles(database)
    with database.read() as connection:
        kept = {row.page_id: row for row in connection.execute(select(provenance))}
        files = local_files.of_pages(connection, pages.values())
    assert kept[pages[PHOTOS[0]]].input == "original"
    assert kept[pages["large.png"]].input == "thumbnail"
    assert {page: row.sha1 for page, row in kept.items()} == {page: file.sha1 for page, file in files.items()}
    assert all("imagehash" in row.libraries for row in kept.values())
