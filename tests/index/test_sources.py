from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commons.imageinfo import ImageInfo
from index import sources
from index.ledger import Ledger
from index.selection import Selection, Step
from index.sources import InPageOrder, Links, RecentChanges, Source, failed_before
from sql import results
from sql.database import Database
from sql.pages import Pages, Shard
from sql.replica import NoReplicaError, Replica
from sql.results import Result
from tests import mariadb
from tests.wiki.wiki import Wiki

HOUR = timedelta(hours=1)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Which database it is does not matter here."""
    return f"sqlite:///{tmp_path / 'imagehash.db'}"


@pytest.fixture
def selection(database: Database, info: ImageInfo) -> Selection:
    return Selection(database, info)


@pytest.fixture
def pages(replica: Database) -> Pages:
    return Pages(Replica(replica))


@pytest.fixture
def puffin(photos: Path) -> Path:
    return photos / "commons100" / "puffin.jpg"


def names(steps: list[Step]) -> list[str | None]:
    return [version.name for step in steps for version in step.versions]


def found(source: Source, position: int) -> list[Step]:
    """The steps after a position, which never stand still."""
    return [step for step in source.steps(position) if step]


def hashed(database: Database, steps: list[Step]) -> None:
    """Have all that is to be done be done."""
    done = [
        Result(version.page_id, version.sha1, "libraries", 1, 2, file_timestamp=version.uploaded_at)
        for step in steps
        for version in step.versions
        if version.page_id
    ]
    with database.write() as connection:
        results.save(connection, done)


def test_in_page_order(
    selection: Selection, replica: Database, newest: int, wiki: Wiki, database: Database, puffin: Path
) -> None:
    for letter in "BAC":
        wiki.upload({f"{letter}_source_order.jpg": puffin})
    for size in (1, 2, 500):
        source = InPageOrder(selection, Pages(Replica(replica), size), "page --here")
        steps = found(source, newest)
        assert names(steps) == [f"{letter}_source_order.jpg" for letter in "BAC"]
        assert [step.positions for step in steps] == [{"page --here": newest + end} for end in _ends(size)]
    assert source.end() == newest + 3
    assert source.position(7) == 7
    hashed(database, steps)
    wiki.delete("A_source_order.jpg")
    (step,) = found(source, newest)
    assert (step.versions, step.missing, step.seen) == ([], {newest + 2: None}, 2)
    assert found(source, newest + 3) == []


def _ends(size: int) -> list[int]:
    return [min(3, start + size) for start in range(0, 3, size)]


def test_a_moment_is_no_page(selection: Selection, pages: Pages) -> None:
    for source in (InPageOrder(selection, pages, "page"), Links(selection, pages, "links", "fi.finna")):
        with pytest.raises(ValueError, match="goes by pages, not by time"):
            source.position(datetime.now(UTC))


def test_a_page_that_is_gone_from_the_end_is_found_when_more_came(
    selection: Selection, pages: Pages, newest: int, wiki: Wiki, database: Database, puffin: Path
) -> None:
    source = InPageOrder(selection, pages, "page")
    wiki.upload({"Source_last.jpg": puffin})
    hashed(database, found(source, newest))
    wiki.delete("Source_last.jpg")
    assert found(source, newest) == []
    wiki.edit("Source_next.jpg", "No file")
    (step,) = found(source, newest)
    assert list(Ledger(database).graves(step).gone) == [newest + 1]


@pytest.fixture
def changes(selection: Selection, pages: Pages) -> RecentChanges:
    return RecentChanges(selection, pages, "recentchanges")


def test_fresh_changes_are_looked_at_again(
    changes: RecentChanges, wiki: Wiki, database: Database, puffin: Path, photos: Path
) -> None:
    start = changes.end()
    wiki.upload({"Source_fresh.jpg": puffin})
    for _ in range(2):
        steps = found(changes, start)
        assert [step.positions for step in steps] == [{"recentchanges": start}]
        assert steps[0].seen == 1
        hashed(database, steps)
    assert steps[0].versions == []
    wiki.replace({"Source_fresh.jpg": photos / "commons100" / "mural.jpg"})
    assert names(found(changes, start)) == ["Source_fresh.jpg"]


def set_back(wiki: Wiki, server: mariadb.Server, last: int, elapsed: timedelta) -> None:
    """Have all changes up to one be made that long ago."""
    moment = (datetime.now(UTC) - elapsed).strftime("%Y%m%d%H%M%S")
    table = f"{wiki.database}.recentchanges"
    server.execute(f"UPDATE {table} SET rc_timestamp = {moment} WHERE rc_id <= {last}", "COMMIT")


def test_changes_that_are_settled_are_passed(
    changes: RecentChanges, wiki: Wiki, puffin: Path, mariadb_server: mariadb.Server
) -> None:
    start = changes.end()
    wiki.upload({"Source_settled.jpg": puffin})
    settled = changes.end()
    set_back(wiki, mariadb_server, settled, timedelta(minutes=11))
    wiki.upload({"Source_unsettled.jpg": puffin})
    (step,) = found(changes, start)
    assert sorted(map(str, names([step]))) == ["Source_settled.jpg", "Source_unsettled.jpg"]
    assert step.positions == {"recentchanges": settled}
    (step,) = found(changes, settled)
    assert names([step]) == ["Source_unsettled.jpg"]
    assert step.positions == {"recentchanges": settled}
    assert found(changes, changes.end()) == []


def test_changes_since_a_moment(
    changes: RecentChanges, wiki: Wiki, puffin: Path, mariadb_server: mariadb.Server
) -> None:
    wiki.upload({"Source_moment.jpg": puffin})
    last = changes.end()
    set_back(wiki, mariadb_server, last, 2 * HOUR)
    wiki.upload({"Source_moment_later.jpg": puffin})
    assert changes.position(datetime.now(UTC) - HOUR) == last
    assert changes.position(last) == last
    assert names(found(changes, last)) == ["Source_moment_later.jpg"]
    assert changes.position(datetime.now(UTC) + HOUR) == changes.end() == last + 1
    assert changes.position(datetime(2001, 1, 15, tzinfo=UTC)) < last


CHANGES = """
    CREATE TABLE page (page_id int PRIMARY KEY);
    CREATE TABLE recentchanges (rc_id int PRIMARY KEY, rc_timestamp text, rc_namespace int, rc_cur_id int,
        rc_log_type text);
    INSERT INTO recentchanges VALUES (100, '20200101000000', 0, 1, NULL), (105, '20200101000001', 0, 1, NULL)
