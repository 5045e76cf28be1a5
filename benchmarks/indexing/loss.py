"""What ``--input thumbnail`` loses: how far the hashes of a thumbnail are from those of its original."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

from PIL import Image

from commons.hashes import Hashes
from commons.imageinfo import ImageInfo
from commons.mediawiki import MediaWiki
from commons.pictures import FULL_SIZE_PIXELS, REDUCED_WIDTH, hash_picture
from tests.wiki.wiki import Wiki

_ALIKE = 8
"""Bits by which two pictures are taken for one: wallpapers come in several sizes."""

_SECONDS = 60


class Distance(NamedTuple):
    """Bits that differ between an original and its thumbnail."""

    phash: int
    dhash: int


def photos(folders: Iterable[Path]) -> dict[Path, Hashes]:
    """The JPEGs below folders that ``--input thumbnail`` hashes from a thumbnail, with their own hashes."""
    found: dict[Path, Hashes] = {}
    for path in sorted(path for folder in folders for path in folder.rglob("*.jpg") if _is_reduced(path)):
        hashes = hash_picture(path.read_bytes()).hashes
        if all(max(distance(hashes, other)) > _ALIKE for other in found.values()):
            found[path] = hashes
    return found


def measure(wiki: Wiki, originals: dict[Path, Hashes]) -> list[Distance]:
    """Have a wiki make the thumbnails, and hash them."""
    uploaded = {f"Large{number}.jpg": path for number, path in enumerate(originals)}
    wiki.upload(uploaded)
    versions = ImageInfo(MediaWiki(wiki.api, "imagehash-bench"), full_size=0).of_names(uploaded)
    distances = []
    for name, path in uploaded.items():
        url = versions[name].address.url  # type: ignore[union-attr] # a picture that is there has one
        with urlopen(url, timeout=_SECONDS) as response:  # noqa: S310 - the benchmark's own wiki
            distances.append(distance(originals[path], hash_picture(response.read()).hashes))
    return distances


def distance(one: Hashes, other: Hashes) -> Distance:
    """How many bits differ."""
    return Distance((one.phash ^ other.phash).bit_count(), (one.dhash ^ other.dhash).bit_count())


def _is_reduced(path: Path) -> bool:
    with Image.open(path) as image:
        return image.width > REDUCED_WIDTH and image.width * image.height <= FULL_SIZE_PIXELS
