"""Folders of real pictures, and runs over them."""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from commons.imageinfo import ImageInfo
from commons.mediawiki import MediaWiki
from index.__main__ import main
from index.folder import Folder, Report
from sql import pairs
from sql.database import Database
from sql.pages import Pages
from sql.replica import Replica
from sql.tables import dhash, local_file, phash
from tests.wiki.wiki import Wiki

PHOTOS = ("puffin.jpg", "fruits.jpg", "mural.jpg")
Index = Callable[..., Report]


class Rows:
    """What the database holds of a folder's files, by path."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hashed(self) -> dict[str, tuple[int, int]]:
        """Phash and dhash of the files that count as hashed."""
        with self._database.read() as connection:
            found = {row.page_id: row.path for row in connection.execute(select(local_file))}
            hashed = pairs.of_pages(connection, found)
            assert pairs.of_pages(connection, range(-2000, 0)).keys() <= found.keys()
        return {found[page]: pair[1:3] for page, pair in hashed.items()}

    def counts(self) -> tuple[int, int]:
        """How many rows there are in ``phash`` and ``dhash``, older ones included."""
        with self._database.read() as connection:
            return tuple(  # type: ignore[return-value]
                len(connection.scalars(select(table.c.id)).all()) for table in (phash, dhash)
            )


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database)


@pytest.fixture
def tree(tmp_path: Path, photos: Path) -> Path:
    """A folder of three photos, one of them in a folder below."""
    folder = tmp_path / "pictures"
    (folder / "below").mkdir(parents=True)
    for name in PHOTOS[:2]:
        shutil.copy2(photos / "commons100" / name, folder / name)
    shutil.copy2(photos / "commons100" / PHOTOS[2], folder / "below" / PHOTOS[2])
    return folder


@pytest.fixture(scope="session")
def threads() -> Iterator[Executor]:
    """An executor that takes no time to start."""
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture
def index(database: Database, threads: Executor) -> Index:
    """Run over a folder once."""

    def run(path: Path) -> Report:
        return Folder(database, path).index(threads, ahead=4)

    return run


@pytest.fixture
def info(wiki: Wiki) -> ImageInfo:
    """What the wiki tells of its files."""
    return ImageInfo(MediaWiki(wiki.api, "imagehash-tests/1 (tests@example.org)"))


@pytest.fixture
def replica(wiki: Wiki) -> Iterator[Database]:
    """The wiki's replica."""
    opened = Database(wiki.replica, pool=1)
    yield opened
    opened.close()


@pytest.fixture
def newest(replica: Database) -> int:
    """The newest page before the test."""
    return Pages(Replica(replica)).last()


@pytest.fixture
def on_wiki(wiki: Wiki, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the program over the wiki, its replica and an empty database."""
    for name in [name for name in os.environ if name.startswith(("IMAGEHASH_", "TOOL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("IMAGEHASH_DATABASE_URL", database_url)
    monkeypatch.setenv("IMAGEHASH_COMMONS_URL", wiki.replica)
    monkeypatch.setenv("IMAGEHASH_WIKI_API", wiki.api)

    def run(*arguments: str) -> int:
        return main(arguments)

    return run