"""


def test_a_gap_among_changes_is_told(
    selection: Selection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shown = Database(f"sqlite:///{tmp_path / 'wiki.db'}")
    with shown.write() as connection:
        for statement in CHANGES.split(";"):
            connection.exec_driver_sql(statement)
    changes = RecentChanges(selection, Pages(Replica(shown)), "recentchanges")
    for position in (0, 99, 100, 105):
        found(changes, position)
    assert caplog.text == ""
    (step,) = found(changes, 98)
    assert step.positions == {"recentchanges": 105}
    assert "no longer lists the changes before 100, of which those after 98 were not seen" in caplog.text
    assert "run `imagehash-index page --since 0`" in caplog.text
    shown.close()


def test_links(
    selection: Selection, replica: Database, newest: int, wiki: Wiki, database: Database, puffin: Path
) -> None:
    texts = {
        "A": "https://finna.example/Record/1",
        "B": "http://finna.example/Record/2",
        "C": "https://www.finna.example/Record/3 https://finna.example/Record/3",
        "D": "https://finnair.example/ https://finna.example.org/",
        "E": "nothing",
    }
    for letter, written in texts.items():
        wiki.upload({f"{letter}_source_links.jpg": puffin}, text=written)
    for size in (1, 500):
        source = Links(selection, Pages(Replica(replica), size), "links", "example.finna")
        steps = found(source, 0)
        assert names(steps) == [f"{letter}_source_links.jpg" for letter in "ABC"]
        assert steps[-1].positions == {"links": newest + 3}
    assert len(found(Links(selection, Pages(Replica(replica), 1), "links", "example.finna"), 0)) == 3
    below = Links(selection, Pages(Replica(replica)), "links", "example.finna.www")
    assert names(found(below, 0)) == ["C_source_links.jpg"]
    assert names(found(source, newest + 1)) == [f"{letter}_source_links.jpg" for letter in "BC"]
    hashed(database, steps)
    (step,) = found(source, 0)
    assert (step.versions, step.seen) == ([], 3)


def failing(database: Database, next_tries: dict[int, datetime | None]) -> None:
    failure = Result(0, "a" * 40, "libraries", reason="timeout")
    with database.write() as connection:
        results.save(
            connection, [failure._replace(page_id=page, next_try=at) for page, at in next_tries.items()]
        )


def test_failures_are_taken_up_when_they_are_due(
    selection: Selection,
    pages: Pages,
    newest: int,
    wiki: Wiki,
    database: Database,
    puffin: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = datetime.now(UTC)
    for number in range(5):
        wiki.upload({f"Source_failed_{number}.jpg": puffin})
    waits = [now - HOUR, now - 2 * HOUR, now + HOUR, None, now - 3 * HOUR]
    failing(database, {newest + 1 + number: at for number, at in enumerate(waits)})
    due = [f"Source_failed_{number}.jpg" for number in (4, 1, 0)]
    (step,) = failed_before(selection)
    assert names([step]) == due
    assert (step.positions, step.seen) == ({}, 3)
    monkeypatch.setattr(sources, "_AT_ONCE", 2)
    assert [names([step]) for step in failed_before(selection)] == [due[:2], due[2:]]
    monkeypatch.setattr(sources, "_FAILURES", 2)
    assert names(list(failed_before(selection))) == due[:2]


def test_failures_are_those_of_the_shard(
    newest: int, wiki: Wiki, database: Database, info: ImageInfo, puffin: Path
) -> None:
    for number in range(2):
        wiki.upload({f"Source_failed_shard_{number}.jpg": puffin})
    failing(database, dict.fromkeys((newest + 1, newest + 2), datetime.now(UTC) - HOUR))
    for number in (1, 2):
        shard = Shard(number, 2)
        (step,) = failed_before(Selection(database, info, shard=shard))
        assert [version.page_id for version in step.versions] == [
            page_id for page_id in (newest + 1, newest + 2) if shard.holds(page_id)
        ]


def test_nothing_has_failed(selection: Selection) -> None:
    assert list(failed_before(selection)) == []


@pytest.mark.parametrize(
    "made",
    [
        lambda selection, pages: InPageOrder(selection, pages, "page"),
        lambda selection, pages: RecentChanges(selection, pages, "recentchanges"),
        lambda selection, pages: Links(selection, pages, "links", "fi.finna"),
    ],
)
def test_a_replica_that_is_not_there(
    selection: Selection, made: Callable[[Selection, Pages], Source]
) -> None:
    source = made(selection, Pages(Replica(None)))
    for use in (source.end, lambda: next(iter(source.steps(0)), None)):
        with pytest.raises(NoReplicaError, match="IMAGEHASH_COMMONS_URL"):
            use()
