"""``make demo``: hash a folder of photos and serve the API over it.

``PHOTOS`` names the folder. Without it, the photos that ship with scikit-image are taken, beside smaller,
recompressed and grey versions made of them here, so that there are twins to find.
"""

import argparse
import json
import os
import shutil
import socket
import sys
from pathlib import Path

import skimage
from PIL import Image

import api.__main__
import index.__main__
from commons.arguments import whole
from commons.pictures import SUFFIXES

BUILT = Path("build/demo/photos")
"""Where the demo's own photos are put."""

NAMES = (
    "astronaut.png",
    "camera.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "moon.png",
    "motorcycle_left.png",
)


def main() -> int:
    """Prepare, say what was done and what to try, and serve until interrupted."""
    try:
        port = whole(1, 65535)(os.environ.get("PORT") or "8000")
    except argparse.ArgumentTypeError as error:
        return _fail(f"PORT: {error}")
    if _is_taken(port):
        return _fail(f"port {port} is taken by another program: try make demo PORT={port + 1}")
    given = os.environ.get("PHOTOS")
    photos = Path(given).expanduser() if given else make_photos(BUILT)
    _say(f"Hashing the photos in {photos}")
    if code := index.__main__.main(["folder", str(photos)]):
        return code
    example = _first_photo(photos)
    if example is None:
        return _fail(f"there is no JPEG, PNG, WebP, TIFF or GIF file in {photos}")
    _say(_invitation(port, example))
    return api.__main__.main(["serve", "--port", str(port)])


def make_photos(folder: Path) -> Path:
    """Put scikit-image's photos, and versions of each, into a folder."""
    for name in NAMES:
        source = Path(skimage.__file__).parent / "data" / name
        versions = {kind: folder / kind / name for kind in ("original", "smaller", "recompressed", "grey")}
        for target in versions.values():
            target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, versions["original"])
        with Image.open(source) as picture:
            photo = picture.convert("RGB")
        photo.resize((photo.width // 2, photo.height // 2)).save(_jpeg(versions["smaller"]), quality=90)
        photo.save(_jpeg(versions["recompressed"]), quality=40)
        photo.convert("L").save(_jpeg(versions["grey"]), quality=90)
    return folder


def _jpeg(path: Path) -> Path:
    return path.with_suffix(".jpg")


def _first_photo(photos: Path) -> str | None:
    """The path of a photo below the folder, which is its title."""
    files = (path for path in sorted(photos.rglob("*")) if path.suffix.lower() in SUFFIXES and path.is_file())
    own = photos / "original" / "moon.png"
    first = own if own.is_file() else next(files, None)
    return None if first is None else str(first.relative_to(photos))


def _invitation(port: int, example: str) -> str:
    query = (
        f"{{ file(title: {json.dumps('File:' + example)}) "
        "{ matches { totalCount nodes { phashDistance dhashDistance file { title } } } } }"
    )
    body = json.dumps({"query": query}).replace("'", r"\u0027")
    return f"""
Which photos look like {example}? In another terminal, try:

    curl --silent http://127.0.0.1:{port}/graphql --header 'Content-Type: application/json' \\
        --data '{body}'

Or give a picture of your own:

    .venv/bin/imagehash-api search PICTURE

Serving at http://127.0.0.1:{port} until you press Ctrl-C.
"""


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _fail(message: str) -> int:
    sys.stderr.write(f"demo: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
