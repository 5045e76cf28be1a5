from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commons.events import Events
from commons.fetching import Fetcher
from commons.imageinfo import ImageInfo
from commons.mediawiki import MediaWiki
from commons.pictures import hash_picture
from index import pipeline
from index import stream as module
from index.download import Download
from index.ledger import Ledger
from index.selection import Selection, Step
from index.stream import HELD, NO_SWEEP, SWEEP, Stream, moment_of
from sql import pairs, positions, results
from sql.database import Database
from sql.pages import Pages
from sql.replica import Replica
from sql.results import Result
from tests.wiki.stream import Stream as Server
from tests.wiki.wiki import Wiki

AGENT = "imagehash-tests/1 (tests@example.org)"
PUFFIN, MURAL = "commons100/puffin.jpg", "commons100/mural.jpg"


class Listening:
    """Steps of the stream, looked for until what is expected has come."""

    def __init__(self, source: Stream, position: int) -> None:
        self._steps = source.steps(position)

    def until(self, *names: str, missing: Iterable[str] = (), there: Iterable[str] = ()) -> list[Step]:
        """The steps up to where these are to be hashed, or are missing, or there."""
        steps: list[Step] = []
        for step in self._steps:
            if step is not None:
                steps.append(step)
            if steps and not (
                set(names) - {version.name for step in steps for version in step.versions}
                or set(missing) - {title for step in steps for title in step.missing.values()}
                or set(there) - {title for step in steps for title in step.there.values()}
            ):
                break
        return steps


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the wiki at once, which is one server."""
    monkeypatch.setattr(module, "_SETTLING", timedelta(seconds=0.1))


@pytest.fixture
def shown(wiki: Wiki) -> Iterator[Database]:
    replica = Database(wiki.replica)
    yield replica
    replica.close()


@pytest.fixture
def source(quick: None, wiki: Wiki, stream: Server, database: Database, shown: Database) -> Stream:
    return listening(wiki, stream, database, shown)


def listening(
    wiki: Wiki, stream: Server, database: Database, shown: Database, *, swept: int = NO_SWEEP
) -> Stream:
    selection = Selection(database, ImageInfo(MediaWiki(wiki.api, AGENT)))

    def listen(since: datetime) -> Events:
        return Events(stream.host, AGENT, since=since, url=stream.url, tick=0.05)

    return Stream(selection, Pages(Replica(shown)), "stream", listen, swept=swept)


def reached(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return positions.known(connection)


@pytest.fixture
def write(wiki: Wiki, database: Database, threads: Executor) -> Callable[[Iterable[Step]], None]:
    """Fetch, hash and write what steps come to."""

    def written(steps: Iterable[Step]) -> None:
        ledger = Ledger(database)
        with (
            ThreadPoolExecutor(4) as fetching,
            Fetcher([wiki.url.removeprefix("http://")], None) as fetcher,
        ):
            work = Download(fetcher, threads).take
            pipeline.run(ledger.jobs(steps), work, fetching, ledger.write, ahead=4)
        assert not ledger.reasons

    return written


def test_what_happens_to_files(
    wiki: Wiki, source: Stream, database: Database, photos: Path, write: Callable[[Iterable[Step]], None]
) -> None:
    form = database.url.get_backend_name()
    kept, gone, new = (f"Streamed_{what}_{form}.jpg" for what in ("kept", "gone", "new"))
    heard = Listening(source, source.position(datetime.now(UTC)))
    wiki.upload({kept: photos / PUFFIN, gone: photos / PUFFIN})
    write(heard.until(kept, gone))
    wiki.replace({kept: photos / MURAL})
    write(heard.until(kept))
    wiki.delete(gone)
    write(heard.until(missing=[gone]))
    with database.read() as connection:
        assert list(results.buried(connection).values()) == [gone]
    wiki.restore(gone)
    write(heard.until(there=[gone]))
    wiki.move(kept, f"Moved_{kept}")
    wiki.upload({new: photos / PUFFIN})
    assert [version.name for step in heard.until(new) for version in step.versions] == [new]

    (version,) = ImageInfo(MediaWiki(wiki.api, AGENT)).of_names([f"Moved_{kept}"]).values()
    assert version.page_id
    with database.read() as connection:
        hashed = pairs.of_pages(connection, [version.page_id])[version.page_id]
        assert results.buried(connection) == {}
    assert hashed[1:3] == hash_picture((photos / MURAL).read_bytes()).hashes


def test_a_run_goes_on_where_the_last_one_stopped(
    wiki: Wiki, source: Stream, database: Database, photos: Path, write: Callable[[Iterable[Step]], None]
) -> None:
    names = [f"Streamed_{number}_{database.url.get_backend_name()}.jpg" for number in range(2)]
    begun = datetime.now(UTC)
    heard = Listening(source, source.position(begun))
    wiki.upload({names[0]: photos / PUFFIN})
    write(heard.until(names[0]))
    position = reached(database)["stream"]
    assert begun - timedelta(seconds=1) < moment_of(position) < datetime.now(UTC)
    wiki.upload({names[1]: photos / PUFFIN})
    again = Listening(source, position).until(names[1])
    # Events may come twice, but what is hashed is not due again.
    assert [version.name for step in again for version in step.versions] == names[1:]


def test_after_more_time_than_the_stream_holds_all_files_are_looked_through(
    wiki: Wiki, source: Stream, database: Database, photos: Path, write: Callable[[Iterable[Step]], None]
) -> None:
    missed = f"Missed_{database.url.get_backend_name()}.jpg"
    wiki.upload({missed: photos / PUFFIN})
    long_ago = source.position(datetime.now(UTC) - HELD - timedelta(hours=1))
    heard = Listening(source, long_ago)
    steps = heard.until(missed)
    # Known before the stream's own position moves on, so that it is not forgotten.
    assert steps[0].positions == {"stream" + SWEEP: 0}
    while not any(step.positions == {"stream" + SWEEP: NO_SWEEP} for step in steps):
        steps += heard.until()


def test_a_sweep_goes_on_where_it_was_interrupted(
    quick: None, wiki: Wiki, stream: Server, database: Database, shown: Database, photos: Path
) -> None:
    name = f"Swept_{database.url.get_backend_name()}.jpg"
    last = Pages(Replica(shown)).last()
    wiki.upload({name: photos / PUFFIN})
    source = listening(wiki, stream, database, shown, swept=last)
    heard = Listening(source, source.position(datetime.now(UTC) + timedelta(hours=1)))
    (found,) = (step for step in heard.until(name) if step.versions)
    assert [version.name for version in found.versions] == [name]
    assert found.positions == {"stream" + SWEEP: Pages(Replica(shown)).last()}


def test_failures_are_tried_again_meanwhile(
    wiki: Wiki, source: Stream, database: Database, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"Failed_{database.url.get_backend_name()}.jpg"
    wiki.upload({name: photos / PUFFIN})
    monkeypatch.setattr(module, "_FAILURES_EVERY", timedelta(seconds=0.1))
    (version,) = ImageInfo(MediaWiki(wiki.api, AGENT)).of_names([name]).values()
    assert version.page_id
    due = datetime.now(UTC) - timedelta(hours=1)
    failed = Result(version.page_id, version.sha1, "x", reason="connection", next_try=due)
    with database.write() as connection:
        results.save(connection, [failed._replace(file_timestamp=version.uploaded_at)])
    heard = Listening(source, source.position(datetime.now(UTC) + timedelta(hours=1)))
    (step,) = (step for step in heard.until(name) if step.versions)
    assert step.positions == {}
