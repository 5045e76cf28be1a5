"""Thumbnails are those of Commons: named alike, rendered when asked for, in standard widths only."""

import io
import subprocess
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from PIL import Image

from commons.thumbnails import thumbnail_url
from tests.wiki.conftest import imageinfo
from tests.wiki.wiki import Wiki

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><circle r="9"/></svg>'
KINDS = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "tif": "image/tiff",
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
    "djvu": "image/vnd.djvu",
}


def make(path: Path, photo: Image.Image) -> None:
    """Write a file of the kind that its name says."""
    if path.suffix == ".svg":
        path.write_text(SVG)
    elif path.suffix == ".djvu":
        photo.save(path.with_suffix(".ppm"))
        subprocess.run(["c44", path.with_suffix(".ppm"), path], check=True)
    else:
        photo.save(path)


def fetched(url: str) -> Image.Image:
    with urlopen(url, timeout=60) as response:
        image = Image.open(io.BytesIO(response.read()))
    image.load()
    return image


def refusal(url: str) -> int:
    with pytest.raises(HTTPError) as refused:
        urlopen(url, timeout=60)
    with refused.value:
        return refused.value.code


@pytest.fixture
def wide(photos: Path) -> Image.Image:
    """A photo of 1,000 x 500 pixels."""
    with Image.open(photos / "commons100" / "mural.jpg") as photo:
        return photo.resize((1000, 500))


@pytest.mark.parametrize(("suffix", "mime"), KINDS.items())
def test_a_thumbnail_is_as_wide_as_was_asked_for(
    wiki: Wiki, tmp_path: Path, wide: Image.Image, suffix: str, mime: str
) -> None:
    name = f"Wide.{suffix}"
    make(tmp_path / name, wide)
    wiki.upload({name: tmp_path / name})
    for width in (250, 960):
        (told,) = imageinfo(wiki, name, iiurlwidth=width)
        assert told["mime"] == mime
        assert told["thumburl"] == thumbnail_url(name, width, mime=mime, base=wiki.uploads)
        thumbnail = fetched(told["thumburl"])
        # DjVu's renderer takes the height for given, and may round the width down.
        assert thumbnail.width in ({width - 1, width} if suffix == "djvu" else {width})
        assert thumbnail.height == width // 2


def test_a_turned_photo_is_upright(wiki: Wiki, photos: Path) -> None:
    wiki.upload({"Turned.jpg": photos / "exif" / "Portrait_6.jpg"})
    assert fetched(thumbnail_url("Turned.jpg", 250, base=wiki.uploads) or "").size == (250, 375)


def test_a_new_version_has_new_thumbnails(wiki: Wiki, photos: Path) -> None:
    wiki.upload({"Renewed.jpg": photos / "commons100" / "puffin.jpg"})
    address = thumbnail_url("Renewed.jpg", 120, base=wiki.uploads) or ""
    assert fetched(address).size == (120, 180)
    wiki.replace({"Renewed.jpg": photos / "commons100" / "mural.jpg"})
    assert fetched(address).size == (120, 80)
    wiki.delete("Renewed.jpg")
    assert refusal(address) == 404


def test_what_wikimedia_does_not_serve_is_refused(wiki: Wiki, photos: Path) -> None:
    wiki.upload({"Narrow.jpg": photos / "commons100" / "puffin.jpg"})
    address = thumbnail_url("Narrow.jpg", 250, base=wiki.uploads) or ""
    assert refusal(address.replace("250px", "251px")) == 400
    assert refusal(address.replace("250px", "960px")) == 400, "it is 512 pixels wide"
    assert refusal(address.replace("Narrow", "Nothing")) == 404
