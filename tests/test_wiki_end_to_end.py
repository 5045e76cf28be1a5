"""From a wiki to answers, with the programs and servers that users have, whatever befalls them on the way."""

import io
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import imagehash
import pytest
from PIL import Image
from sqlalchemy import func, select

from commons.hashes import format_hex
from index.cluster import Cluster
from sql import pairs, positions, results
from sql.database import Database
from sql.tables import dhash, phash, provenance
from tests import dask, mariadb, programs
from tests.programs import Served
from tests.waiting import wait_for
from tests.wiki import stream as streaming
from tests.wiki import wiki as mediawiki
from tests.wiki.wiki import Wiki

NEITHER_SAME_TWICE = {"id", "created", "at", "next_try"}
"""Columns that differ from run to run, whatever is hashed."""

LINKING = ("Macaws linked.jpg", "Mural linked.jpg", "Puffin linked.jpg")
DOMAIN = "fi.finna"

KILLS = 10
OUTAGE = 10.0
LONGEST_RUN = 120.0

Tables = dict[str, Counter[tuple[Any, ...]]]


class Index(NamedTuple):
    """A wiki, a database for its hashes, and a folder from which the programs are run."""

    wiki: Wiki
    url: str
    folder: Path

    @property
    def settings(self) -> dict[str, str]:
        """What tells the programs of both; their temporary files shall not outlive the test."""
        return {
            "IMAGEHASH_DATABASE_URL": self.url,
            "IMAGEHASH_COMMONS_URL": self.wiki.replica,
            "IMAGEHASH_WIKI_API": self.wiki.api,
            "TMPDIR": str(self.folder),
        }

    def run(self, *arguments: str) -> list[str]:
        """Index to the end; returns the lines of the report."""
        done = programs.run("index", *arguments, folder=self.folder, **self.settings)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout.splitlines()

    def start(self, *arguments: str, **settings: str) -> "Run":
        """Begin to index."""
        log = next(path for n in count() if not (path := self.folder / f"log-{n}").exists())
        settings = self.settings | settings
        return Run(programs.start("index", *arguments, folder=self.folder, log=log, **settings), log)

    def tables(self) -> Tables:
        """All that was written, each row as often as it is there, without times; and the positions."""
        with closing(Database(self.url)) as database, database.read() as connection:
            written = {
                table.name: Counter(
                    tuple(row)
                    for row in connection.execute(
                        select(*(column for column in table.c if column.name not in NEITHER_SAME_TWICE))
                    )
                )
                for table in (phash, dhash, provenance)
            }
            return written | {"status": Counter(positions.known(connection).items())}

    def hashed(self) -> int:
        """How many rows of hashes there are by now."""
        with closing(Database(self.url)) as database, database.read() as connection:
            return connection.scalar(select(func.count()).select_from(phash)) or 0

    def is_buried(self, page: int) -> bool:
        """Whether the newest tombstone of a page says that it is deleted."""
        with closing(Database(self.url)) as database, database.read() as connection:
            return page in results.buried(connection, [page])

    def pairs(self) -> dict[int, tuple[int, int]]:
        """Phash and dhash by page."""
        with closing(Database(self.url)) as database, database.read() as connection:
            pages = connection.scalars(select(phash.c.commons)).all()
            return {page: pair[1:3] for page, pair in pairs.of_pages(connection, pages).items()}


class Run(NamedTuple):
    """A run that is under way, and what it prints."""

    process: subprocess.Popen[bytes]
    log: Path

    def end(self) -> None:
        """Wait for it to be done, without anything that had to be given up."""
        assert self.process.wait(LONGEST_RUN) == 0, self.log.read_text()
        assert "Traceback" not in self.log.read_text()
        assert "could not be hashed" not in self.log.read_text()


def names(wiki: Wiki) -> dict[int, str]:
    """The files of a wiki by page."""
    pages = wiki.client.ask(generator="allpages", gapnamespace=6, gaplimit="max")["pages"]
    return {page["pageid"]: page["title"].removeprefix("File:") for page in pages}


