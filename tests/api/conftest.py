"""A database of made-up files, a replica that knows them, and the service over both."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.snapshots import Snapshots
from commons.settings import Settings
from sql import results, schema
from sql.database import Database
from sql.results import Result
from tests import finna as finnas
from tests.api.data import FILES, NAMES, WIKI, Ask, hashed, wiki_file
from tests.finna import Finna
from tests.waiting import wait_for

Serve = Callable[[Settings], TestClient]


@pytest.fixture
def hashes(tmp_path: Path) -> Iterator[Database]:
    """The database of hashes: FILES, and page 7, which could not be hashed."""
    database = Database(f"sqlite:///{tmp_path / 'hashes.db'}")
    schema.prepare(database)
    with database.write() as connection:
        results.save(connection, [hashed(page_id, *pair) for page_id, pair in FILES.items()])
        results.save(connection, [Result(7, None, "none", reason="truncated", detail="cut short")])
    yield database
    database.close()


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Database]:
    """Commons, which has the files in NAMES; page 9 is an article."""
    database = Database(f"sqlite:///{tmp_path / 'commons.db'}")
    files = [row for page_id, name in NAMES.items() for row in wiki_file(page_id, name)]
    with database.write() as connection:
        for statement in (*WIKI, *files, *wiki_file(9, "Article", namespace=0)):
            connection.exec_driver_sql(statement)
    yield database
    database.close()


@pytest.fixture
def settings(hashes: Database, replica: Database, tmp_path: Path) -> Settings:
    return Settings.from_environment(
        {
            "IMAGEHASH_DATABASE_URL": str(hashes.url),
            "IMAGEHASH_COMMONS_URL": str(replica.url),
            "IMAGEHASH_SNAPSHOT_DIR": str(tmp_path / "snapshots"),
            "IMAGEHASH_RATE_LIMIT": "1000000/minute",
        }
    )


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start services over a snapshot that poll ten times a second, and wait until their index is loaded."""
    with ExitStack() as running:

        def start(settings: Settings) -> TestClient:
            make_snapshot(settings)
            app = create_app(settings, poll_seconds=0.1)
            client = running.enter_context(TestClient(app, raise_server_exceptions=False))
            wait_for(lambda: client.get("/readyz").json()["index"] != "loading")
            return client

        yield start


def make_snapshot(settings: Settings) -> Path | None:
    """Write a snapshot as `serve` would; the engine `sql` needs none."""
    if settings.engine == "sql":
        return None
    database = Database(settings.database_url)
    try:
        return Snapshots(settings.snapshot_dir, database).make(settings.engine).path
    finally:
        database.close()


@pytest.fixture(params=["multi-index", "sql"])
def client(request: pytest.FixtureRequest, settings: Settings, serve: Serve) -> TestClient:
    """The service, by an engine in memory and by the database."""
    return serve(replace(settings, engine=request.param))


@pytest.fixture
def ask(client: TestClient) -> Ask:
    return asker(client)


@pytest.fixture
def ask_without_replica(settings: Settings, serve: Serve, hashes: Database) -> Ask:
    """The same service with a replica that nobody answers for."""
    return asker(serve(replace(settings, commons_url="mysql+pymysql://nobody@127.0.0.1:1/commonswiki_p")))


def asker(client: TestClient) -> Ask:
    def ask(query: str, **variables: object) -> dict[str, Any]:
        response = client.post("/graphql", json={"query": query, "variables": variables})
        answer: dict[str, Any] = response.json()
        return answer

    return ask


@pytest.fixture
def finna() -> Iterator[Finna]:
    """A Finna without records."""
    with finnas.running() as running:
        yield running


@pytest.fixture
def settings_with_finna(settings: Settings, finna: Finna) -> Settings:
    return replace(settings, finna_api=finna.url, finna_site=finna.url)
