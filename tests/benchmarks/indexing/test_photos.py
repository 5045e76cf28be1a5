from pathlib import Path

from PIL import Image


def test_all_are_as_wide_as_thumbnails(few_photos: Path, pictures: list[Path]) -> None:
    assert [picture.name for picture in pictures] == [f"Photo{number}.jpg" for number in range(7)]
    for path, picture in zip(sorted(few_photos.iterdir()), pictures, strict=True):
        with Image.open(path) as photo, Image.open(picture) as made:
            assert (made.format, made.width) == ("JPEG", 960)
            assert abs(made.width / made.height - photo.width / photo.height) < 0.01
