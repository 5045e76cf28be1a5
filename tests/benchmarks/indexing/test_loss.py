from pathlib import Path

from benchmarks.indexing import loss
from commons.hashes import Hashes
from commons.pictures import hash_picture
from tests.wiki.wiki import Wiki


def test_only_photos_larger_than_their_thumbnails_count_and_each_once(photos: Path) -> None:
    found = loss.photos([photos / "exif", photos / "commons100"])
    assert len(found) == 1
    ((path, hashes),) = found.items()
    assert hashes == hash_picture(path.read_bytes()).hashes


def test_the_distance_of_a_thumbnail(wiki: Wiki, photos: Path) -> None:
    assert loss.distance(Hashes(0b100, 0), Hashes(0b011, 1 << 63)) == (3, 1)
    path = photos / "exif" / "Portrait_6.jpg"
    hashes = hash_picture(path.read_bytes()).hashes
    ((phash, dhash),) = loss.measure(wiki, {path: Hashes(hashes.phash ^ 0b1111, hashes.dhash)})
    assert 2 <= phash <= 6
    assert dhash <= 2
