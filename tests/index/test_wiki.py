from datetime import UTC, datetime
from pathlib import Path

import pytest

from commons.settings import Settings
from index.plan import Plan
from index.sources import InPageOrder, Links, RecentChanges
from index.stream import SWEEP, Stream, moment_of
from index.wiki import Wiki
from sql import positions
from sql.database import Database
from tests.wiki.stream import Stream as Server
from tests.wiki.wiki import Wiki as RealWiki


@pytest.fixture
def settings(wiki: RealWiki, tmp_path: Path) -> Settings:
    return Settings.from_environment(
        {"IMAGEHASH_WIKI_API": wiki.api, "IMAGEHASH_COMMONS_URL": wiki.replica}, home=tmp_path
    )


@pytest.fixture
def reached(database: Database) -> None:
    """Where earlier runs have come."""
    with database.write() as connection:
        kept = {"page": 7, "page --shard 1/2": 3, "stream": 5_000, "stream" + SWEEP: 9}
        positions.save(connection, kept)


EMBEDDED = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@EMBEDDED
@pytest.mark.parametrize(
    ("plan", "source", "start"),
    [
        (Plan("page", 1), InPageOrder, 7),
        (Plan("page", 1, since=0), InPageOrder, 0),
        (Plan("page", 1, thumbnails=True), InPageOrder, 0),
        (Plan("recentchanges", 1), RecentChanges, 0),
        (Plan("recentchanges", 1, since=datetime(2000, 1, 1, tzinfo=UTC)), RecentChanges, 0),
        (Plan("externallinks", 1, domain="fi.finna"), Links, 0),
        (Plan("stream", 1, events="http://localhost/"), Stream, 5_000),
        (Plan("stream", 1, events="http://localhost/", since=moment_of(6_000)), Stream, 6_000),
    ],
)
def test_each_source_goes_on_where_it_was(
    reached: None, settings: Settings, database: Database, plan: Plan, source: type, start: int
) -> None:
    with Wiki(database, settings, plan) as wiki:
        assert isinstance(wiki.source, source)
        assert wiki.start == start


@EMBEDDED
def test_files_are_fetched_from_the_wiki_alone(
    wiki: RealWiki, settings: Settings, database: Database, photos: Path
) -> None:
    wiki.upload({"Fetched_from_here.jpg": photos / "commons100" / "puffin.jpg"})
    with Wiki(database, settings, Plan("page", 1)) as entered, entered.fetcher() as fetcher:
        step = entered.selection.of_pages({}, {}, names=["Fetched_from_here.jpg"])
        (version,) = step.versions
        assert version.address
        assert fetcher.fetch(version.address.url) == (photos / "commons100" / "puffin.jpg").read_bytes()
        with pytest.raises(Exception, match=r"The address is at https://example\.org"):
            fetcher.fetch("https://example.org/x.jpg")


@EMBEDDED
def test_a_wiki_outside_wikimedia_has_to_have_a_stream(settings: Settings, database: Database) -> None:
    with (
        pytest.raises(ValueError, match="--events has to say where"),
        Wiki(database, settings, Plan("stream", 1)),
    ):
        pass


@EMBEDDED
def test_the_stream_of_another_wiki(
    wiki: RealWiki, stream: Server, settings: Settings, database: Database, photos: Path
) -> None:
    with Wiki(database, settings, Plan("stream", 1, events=stream.url)) as entered:
        steps = entered.source.steps(entered.source.position(datetime.now(UTC)))
        assert next(steps) is None
        assert stream.requests


@EMBEDDED
def test_who_asks_wikimedia_has_to_say_who_that_is(database: Database, tmp_path: Path) -> None:
    settings = Settings.from_environment({}, home=tmp_path)
    with pytest.raises(ValueError, match="set IMAGEHASH_USER_AGENT"):
        Wiki(database, settings, Plan("page", 1))
