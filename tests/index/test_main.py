import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from commons.pictures import hash_picture
from index.__main__ import main
from sql.database import Database
from tests.index.conftest import PHOTOS, Rows

ROOT = Path(__file__).parents[2]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def url(database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The program's database, its tables prepared."""
    monkeypatch.setenv("IMAGEHASH_DATABASE_URL", database_url)
    return database_url


@pytest.fixture
def many(tmp_path: Path, photos: Path) -> Path:
    """A folder of some hundred files."""
    folder = tmp_path / "many"
    folder.mkdir()
    for name in sorted((photos / "commons100").glob("*.jpg")):
        for copy in range(3):
            (folder / f"{copy}-{name.name}").symlink_to(name)
    return folder


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the program in a group of processes of its own, ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "index", *arguments], cwd=ROOT, start_new_session=True, **options
            )
        )
        return started[-1]

    yield run
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


def children(process: subprocess.Popen[str]) -> set[int]:
    """The processes of the group, without its head, that still run."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            state, _, group = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:3]
            if int(group) == process.pid and state != "Z":
                found.add(int(folder.name))
    return found - {process.pid}


def workers(process: subprocess.Popen[str]) -> list[int]:
    return sorted(
        pid for pid in children(process) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    for word in ("folder", "status", "IMAGEHASH_DATABASE_URL", "exit codes:", "130"):
        assert word in shown
    with pytest.raises(SystemExit):
        main(["folder", "--help"])
    assert "JPEG, PNG, WebP, TIFF and GIF" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["folder"], ["folder", "a", "b"], ["folder", "a", "--jobs", "0"], ["status", "x"]],
)
def test_wrong_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: imagehash-index" in capsys.readouterr().err


def test_a_folder_and_its_status(url: str, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "notes.txt").touch()
    (tree / os.fsdecode(b"em\xffpty\n.jpg")).touch()
    assert main(["folder", str(tree), "--jobs", "1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "3 hashed",
        "1 could not be hashed",
        "1 passed over, not JPEG, PNG, WebP, TIFF or GIF by name",
        "Could not be hashed:",
        r"  em\udcffpty\n.jpg: The file is empty. (empty)",
    ]
    (tree / PHOTOS[0]).unlink()
    assert main(["folder", str(tree)]) == 0
    assert capsys.readouterr().out.splitlines()[:4] == [
        "0 hashed",
        "2 unchanged",
        "1 could not be hashed before and have not changed",
        "1 gone, marked as deleted",
    ]
    assert main(["status"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "3 files of folders hashed, 1 of them deleted by now; 1 could not be hashed",
        "  empty: 1",
    ]


def test_what_could_not_be_read_is_told(url: str, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "self.jpg").symlink_to("self.jpg")
    assert main(["folder", str(tree)]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "Could not be read; what was known there is kept:",
        f"  {tree}/self.jpg: Too many levels of symbolic links",
    ]


@pytest.mark.parametrize("path", ["nothing", "file.jpg", "file.jpg/"])
def test_what_is_no_folder(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMAGEHASH_DATABASE_URL", f"sqlite:///{tmp_path}/x.db")
    (tmp_path / "file.jpg").touch()
    assert main(["folder", f"{tmp_path}/{path}"]) == 1
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", f"imagehash-index: {tmp_path}/{path.rstrip('/')} is not a folder\n")


@pytest.mark.parametrize(
    "url",
    [
        "mysql+pymysql://someone:secret@127.0.0.1:9/hashes",
        "sqlite:////nowhere/at/all.db",
        "sqlite://",
        "nonsense",
        "postgresql://someone:secret@localhost/hashes",
    ],
)
def test_no_database(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("IMAGEHASH_DATABASE_URL", url)
    assert main(["status"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("imagehash-index: ")
    assert told.err.count("\n") == 1
    assert "secret" not in told.err


def test_a_newer_database(url: str, database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE imagehash_schema SET version_num = '9999'"))
    assert main(["status"]) == 1
    assert "newer version of this program" in capsys.readouterr().err


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_a_database_without_room_loses_nothing(
    url: str, many: Path, rows: Rows, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with database.read() as connection:
        connection.exec_driver_sql("SET max_heap_table_size = 200000")
        connection.exec_driver_sql("ALTER TABLE provenance ENGINE = MEMORY")
        assert main(["folder", str(many), "--jobs", "1"]) == 1
        assert "'provenance' is full\"). Make room on the disk" in capsys.readouterr().err.splitlines()[-1]
        assert rows.counts() == (len(rows.hashed()), len(rows.hashed()))
        connection.exec_driver_sql("ALTER TABLE provenance ENGINE = InnoDB")
    assert main(["folder", str(many)]) == 0
    assert rows.counts() == (300, 300)
    assert len(rows.hashed()) == 300


def test_lines_where_there_is_no_terminal(url: str, tree: Path, start: Start) -> None:
    process = start("folder", tree)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "3 hashed\n")
    assert err.startswith("hashing: 0 of 3 files, ")
    assert "hashing: 3 of 3 files, " in err.splitlines()[-1]
    assert not {"\r", "\x1b"} & set(err)


def test_a_bar_on_a_terminal(url: str, tree: Path, start: Start) -> None:
    (tree / "empty.jpg").touch()
    parent, child = pty.openpty()
    process = start("folder", tree, stdout=child, stderr=child)
    os.close(child)
    shown = b""
    with suppress(OSError):  # how a terminal says that all is told
        while part := os.read(parent, 10_000):
            shown += part
    os.close(parent)
    assert process.wait(60) == 0
    assert b"\rhashing:   0%|" in shown
    assert b"4/4 [00:0" in shown
    assert b" files/s, 1 failed]" in shown
    assert shown.endswith(b"empty.jpg: The file is empty. (empty)\r\n")


def test_killed_again_and_again(url: str, many: Path, start: Start, rows: Rows) -> None:
    done = 0
    for _ in range(2):
        done = _killed_in_the_middle(start("folder", many), rows, done)
        assert rows.counts() == (done, done)
        assert len(rows.hashed()) == done < 300
    process = start("folder", many)
    out, _ = process.communicate(timeout=120)
    assert out.splitlines() == [f"{300 - done} hashed", f"{done} unchanged"]
    assert rows.counts() == (300, 300)
    assert len(rows.hashed()) == 300
    hashed = rows.hashed()
    for path, hashes in hashed.items():
        folder, name = path.rsplit("/", 1)
        assert hashes == hashed[f"{folder}/0{name[1:]}"] == hash_picture(Path(path).read_bytes()).hashes


def _killed_in_the_middle(process: subprocess.Popen[str], rows: Rows, done: int) -> int:
    """How many files were hashed when it died; its helpers are to die with it."""
    until(lambda: rows.counts()[0] > done)
    helpers = children(process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    until(lambda: not helpers & children(process))
    return rows.counts()[0]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_interrupted(url: str, many: Path, start: Start, rows: Rows) -> None:
    process = start("folder", many)
    until(lambda: rows.counts()[0] > 0)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "imagehash-index: interrupted; run the same command again to go on"
    assert "Traceback" not in err
    done = rows.counts()[0]
    assert rows.counts() == (done, done)
    assert 0 < done < 300
    out, _ = start("folder", many).communicate(timeout=120)
    assert out.splitlines() == [f"{300 - done} hashed", f"{done} unchanged"]
    assert rows.counts() == (300, 300)


@pytest.mark.parametrize("seconds", [0.1, 0.2, 0.6])
def test_interrupted_while_it_starts(
    seconds: float, tmp_path: Path, many: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEHASH_DATABASE_URL", f"sqlite:///{tmp_path}/x.db")
    process = start("folder", many)
    until((tmp_path / "x.db").exists)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_a_worker_killed_from_outside(url: str, many: Path, start: Start, rows: Rows) -> None:
    process = start("folder", many, "--jobs", "2")
    until(lambda: rows.counts()[0] > 0)
    os.kill(workers(process)[0], signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    crashed = out.count("(crashed)")
    assert crashed <= 1
    assert rows.counts() == (300 - crashed, 300 - crashed)
    out, _ = start("folder", many).communicate(timeout=120)
    assert rows.counts() == (300, 300)


def test_two_runs_at_once(url: str, many: Path, start: Start, rows: Rows) -> None:
    runs = [start("folder", many), start("folder", many)]
    told = [process.communicate(timeout=120)[0].splitlines()[0] for process in runs]
    assert [process.returncode for process in runs] == [0, 0]
    assert sum(int(line.removesuffix(" hashed")) for line in told) == 300
    assert rows.counts() == (300, 300)
    assert len(rows.hashed()) == 300


def test_a_database_that_is_busy_is_waited_for(
    tree: Path, tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEHASH_DATABASE_URL", f"sqlite:///{tmp_path}/x.db")
    assert main(["status"]) == 0
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    process = start("folder", tree)
    time.sleep(2)
    other.execute("COMMIT")
    other.close()
    assert process.communicate(timeout=60)[0] == "3 hashed\n"
