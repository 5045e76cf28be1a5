"""A wiki with a few pictures, of which there can be any number of copies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.indexing import copies as making
from benchmarks.indexing import photos as bringing
from benchmarks.indexing.copies import Copies
from tests import mariadb
from tests.wiki import wiki as mediawiki
from tests.wiki.wiki import Wiki

COPIES = 130


@pytest.fixture(scope="session")
def few_photos(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with some of the photos."""
    folder = tmp_path_factory.mktemp("photos")
    for path in sorted((photos / "commons100").glob("*.jpg"))[:7]:
        (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="session")
def pictures(few_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The photos as the benchmark serves them."""
    return bringing.make(few_photos, tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="session")
def own_wiki(
    mariadb_server: mariadb.Server, pictures: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Wiki, Path]]:
    """A wiki with these pictures and no others, and the folder whose files it serves."""
    folder = tmp_path_factory.mktemp("own wiki")
    with mediawiki.running(folder, mariadb_server, database="benchwiki") as wiki:
        wiki.upload({picture.name: picture for picture in pictures})
        yield wiki, folder / "web"


@pytest.fixture(scope="session")
def copies(mariadb_server: mariadb.Server, own_wiki: tuple[Wiki, Path]) -> Iterator[Copies]:
    """Copies of the wiki's pictures, in the database ``copies``."""
    wiki, _ = own_wiki
    yield making.make(mariadb_server, wiki.database, "copies", COPIES)
    mariadb_server.execute("DROP DATABASE copies")
