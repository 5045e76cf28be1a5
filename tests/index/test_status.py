import re
from pathlib import Path

import pytest

from index.status import status
from index.stream import NO_SWEEP, SWEEP
from sql import positions, results
from sql.database import Database
from sql.results import Result
from tests.index.conftest import Index
from tests.wiki.wiki import Wiki


def test_status(index: Index, tree: Path, database: Database) -> None:
    assert status(database, None) == ["0 files hashed, 0 files deleted, 0 could not be hashed"]
    (tree / "empty.jpg").touch()
    (tree / "text.jpg").write_text("no picture")
    (tree / "more.jpg").write_text("nor this")
    index(tree)
    (tree / "puffin.jpg").unlink()
    index(tree)
    assert status(database, None) == [
        "3 files hashed, 1 files deleted, 3 could not be hashed",
        "  empty: 1",
        "  not-an-image: 2",
    ]


def test_how_far_runs_have_come(database: Database) -> None:
    reached = {"page": 5, "page --shard 2/4": 7, "stream": 1_700_000_000_123, f"stream{SWEEP}": 9}
    with database.write() as connection:
        positions.save(connection, reached | {f"stream --shard 1/2{SWEEP}": NO_SWEEP})
    assert status(database, None)[1:] == [
        "Positions:",
        "  page: 5",
        "  page --shard 2/4: 7",
        "  stream: 2023-11-14 22:13:20 UTC",
        "  stream --shard 1/2 sweep: over",
        "  stream sweep: 9",
    ]


def hashed(database: Database, page_id: int) -> None:
    with database.write() as connection:
        results.save(connection, [Result(page_id, "a" * 40, "libraries", phash=1, dhash=2)])


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_how_much_of_the_wiki_that_is(wiki: Wiki, database: Database, photos: Path) -> None:
    wiki.upload({"Status.jpg": photos / "commons100" / "puffin.jpg"})
    files = wiki.client.ask(meta="siteinfo", siprop="statistics")["statistics"]["images"]
    hashed(database, 1)
    hashed(database, 2)
    with database.write() as connection:
        results.bury(connection, {2: "Gone.jpg"}, deleted=True)
    assert status(database, wiki.replica) == [
        f"2 files hashed of {files:,} ({1 / files:.1%}), 1 files deleted, 0 could not be hashed"
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_replica_that_does_not_tell(database: Database, database_url: str) -> None:
    hashed(database, 1)
    counts = "1 files hashed, 0 files deleted, 0 could not be hashed"
    assert status(database, database_url) == [counts], "it has no pages"
    (told,) = status(database, "mysql+pymysql://nobody@127.0.0.1:9/nothing")
    assert re.fullmatch(r"1 files hashed \(the replica does not answer.*\), 0 files deleted, .*", told)
