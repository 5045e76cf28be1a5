"""The service over real photos, as people see it in a browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser

import demo
from tests import browser as browsers
from tests import finna as finnas
from tests import programs
from tests.browser import Visit
from tests.programs import Served


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Iterator[Served]:
    """The service over photos, those of the demo too, and versions of ``mural.jpg``; Finna has the mural."""
    folder = tmp_path_factory.mktemp("site")
    pictures = folder / "photos"
    shutil.copytree(photos / "commons100", pictures)
    demo.make_photos(pictures)
    versions(pictures, "mural")
    indexed = programs.run("index", "folder", pictures, folder=folder)
    assert indexed.returncode == 0, indexed.stderr
    with finnas.running() as finna:
        finna.records["museovirasto.4878"] = [pictures / "mural.jpg", pictures / "gourds.jpg"]
        with programs.api(folder, **finna.settings) as served:
            yield served


def versions(folder: Path, name: str) -> None:
    """Put a smaller, a recompressed, a grey and the very same version of a photo beside it."""
    source = folder / f"{name}.jpg"
    with Image.open(source) as photo:
        photo.resize((photo.width // 2, photo.height // 2)).save(folder / f"{name} smaller.jpg", quality=90)
        photo.save(folder / f"{name} recompressed.jpg", quality=40)
        photo.convert("L").save(folder / f"{name} grey.jpg", quality=90)
    shutil.copy2(source, folder / f"{name} again.jpg")


@pytest.fixture
def visit(browser: Browser, site: Served) -> Iterator[Visit]:
    """A visit to the service during which nobody else is asked, and nothing goes amiss."""
    with browsers.visit(browser, urlsplit(site.url).netloc, base_url=site.url) as visited:
        yield visited
