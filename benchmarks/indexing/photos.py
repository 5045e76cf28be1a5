"""JPEGs as wide as the thumbnails that Wikimedia serves, made of real photos."""

from pathlib import Path

from PIL import Image

WIDTH = 960
QUALITY = 87
"""As Wikimedia's thumbnails have it."""


def make(photos: Path, folder: Path) -> list[Path]:
    """Bring the JPEGs of a folder to that width, narrower ones too: Photo0.jpg, Photo1.jpg and so on."""
    made = []
    for number, path in enumerate(sorted(photos.glob("*.jpg"))):
        made.append(folder / f"Photo{number}.jpg")
        with Image.open(path) as photo:
            size = WIDTH, round(photo.height * WIDTH / photo.width)
            photo.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(made[-1], quality=QUALITY)
    return made
