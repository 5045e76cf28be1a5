import os
from hashlib import sha1
from pathlib import Path

import imagehash
import pytest
from PIL import Image

from commons.pictures import Reason
from index.hashing import Job, Outcome, hash_file

PUFFIN = "commons100/puffin.jpg"


def test_a_picture(photos: Path) -> None:
    path = photos / PUFFIN
    digest = sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
    outcome = hash_file(Job(str(path)))
    assert outcome[:4] == (Job(str(path)), path.stat().st_size, path.stat().st_mtime_ns, digest)
    assert outcome.picture
    with Image.open(path) as image:
        assert outcome.picture.hashes == (
            int(str(imagehash.phash(image)), 16),
            int(str(imagehash.dhash(image)), 16),
        )
        assert (outcome.picture.width, outcome.picture.height) == image.size
    assert outcome.reason is outcome.detail is None


def test_bytes_that_were_hashed_before_are_not_hashed_again(photos: Path) -> None:
    digest = hash_file(Job(str(photos / PUFFIN))).sha1
    again = hash_file(Job(str(photos / PUFFIN), digest))
    assert (again.sha1, again.picture, again.reason) == (digest, None, None)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("formats/truncated_jpeg.jpg", Reason.TRUNCATED),
        ("formats/badwidth.bmp", Reason.NOT_AN_IMAGE),
        ("formats/hopper.Lab.tif", Reason.COLOUR_SPACE),
        ("nothing.jpg", Reason.UNREADABLE),
        ("formats", Reason.UNREADABLE),
    ],
)
def test_failures(photos: Path, name: str, reason: Reason) -> None:
    outcome = hash_file(Job(str(photos / name)))
    assert (outcome.reason, outcome.picture) == (reason, None)
    assert outcome.detail
    assert (outcome.sha1 is None) == (reason is Reason.UNREADABLE)


def test_a_file_larger_than_memory(tmp_path: Path) -> None:
    path = tmp_path / "vast.jpg"
    path.touch()
    os.truncate(path, 1 << 43)
    assert hash_file(Job(str(path))) == Outcome(
        Job(str(path)), reason=Reason.OUT_OF_MEMORY, detail="the file does not fit into memory"
    )
