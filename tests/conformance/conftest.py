"""A service as others find it, and the suites of npm packages that are run on it."""

import subprocess
from collections.abc import Callable, Iterator

import pytest

from sql import results, schema
from sql.database import Database
from sql.results import Result
from tests import finna, programs
from tests.api.data import FILES, NAMES, WIKI, hashed, wiki_file
from tests.programs import ROOT, Served

Node = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service over made-up files, with Commons and Finna at hand."""
    folder = tmp_path_factory.mktemp("conformance")
    database = Database(f"sqlite:///{folder / 'imagehash.db'}")
    schema.prepare(database)
    with database.write() as connection:
        results.save(connection, [hashed(page_id, *pair) for page_id, pair in FILES.items()])
        results.save(connection, [Result(7, None, "none", reason="truncated", detail="cut short")])
        for statement in (*WIKI, *(row for file in NAMES.items() for row in wiki_file(*file))):
            connection.exec_driver_sql(statement)
    database.close()
    with finna.running() as upstream, programs.api(folder, **upstream.settings) as running:
        yield running


@pytest.fixture
def node() -> Node:
    """Runs a program of Node.js, or of the packages here, in the project's folder."""

    def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = ROOT / "tests" / "conformance" / "node_modules" / ".bin" / program
        command = ["node", *([str(path)] if path.exists() else [program]), *arguments]
        return subprocess.run(
            ["sh", "web/node.sh", *command], cwd=ROOT, capture_output=True, text=True, check=False
        )

    return run
