import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from index.walk import Walk, walk

NOBODY = 65_534
ODD = [
    b"new\nline.jpg",
    b"\xff\xfe.jpg",
    b"-rf.jpg",
    b" .jpg",
    b"'\"%s\\.jpg",
    "🦆.jpg".encode(),
    b"x" * 246 + b".jpg",
]


def test_pictures_by_path(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.JPEG", "c/d.tif", "c/e/f.gif", "notes.txt", "jpg", "c/.jpg", "c/movie.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    met = walk(str(tmp_path))
    assert list(met.pictures) == [
        f"{tmp_path}/{name}" for name in ("a.JPEG", "b.jpg", "c/d.tif", "c/e/f.gif")
    ]
    assert met.pictures[f"{tmp_path}/b.jpg"].st_size == 5
    assert (met.unreadable, met.others) == ({}, 4)


def test_names_that_no_one_would_choose(tmp_path: Path) -> None:
    for name in ODD:
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_bytes(b"")
    assert {os.fsencode(Path(path).name) for path in walk(str(tmp_path)).pictures} == set(ODD)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "folder.jpg" / "inner.jpg").write_bytes(b"")
    (tmp_path / "nothing.jpg").symlink_to("nowhere")
    (tmp_path / "link.jpg").symlink_to("folder.jpg/inner.jpg")
    (tmp_path / "circle").symlink_to(tmp_path)
    assert walk(str(tmp_path)) == Walk(
        {
            f"{tmp_path}/link.jpg": (tmp_path / "link.jpg").stat(),
            f"{tmp_path}/folder.jpg/inner.jpg": (tmp_path / "link.jpg").stat(),
        },
        {},
        0,
    )


def test_a_link_in_a_circle_is_told(tmp_path: Path) -> None:
    (tmp_path / "self.jpg").symlink_to("self.jpg")
    met = walk(str(tmp_path))
    assert met == Walk({}, {f"{tmp_path}/self.jpg": "Too many levels of symbolic links"}, 0)
    assert met.may_hold(f"{tmp_path}/self.jpg")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(("mode", "place"), [(0o000, "closed"), (0o444, "closed/a.jpg")])
def test_what_cannot_be_read_may_hold_files(photos: Path, mode: int, place: str) -> None:
    # Root reads everything, and the tests' own folders are closed to others.
    folder = Path("/tmp") / f"imagehash-walk-{os.getpid()}"  # noqa: S108
    (folder / "closed").mkdir(parents=True)
    (folder / "closed" / "a.jpg").write_bytes(b"")
    (folder / "b.jpg").write_bytes(b"")
    (folder / "closed").chmod(mode)
    code = f"from index.walk import walk; print(*walk({str(folder)!r})[:2], sep='\\n')"
    try:
        seen = subprocess.run(
            [
                "setpriv",
                f"--reuid={NOBODY}",
                f"--regid={NOBODY}",
                "--clear-groups",
                sys.executable,
                "-c",
                code,
            ],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"},
        ).stdout.splitlines()
    finally:
        shutil.rmtree(folder)
    assert f"{folder}/b.jpg" in seen[0]
    assert "a.jpg" not in seen[0]
    assert seen[1] == str({f"{folder}/{place}": "Permission denied"})


def test_where_a_file_may_be_though_it_was_not_met() -> None:
    met = Walk({}, {"/p/closed": "Permission denied"}, 0)
    assert met.may_hold("/p/closed/a.jpg")
    assert met.may_hold("/p/closed/b/c.jpg")
    assert not met.may_hold("/p/closed.jpg")
    assert not met.may_hold("/p/open/a.jpg")
