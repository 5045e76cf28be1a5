"""What is written is what is read, and anything else is refused by its name."""

import json
import os
import resource
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bktree import snapshot
from bktree.engines import ENGINES
from bktree.frozen import arrays_of
from bktree.memory import Memory
from bktree.protocol import Tolerance
from bktree.snapshot import FORMAT, RefusedError, Snapshot, load, save, verify

COUNT = 3000


@pytest.fixture(params=list(ENGINES))
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Snapshot]:
    """A folder, and what was written to it."""
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 2**64, COUNT, np.uint64), rng.integers(0, 2**64, COUNT, np.uint64)
    files = ENGINES[request.param](np.arange(COUNT) - 7, hashes)
    made = Snapshot(request.param, files, np.array([2, 5]), {"rows": [1, 2**64 - 1]})
    save(tmp_path / "made", made)
    return tmp_path / "made", made


def test_what_was_written_is_read(written: tuple[Path, Snapshot]) -> None:
    folder, made = written

    found = load(folder)
    verify(folder)

    assert (found.engine, found.about, found.deleted.tolist()) == (made.engine, made.about, [2, 5])
    for (name, expected), (same, array) in zip(arrays_of(made.files), arrays_of(found.files), strict=True):
        assert name == same
        assert array.dtype == expected.dtype
        assert (array == expected).all()
        assert not isinstance(array, np.memmap)


def test_an_engine_over_a_map_answers_and_changes_as_one_in_memory(written: tuple[Path, Snapshot]) -> None:
    folder, made = written
    mapped, built = (Memory(each.engine, each.files) for each in (load(folder), made))
    queries = [column[::100].copy() for column in made.files.hashes]
    new = np.array([1, 5000]), np.array([7, 8], np.uint64), np.array([9, 10], np.uint64)

    for engine in (mapped, built):
        engine.hide(np.arange(0, 100, 3))
        engine.add(*new)

    for tolerance in (Tolerance(0, 0), Tolerance(20, 64), Tolerance(64, 64, 22)):
        assert mapped.search_many(queries[0], queries[1], tolerance) == built.search_many(
            queries[0], queries[1], tolerance
        )
    # What changed is not in the files: another process sees them as they were written.
    assert len(Memory(made.engine, load(folder).files)) == COUNT


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_cannot_be_written_leaves_nothing(written: tuple[Path, Snapshot], tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"cannot be written|File too large") as failed:
            save(tmp_path / "another", written[1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert failed.value.filename == str(tmp_path / "another")
    assert names(tmp_path) == ["made"]


def test_what_is_no_file_is_refused(written: tuple[Path, Snapshot], tmp_path: Path) -> None:
    folder, _ = written
    for path in folder.iterdir():
        shutil.copytree(folder, copied := tmp_path / path.stem)
        (copied / path.name).unlink()
        os.mkfifo(copied / path.name)
        for read in (load, verify):
            with pytest.raises(RefusedError) as refused:
                read(copied)
            assert str(refused.value) == f"{copied / path.name}: is no file"


def test_a_snapshot_is_not_written_over(written: tuple[Path, Snapshot]) -> None:
    folder, made = written
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(OSError, match="not empty"):
        save(folder, made)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert names(folder.parent) == ["made"]


def test_every_file_that_is_cut_short_is_refused(written: tuple[Path, Snapshot], tmp_path: Path) -> None:
    folder, _ = written
    for path in folder.glob("*.npy"):
        shutil.copytree(folder, copied := tmp_path / path.stem)
        content = path.read_bytes()
        (copied / path.name).write_bytes(content[:-1])
        with pytest.raises(RefusedError) as refused:
            load(copied)
        size = len(content)
        assert str(refused.value) == f"{copied / path.name}: is of {size - 1} bytes instead of {size}"


def test_every_file_that_is_missing_is_refused(written: tuple[Path, Snapshot], tmp_path: Path) -> None:
    folder, _ = written
    for path in folder.iterdir():
        shutil.copytree(folder, copied := tmp_path / path.stem)
        (copied / path.name).unlink()
        with pytest.raises(RefusedError) as refused:
            load(copied)
        assert str(refused.value) == f"{copied / path.name}: No such file or directory"


def test_every_byte_that_is_flipped_is_found(written: tuple[Path, Snapshot]) -> None:
    folder, _ = written
    rng = np.random.default_rng(2)
    for path in folder.glob("*.npy"):
        content = path.read_bytes()
        for place in {0, len(content) - 1, *rng.integers(0, len(content), 3).tolist()}:
            flipped = bytearray(content)
            flipped[place] ^= 1 << int(rng.integers(8))
            path.write_bytes(flipped)
            with pytest.raises(RefusedError) as refused:
                verify(folder)
            assert str(refused.value) == f"{path}: is damaged (its checksum is not that of the manifest)"
        path.write_bytes(content)
    verify(folder)


def test_a_flipped_byte_in_a_sample_is_found_on_opening(written: tuple[Path, Snapshot]) -> None:
    folder, _ = written
    path = folder / "page_id.npy"
    content = bytearray(path.read_bytes())
    assert len(content) < snapshot.BLOCK * snapshot.BLOCKS
    content[len(content) // 3] ^= 4
    path.write_bytes(content)
    with pytest.raises(
        RefusedError, match=r"page_id.npy: is damaged \(a sample of it is not as it was written\)"
    ):
        load(folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"format": FORMAT + 1},
            f"manifest.json: is of format {FORMAT + 1}, and this program reads format {FORMAT}",
        ),
        ({"engine": None}, "manifest.json: is cut short"),
        ({"files": 1}, "has 3000 files instead of 1"),
        ({"arrays": {}}, "has no 'page_id'"),
        ({"arrays": {"page_id": {}}}, "has no 'bytes'"),
        ({"arrays": []}, "cannot be read ('list' object has no attribute 'items')"),
    ],
)
def test_a_manifest_that_says_something_else_is_refused(
    written: tuple[Path, Snapshot], change: dict[str, Any], reason: str
) -> None:
    folder, _ = written
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text()) | change
    path.write_text(json.dumps({name: value for name, value in manifest.items() if value is not None}))
    with pytest.raises(RefusedError) as refused:
        load(folder)
    assert str(refused.value).endswith(reason)
    assert str(folder) in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "null", '{"engine": "scan"}'])
def test_what_is_no_manifest_is_refused(written: tuple[Path, Snapshot], text: str) -> None:
    folder, _ = written
    (folder / "manifest.json").write_text(text)
    with pytest.raises(RefusedError, match=r"manifest\.json: is no manifest of a snapshot"):
        load(folder)
    with pytest.raises(RefusedError, match=r"manifest\.json: is no manifest of a snapshot"):
        verify(folder)


def test_an_array_of_another_type_or_name_is_refused(written: tuple[Path, Snapshot]) -> None:
    folder, made = written
    shutil.rmtree(folder)
    wide = made.files._replace(page_id=made.files.page_id.astype(np.int64))
    save(folder, made._replace(files=wide))
    with pytest.raises(
        RefusedError, match=r"page_id\.npy: has 1 dimensions of int64 instead of 1 dimensions of int32"
    ):
        load(folder)
    shutil.rmtree(folder)
    save(folder, made)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["arrays"]["by_page"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RefusedError, match=f"{folder}: has no 'by_page'"):
        load(folder)
