"""What tests of the wiki ask of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from sql.database import Database
from tests.wiki.wiki import Wiki

Rows = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def replica(wiki: Wiki) -> Iterator[Database]:
    """The database that shows the wiki's tables as Toolforge's replicas do."""
    database = Database(wiki.replica)
    yield database
    database.close()


@pytest.fixture
def rows(replica: Database) -> Rows:
    """What a query on the replica finds; bytes are told as text."""

    def read(query: str, **values: object) -> list[tuple[Any, ...]]:
        with replica.read() as connection:
            found = connection.execute(text(query), values).all()
        return [tuple(map(_told, row)) for row in found]

    return read


def _told(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value


def imageinfo(wiki: Wiki, name: str, **parameters: int) -> list[dict[str, Any]]:
    """What ``api.php`` tells of the versions of a file, the newest first; nothing where there is no file."""
    (page,) = wiki.client.ask(
        titles=f"File:{name}", prop="imageinfo", iiprop="url|sha1|size|mime", iilimit=9, **parameters
    )["pages"]
    versions: list[dict[str, Any]] = page.get("imageinfo", [])
    return versions
