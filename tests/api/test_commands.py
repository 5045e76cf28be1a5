import re
import subprocess
import sys
from pathlib import Path

import pytest

from api.__main__ import main
from api.schema import schema as graphql_schema
from index.__main__ import main as index
from sql import results, schema
from sql.database import Database
from tests.api.data import hashed
from tests.programs import environment


@pytest.fixture
def photo(tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A photo that is indexed, in a folder that is the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IMAGEHASH_DATABASE_URL", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    photo = tmp_path / "photos" / "mural.jpg"
    photo.parent.mkdir()
    photo.write_bytes((photos / "commons100" / "mural.jpg").read_bytes())
    assert index(["folder", "photos"]) == 0
    return photo


def test_search_prints_what_is_near(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", str(photo)]) == 0
    printed = capsys.readouterr().out.splitlines()[-3:]
    assert printed == ["phash  dhash  file", "    0      0  File:mural.jpg", "1 file within the tolerance"]


def test_search_says_when_there_is_nothing(
    photo: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", str(photos / "flags" / "de_250.png"), "--phash", "0", "--closest", "0"]) == 1
    printed = capsys.readouterr().out
    assert "says little" in printed or "say little" in printed
    assert printed.endswith("0 files within the tolerance\n")


def test_search_marks_what_is_deleted_and_counts_what_is_not_shown(
    photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = photo.with_name("copy.jpg")
    copy.write_bytes(photo.read_bytes())
    index(["folder", "photos"])
    copy.unlink()
    index(["folder", "photos"])
    assert main(["search", str(photo)]) == 0
    assert "File:copy.jpg (deleted)" in capsys.readouterr().out
    assert main(["search", str(photo), "--first", "1"]) == 0
    assert capsys.readouterr().out.endswith("2 files within the tolerance, 1 shown\n")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("formats/truncated_jpeg.jpg", "truncated"),
        ("README.md", "not a JPEG"),
        ("nothing.jpg", "No such file"),
    ],
)
def test_what_cannot_be_searched_for_is_told_in_a_line(
    photo: Path, photos: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", str(photos / name)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("imagehash-api: ")
    assert message in line


def test_a_folder_without_an_index_is_told_and_left_as_it_is(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMAGEHASH_DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")
    assert main(["search", str(photos / "commons100" / "mural.jpg")]) == 2
    assert "run imagehash-index folder PATH" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_not_there_is_told_in_a_line(
    photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    monkeypatch.setenv("IMAGEHASH_DATABASE_URL", "mysql+pymysql://nobody:secret@127.0.0.1:1/hashes")
    assert main(["search", str(photo)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the database" in line
    assert "secret" not in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["search"],
        ["search", "x", "--phash", "65"],
        ["serve", "--workers", "0"],
        ["serve", "--port", "99999"],
        [],
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: imagehash-api" in capsys.readouterr().err


def test_serve_refuses_an_engine_that_does_not_exist(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMAGEHASH_ENGINE", "fast")
    assert main(["serve"]) == 2
    assert "IMAGEHASH_ENGINE" in capsys.readouterr().err


def test_the_schema_is_exported(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export-schema"]) == 0
    assert capsys.readouterr().out == graphql_schema.as_str() + "\n"


def test_snapshot_tells_what_it_wrote(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["snapshot"]) == 0
    told = capsys.readouterr()
    (written,) = (photo.parents[1] / ".cache" / "imagehash").glob("imagehash-*/[0-9]*")
    assert re.fullmatch(rf"{written}: 1 files for the engine multi-index, 0\.\d MB, in \d+\.\d s\n", told.out)
    assert told.err.startswith("reading: 0 of 2 rows, ")


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("IMAGEHASH_ENGINE", "sql", "IMAGEHASH_ENGINE is sql, and the database searches without a snapshot"),
        ("IMAGEHASH_DATABASE_URL", "sqlite:///none.db", "nothing is indexed in sqlite:///none.db yet"),
        ("IMAGEHASH_SNAPSHOT_DIR", "photos/mural.jpg", ": Not a directory"),
    ],
)
def test_a_snapshot_that_cannot_be_written_is_told_in_a_line(
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    setting: str,
    value: str,
    message: str,
) -> None:
    monkeypatch.setenv(setting, value)
    assert main(["snapshot"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("imagehash-api: ")
    assert message in line


def test_an_interrupted_snapshot_leaves_nothing(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("bktree.snapshot.np.save", interrupted)
        assert main(["snapshot"]) == 130
    folder = photo.parents[1] / ".cache" / "imagehash"
    assert [path.name for path in folder.glob("*/*")] == [".lock"]


def test_a_disk_without_room_is_told_with_what_to_do(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'imagehash.db'}")
    schema.prepare(database)
    with database.write() as connection:
        results.save(connection, [hashed(page_id, page_id, 1) for page_id in range(1, 20_000)])
    database.close()
    # A limit on the size of files, here of 64 kB, fails a write just as a full disk does.
    program = f'ulimit -f 128; exec "{sys.executable}" -m api snapshot'
    told = subprocess.run(
        ["sh", "-c", program],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 2
    line = told.stderr.splitlines()[-1]
    assert line.startswith(f"imagehash-api: {tmp_path}/.cache/imagehash/imagehash-")
    assert "cannot be written" in line
    assert line.endswith("; make room, or have another folder in IMAGEHASH_SNAPSHOT_DIR")
    assert "Traceback" not in told.stderr
    assert [path.name for path in tmp_path.glob(".cache/imagehash/*/*")] == [".lock"]
