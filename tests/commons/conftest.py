import io
from collections.abc import Callable

import pytest
from PIL import Image


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """Save an image in a format and return the bytes of the file."""

    def save(image: Image.Image, kind: str, **options: object) -> bytes:
        file = io.BytesIO()
        image.save(file, kind, **options)
        return file.getvalue()

    return save
