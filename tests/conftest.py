"""What tests of several rooms need: real databases, a real wiki and real photos."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from sql import schema
from sql.database import Database
from tests import browser as browsers
from tests import mariadb
from tests.gadget import commons as sites
from tests.gadget.commons import Commons
from tests.wiki import replica as views
from tests.wiki import stream as streams
from tests.wiki import wiki as mediawiki
from tests.wiki.stream import Stream
from tests.wiki.wiki import Wiki

PHOTOS = Path(__file__).parents[2] / "shared" / "photos"


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of real pictures that lies beside the project."""
    assert PHOTOS.is_dir(), f"the tests need the pictures in {PHOTOS}"
    return PHOTOS


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mariadb.Server]:
    """One server for all tests; each test makes databases of its own in it."""
    with mariadb.running(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture
def mariadb_url(mariadb_server: mariadb.Server) -> Iterator[str]:
    """An empty database in MariaDB."""
    name = f"test_{uuid.uuid4().hex}"
    mariadb_server.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    yield mariadb_server.url(name)
    mariadb_server.execute(f"DROP DATABASE {name}")


@pytest.fixture(scope="session")
def wiki(mariadb_server: mariadb.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wiki]:
    """One wiki for all tests; each test uploads files of its own."""
    with mediawiki.running(tmp_path_factory.mktemp("wiki"), mariadb_server) as running:
        yield running


@pytest.fixture(scope="session")
def commons(mariadb_server: mariadb.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commons]:
    """One wiki with the gadget and one tool for all tests, which leave both as they were."""
    mariadb_server.execute("CREATE DATABASE gadget CHARACTER SET utf8mb4")
    url = mariadb_server.url("gadget")
    with sites.running(tmp_path_factory.mktemp("gadget"), mariadb_server, url) as running:
        yield running
    mariadb_server.execute("DROP DATABASE gadget")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a module's tests; those of others may want an event loop in this thread."""
    with browsers.launched() as launched:
        yield launched


@pytest.fixture
def stream(wiki: Wiki) -> Iterator[Stream]:
    """What happens on the wiki from now on, streamed."""
    with streams.running(wiki) as running:
        yield running


@pytest.fixture(params=[views.IMAGE_TABLES, views.FILE_TABLES], ids=["new form", "old form"])
def one_form(
    request: pytest.FixtureRequest, wiki: Wiki, mariadb_server: mariadb.Server
) -> Iterator[Database]:
    """A replica without the tables of the one form, or without those of the other."""
    database = Database(views.create(mariadb_server, wiki.database, "one_form_p", without=request.param))
    assert not request.param & database.tables()
    yield database
    database.close()
    mariadb_server.execute("DROP DATABASE one_form_p")


@pytest.fixture(params=["sqlite", "mariadb"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, in SQLite and in MariaDB by turns."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'imagehash.db'}"
    url: str = request.getfixturevalue("mariadb_url")
    return url


@pytest.fixture
def empty_database(database_url: str) -> Iterator[Database]:
    """A database without tables."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def database(empty_database: Database) -> Database:
    """A database with all tables and no rows."""
    schema.prepare(empty_database)
    return empty_database
