from pathlib import Path

import pytest

from index.status import status
from index.stream import NO_SWEEP, SWEEP
from sql import coverage, positions, results
from sql.database import Database
from sql.results import Result
from tests.index.conftest import Index
from tests.wiki.wiki import Wiki


def told(database: Database, commons_url: str | None = None) -> list[str]:
    return list(status(database, commons_url))


NOTHING = "0 files of the wiki hashed, 0 of them deleted by now; 0 could not be hashed"


def test_status(index: Index, tree: Path, database: Database) -> None:
    assert told(database)[0] == NOTHING
    (tree / "empty.jpg").touch()
    (tree / "text.jpg").write_text("no picture")
    (tree / "more.jpg").write_text("nor this")
    index(tree)
    (tree / "puffin.jpg").unlink()
    index(tree)
    assert told(database) == [
        "3 files of folders hashed, 1 of them deleted by now; 3 could not be hashed",
        "  empty: 1",
        "  not-an-image: 2",
    ]


def test_how_far_runs_have_come(database: Database) -> None:
    reached = {"page": 5, "page --shard 2/4": 7, "stream": 1_700_000_000_123, f"stream{SWEEP}": 9}
    with database.write() as connection:
        positions.save(connection, reached | {f"stream --shard 1/2{SWEEP}": NO_SWEEP})
    assert told(database)[:-2] == [
        "Positions:",
        "  page: 5",
        "  page --shard 2/4: 7",
        "  stream: 2023-11-14 22:13:20 UTC",
        "  stream --shard 1/2 sweep: over",
        "  stream sweep: 9",
    ]


def hashed(database: Database, *page_ids: int) -> None:
    with database.write() as connection:
        results.save(
            connection, [Result(page_id, "a" * 40, "libraries", phash=1, dhash=2) for page_id in page_ids]
        )


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_how_much_of_the_wiki_that_is(wiki: Wiki, database: Database, photos: Path) -> None:
    wiki.upload({"Status.jpg": photos / "commons100" / "puffin.jpg"})
    files = wiki.client.ask(meta="siteinfo", siprop="statistics")["statistics"]["images"]
    hashed(database, 1, 2, -1, -2, -3)
    with database.write() as connection:
        results.bury(connection, {2: "Gone.jpg"}, deleted=True)
        results.save(connection, [Result(3, None, "libraries", reason="broken")])
    assert told(database, wiki.replica) == [
        "3 files of folders hashed, 0 of them deleted by now; 0 could not be hashed",
        "2 files of the wiki hashed, 1 of them deleted by now; 1 could not be hashed",
        f"  {1 / files:.1%} of the {files:,} files that it has",
        "  broken: 1",
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_replica_that_does_not_tell(database: Database, database_url: str) -> None:
    hashed(database, 1)
    counts = "1 files of the wiki hashed, 0 of them deleted by now; 0 could not be hashed"
    unknown = "  of how many is not known: "
    for commons_url, reason in {
        None: "no replica of the wiki's database is known",
        database_url: "IMAGEHASH_COMMONS_URL, or where that is not set",
        "mysql+pymysql://nobody@127.0.0.1:9/nothing": "the replica does not answer",
    }.items():
        line, share = told(database, commons_url)
        assert line == counts
        assert share.startswith(unknown + reason)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_wiki_without_files(database: Database, database_url: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE page (page_id int, page_namespace int)")
    assert told(database, database_url) == [NOTHING, "  100.0% of the 0 files that it has"]


def test_it_counts_bit_by_bit_and_tells_how_far_it_is(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(coverage, "SLICE", 10)
    hashed(database, *range(-31, 0), 7, 10, 11, 91)
    assert [line.split(",")[0] for line in told(database)[:2]] == [
        "31 files of folders hashed",
        "4 files of the wiki hashed",
    ]
    assert "counting: 123 of 123 page ids" in capsys.readouterr().err