def copies(photos: Path, folder: Path, number: int) -> dict[str, Path]:
    """The photos, and copies of them that are other bytes: a comment more at the end."""
    made = {}
    for photo in sorted(photos.glob("*.jpg")):
        made[photo.name.capitalize()] = photo
        for copy in range(1, number):
            path = folder / f"{photo.stem.capitalize()} {copy}.jpg"
            path.write_bytes(photo.read_bytes() + b"\xff\xfe\x00\x03" + bytes([copy]))
            made[path.name] = path
    return made


def smaller(photo: Path, folder: Path) -> Path:
    made = folder / f"{photo.stem.capitalize()} smaller.jpg"
    with Image.open(photo) as image:
        image.resize((image.width // 2, image.height // 2)).save(made)
    return made


def recompressed(photo: Path, folder: Path) -> Path:
    made = folder / f"{photo.stem.capitalize()} recompressed.jpg"
    with Image.open(photo) as image:
        image.save(made, quality=40)
    return made


@pytest.fixture(scope="module")
def crowded(
    mariadb_server: mariadb.Server, photos: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Wiki]:
    """A wiki of 200 files with a past, in which nothing happens any more."""
    pictures = tmp_path_factory.mktemp("pictures")
    files = copies(photos / "commons100", pictures, 2)
    linking = {name: files.pop(f"{name.split()[0]} 1.jpg") for name in LINKING}
    with mediawiki.running(
        tmp_path_factory.mktemp("crowded"), mariadb_server, database="crowdedwiki"
    ) as running:
        running.upload(files)
        running.upload(linking, text="From https://www.finna.fi/Record/museovirasto.1")
        running.replace({"Fruits.jpg": recompressed(photos / "commons100" / "mural.jpg", pictures)})
        running.move("Lights.jpg", "Lamps.jpg")
        running.delete("Girl.jpg")
        running.delete("Buggy.jpg")
        running.restore("Buggy.jpg")
        yield running


def emptied(server: mariadb.Server, name: str) -> str:
    """The URL of a database without tables."""
    server.execute(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    return server.url(name)


class Undisturbed(NamedTuple):
    """What a run writes over which nothing comes, and how many seconds it takes from its first question."""

    tables: Tables
    seconds: float


@pytest.fixture(scope="module")
def undisturbed(
    crowded: Wiki, mariadb_server: mariadb.Server, tmp_path_factory: pytest.TempPathFactory
) -> Undisturbed:
    url = emptied(mariadb_server, "undisturbed")
    index = Index(crowded, url, tmp_path_factory.mktemp("undisturbed"))
    run = at_work(index, "page")
    begun = time.monotonic()
    run.end()
    seconds = time.monotonic() - begun
    tables = index.tables()
    assert tables["phash"].total() == tables["dhash"].total() == tables["provenance"].total() == 199
    mariadb_server.execute("DROP DATABASE undisturbed")
    return Undisturbed(tables, seconds)


@pytest.fixture
def index(crowded: Wiki, mariadb_url: str, tmp_path: Path) -> Index:
    """The crowded wiki and an empty database."""
    return Index(crowded, mariadb_url, tmp_path)


def at_work(index: Index, *arguments: str) -> Run:
    """Begin to index, and wait until the wiki, which nobody else uses, is asked something."""
    before = questions(index.wiki)
    run = index.start(*arguments)
    wait_for(lambda: questions(index.wiki) > before or run.process.poll() is not None)
    return run


def questions(wiki: Wiki) -> int:
    return wiki.server.log.read_bytes().count(b" Accepted")


def of_pages(tables: Tables, pages: Collection[int]) -> Tables:
    """The rows of some pages: the page is what they begin with."""
    return {
        name: Counter({row: times for row, times in rows.items() if row[0] in pages})
        for name, rows in tables.items()
        if name != "status"
    }


@pytest.mark.parametrize(
    ("arguments", "linking"),
    [(["recentchanges"], False), (["externallinks", "--domain", DOMAIN], True)],
    ids=["recentchanges", "externallinks"],
)
def test_every_source_alone_writes_the_same(
    index: Index, undisturbed: Undisturbed, arguments: list[str], linking: bool
) -> None:
    every = {page for page, *_ in undisturbed.tables["phash"]}
    pages = [page for page, name in names(index.wiki).items() if name in LINKING] if linking else every
    index.run(*arguments)
    assert of_pages(index.tables(), every) == of_pages(undisturbed.tables, pages)


def processes(session: int) -> list[str]:
    """What the kernel tells of the processes of a session that have not ended."""
    told = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            told.append(path.read_text(errors="replace"))
        except OSError:
            continue  # it has just ended
    states = ((line, line.rpartition(")")[2].split()) for line in told)
    return [line for line, fields in states if fields[3] == str(session) and fields[0] != "Z"]


def kill(run: Run, *, alone: bool) -> None:
    """Kill a run with all its processes, or its first one alone, whom the others shall not outlive."""
    (os.kill if alone else os.killpg)(run.process.pid, signal.SIGKILL)
    run.process.wait()
    wait_for(lambda: not processes(run.process.pid))


def test_killed_at_any_moment_a_run_goes_on_as_if_nothing_had_been(
    crowded: Wiki, mariadb_server: mariadb.Server, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    print(f"seed: {seed}")  # noqa: T201  (shown where the test fails)
    chance = random.Random(seed)
    index = Index(crowded, emptied(mariadb_server, "killed"), tmp_path)
    kills = 0
    while kills < KILLS:
        run = at_work(index, "page")
        try:
            run.process.wait(chance.uniform(0.1, undisturbed.seconds))
        except subprocess.TimeoutExpired:
            kill(run, alone=kills % 2 == 0)
            kills += 1
        else:
            run.end()
            assert index.tables() == undisturbed.tables
            emptied(mariadb_server, "killed")
    index.run("page")
    assert index.tables() == undisturbed.tables
    mariadb_server.execute("DROP DATABASE killed")


@contextmanager
def half_done(index: Index, *arguments: str) -> Iterator[Run]:
    """A run that has written something and has more before it, held there while something befalls it."""
    index.run("status")  # which makes the tables
    run = index.start("page", *arguments, IMAGEHASH_DOWNLOADS="1")
    wait_for(lambda: index.hashed() > 0 or run.process.poll() is not None)
    os.killpg(run.process.pid, signal.SIGSTOP)
    try:
        assert 0 < index.hashed() < 199
        yield run
    finally:
        os.killpg(run.process.pid, signal.SIGCONT)


def test_a_database_that_is_started_again_costs_nothing(
    crowded: Wiki, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    folder = tmp_path / "mariadb"
    folder.mkdir()
    with mariadb.running(folder) as server:
        index = Index(crowded, emptied(server, "hashes"), tmp_path)
        with half_done(index) as run:
            server.stop()
        wait_for(lambda: "the database is gone" in run.log.read_text())
        with mariadb.start(folder, port=server.port):
            run.end()
            assert index.tables() == undisturbed.tables


def test_a_wiki_that_is_gone_for_a_while_costs_nothing(index: Index, undisturbed: Undisturbed) -> None:
    with half_done(index) as run:
        index.wiki.server.stop()
    time.sleep(OUTAGE)
    index.wiki.server.start()
    run.end()
    assert index.tables() == undisturbed.tables


def test_two_runs_at_once_write_no_file_twice(index: Index, undisturbed: Undisturbed) -> None:
    runs = [index.start("page", "--since", "0") for _ in range(2)]
    for run in runs:
        run.end()
    assert index.tables() == undisturbed.tables


def test_a_cluster_that_loses_a_worker_writes_the_same(
    index: Index, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    (tmp_path / "dask").mkdir()
    with dask.running(tmp_path / "dask") as running:
        workers = [running.start_worker() for _ in range(2)]
        with Cluster(running.address, seconds=LONGEST_RUN) as cluster:
            wait_for(lambda: cluster.jobs == len(workers))
        with half_done(index, "--dask", running.address) as run:
            workers[0].kill()
        run.end()
    assert index.tables() == undisturbed.tables


FILE = """
query ($title: String, $page: Int) {
  file(title: $title, pageId: $page) {
    pageId title status deleted hashes { phash dhash } matches { nodes { file { pageId deleted } } }
  }
}
"""
COVERAGE = "{ index { fileCount commonsFileCount } }"


@dataclass(frozen=True)
class Life:
    """A wiki in which things happen, the names of its files at first, its index, and the service."""

    wiki: Wiki
    names: dict[int, str]
    index: Index
    served: Served

    def page(self, name: str) -> int:
        """The page that was called so at first."""
        return next(page for page, called in self.names.items() if called == name)

    def file(self, **one: str | int) -> Any:
        """What is answered about a file, by ``title`` or ``page``."""
        answer = self.served.ask(FILE, **one)
        assert "errors" not in answer, answer
        return answer["data"]["file"]

    def matches(self, **one: str | int) -> dict[str, bool]:
        """The files near a file, by their names at first, and whether they are deleted."""
        nodes = (match["file"] for match in self.file(**one)["matches"]["nodes"])
        return {self.names[file["pageId"]]: file["deleted"] for file in nodes}


@pytest.fixture
def life(mariadb_server: mariadb.Server, mariadb_url: str, photos: Path, tmp_path: Path) -> Iterator[Life]:
    """The hundred photos, smaller and recompressed ones, all of them indexed."""
    originals = photos / "commons100"
    made = [smaller(originals / "mural.jpg", tmp_path), smaller(originals / "puffin.jpg", tmp_path)]
    made.append(recompressed(originals / "fruits.jpg", tmp_path))
    (tmp_path / "wiki").mkdir()
    with mediawiki.running(tmp_path / "wiki", mariadb_server, database="livingwiki") as wiki:
        wiki.upload(copies(originals, tmp_path, 1) | {path.name: path for path in made})
        index = Index(wiki, mariadb_url, tmp_path)
        assert index.run("page") == ["103 files looked at", "103 hashed"]
        with programs.api(tmp_path, **index.settings) as served:
            yield Life(wiki, names(wiki), index, served)
            assert served.stop() == 0
            assert "Traceback" not in served.log.read_text()


def test_what_happens_on_a_wiki_shows_in_answers(life: Life, tmp_path: Path) -> None:
    all_are_hashed_as_imagehash_does(life)
    twins_are_found(life)
    a_new_version_is_answered_by_its_own_hashes(life, tmp_path)
    what_is_deleted_is_found_and_says_so(life)
    what_is_restored_is_there_as_before(life)
    what_is_moved_has_its_new_title_and_is_not_hashed_again(life)


def all_are_hashed_as_imagehash_does(life: Life) -> None:
    pages = life.wiki.client.ask(
        generator="allpages", gapnamespace=6, gaplimit="max", prop="imageinfo", iiprop="url"
    )["pages"]
    served = {page["pageid"]: as_imagehash_has_it(page["imageinfo"][0]["url"]) for page in pages}
    stored = {page: tuple(map(format_hex, pair)) for page, pair in life.index.pairs().items()}
    assert stored == served
    assert life.served.ask(COVERAGE)["data"]["index"] == {"fileCount": 103, "commonsFileCount": 103}
    assert life.index.run("status")[-2:] == [
        "103 files of the wiki hashed, 0 of them deleted by now; 0 could not be hashed",
        "  100.0% of the 103 files that it has",
    ]


def as_imagehash_has_it(url: str) -> tuple[str, str]:
    with urlopen(url, timeout=30) as response:
        image = Image.open(io.BytesIO(response.read()))
    return str(imagehash.phash(image)), str(imagehash.dhash(image))


def twins_are_found(life: Life) -> None:
    for name, twin in [
        ("Mural.jpg", "Mural smaller.jpg"),
        ("Puffin.jpg", "Puffin smaller.jpg"),
        ("Fruits.jpg", "Fruits recompressed.jpg"),
    ]:
        assert life.matches(title=name) == {twin: False}
        assert life.matches(title=f"File:{twin}") == {name: False}
        page = life.page(name)
        told = life.file(page=page)
        assert (told["pageId"], told["title"], told["status"]) == (page, f"File:{name}", "INDEXED")
    assert life.file(title="Girl.jpg")["matches"] == {"nodes": []}
    assert life.file(title="Nobody.jpg") is None


def a_new_version_is_answered_by_its_own_hashes(life: Life, tmp_path: Path) -> None:
    life.wiki.replace({"Mural.jpg": tmp_path / "Fruits recompressed.jpg"})
    assert life.index.run("recentchanges") == ["103 files looked at", "1 hashed"]
    wait_for(lambda: life.matches(title="Mural.jpg").keys() == {"Fruits.jpg", "Fruits recompressed.jpg"})
    assert life.file(title="Mural.jpg")["hashes"] == life.file(title="Fruits recompressed.jpg")["hashes"]
    assert life.matches(title="Mural smaller.jpg") == {}


def what_is_deleted_is_found_and_says_so(life: Life) -> None:
    page = life.page("Puffin.jpg")
    life.wiki.delete("Puffin.jpg")
    assert life.index.run("page", "--since", "0") == [
        "102 files looked at",
        "0 hashed",
        "1 gone, marked as deleted",
    ]
    wait_for(lambda: life.matches(title="Puffin smaller.jpg") == {"Puffin.jpg": True})
    told = life.file(page=page)
    assert (told["deleted"], told["status"]) == (True, "INDEXED")
    assert life.matches(page=page) == {"Puffin smaller.jpg": False}


def what_is_restored_is_there_as_before(life: Life) -> None:
    life.wiki.restore("Puffin.jpg")
    assert life.index.run("page", "--since", "0") == [
        "103 files looked at",
        "0 hashed",
        "1 there again, no longer marked as deleted",
    ]
    wait_for(lambda: life.matches(title="Puffin smaller.jpg") == {"Puffin.jpg": False})
    assert not life.file(title="Puffin.jpg")["deleted"]


def what_is_moved_has_its_new_title_and_is_not_hashed_again(life: Life) -> None:
    before = life.index.tables()
    life.wiki.move("Fruits.jpg", "Apples.jpg")
    for source in (["page", "--since", "0"], ["recentchanges"]):
        assert life.index.run(*source) == ["103 files looked at", "0 hashed"]
    assert life.matches(title="Fruits recompressed.jpg") == {"Fruits.jpg": False, "Mural.jpg": False}
    moved = life.file(title="Apples.jpg")
    assert (moved["pageId"], moved["status"]) == (life.page("Fruits.jpg"), "INDEXED")
    assert life.file(page=life.page("Fruits.jpg"))["title"] == "File:Apples.jpg"
    tables = ("phash", "dhash", "provenance")
    assert [life.index.tables()[name] for name in tables] == [before[name] for name in tables]


def test_the_stream_alone_keeps_an_index_up(
    mariadb_server: mariadb.Server, mariadb_url: str, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "wiki").mkdir()
    with (
        mediawiki.running(tmp_path / "wiki", mariadb_server, database="streamedwiki") as wiki,
        streaming.running(wiki) as stream,
    ):
        index = Index(wiki, mariadb_url, tmp_path)
        index.run("status")  # which makes the tables
        run = index.start("stream", "--events", stream.url)
        wiki.upload(copies(photos / "commons100", tmp_path, 1))
        wait_for(lambda: index.hashed() == 100, seconds=LONGEST_RUN)
        with programs.api(tmp_path, **index.settings) as served:
            life = Life(wiki, names(wiki), index, served)
            wiki.replace({"Mural.jpg": recompressed(photos / "commons100" / "fruits.jpg", tmp_path)})
            wiki.move("Fruits.jpg", "Apples.jpg")
            wiki.delete("Puffin.jpg")
            puffin = life.page("Puffin.jpg")
            wait_for(lambda: life.file(page=puffin)["deleted"], seconds=LONGEST_RUN)
            wait_for(lambda: life.matches(title="Apples.jpg") == {"Mural.jpg": False}, seconds=LONGEST_RUN)
            # The replica has it no longer, and it takes a moment until a tombstone tells what it was called.
            wait_for(lambda: index.is_buried(puffin), seconds=LONGEST_RUN)
            assert life.file(page=puffin)["title"] == "File:Puffin.jpg"
            assert index.hashed() == 101

            kill(run, alone=False)
            wiki.restore("Puffin.jpg")
            run = index.start("stream", "--events", stream.url)
            wait_for(lambda: not index.is_buried(puffin), seconds=LONGEST_RUN)
            wait_for(lambda: not life.file(page=puffin)["deleted"], seconds=LONGEST_RUN)
            run.process.send_signal(signal.SIGINT)
            assert run.process.wait(LONGEST_RUN) == 130
            assert "Traceback" not in run.log.read_text()
            assert index.hashed() == 101
            assert any(line.startswith("  stream: 20") for line in index.run("status"))
