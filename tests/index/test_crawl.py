import io
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import imagehash
import pytest
from PIL import Image
from sqlalchemy import select, update

from commons.imageinfo import ImageInfo
from commons.mediawiki import MediaWiki
from commons.pictures import hash_picture
from sql import pairs, positions, results
from sql.database import Database
from sql.pages import Pages
from sql.replica import Replica
from sql.tables import dhash, phash, provenance
from tests import programs
from tests.waiting import wait_for
from tests.wiki.wiki import Wiki

EMBEDDED = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SERVER = pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
ORIGINALS = {
    "jpg": "commons100/puffin.jpg",
    "png": "formats/transparent.png",
    "webp": "formats/hopper.webp",
    "tif": "formats/hopper.tif",
    "gif": "formats/missing_background.gif",
}
BROKEN = {"jpg": "formats/truncated_jpeg.jpg", "png": "formats/broken_data_stream.png"}
SVG = """
<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100">
<circle cx="60" cy="40" r="33"/><path d="M90 90 L190 20 L150 95 Z" fill="teal"/>
</svg>
"""


class Told(NamedTuple):
    """How a run ended: its exit code, what it told, and how many originals it fetched."""

    code: int
    lines: list[str]
    errors: list[str]
    fetched: int


class Indexed:
    """Runs of the program, and what the database holds in the end."""

    def __init__(
        self, run: Callable[..., int], wiki: Wiki, database: Database, shown: pytest.CaptureFixture[str]
    ) -> None:
        self._run = run
        self._log = wiki.server.log
        self._database = database
        self._shown = shown

    def run(self, *arguments: str) -> Told:
        before = self._fetched()
        self._shown.readouterr()
        code = self._run(*arguments, "--jobs", "1")
        told = self._shown.readouterr()
        errors = [line for line in told.err.splitlines() if line.startswith("imagehash-index")]
        assert "Traceback" not in told.err
        return Told(code, told.out.splitlines(), errors, self._fetched() - before)

    def rows(self, *tables: Any) -> list[list[dict[str, Any]]]:
        with self._database.read() as connection:
            return [
                [dict(row) for row in connection.execute(select(table)).mappings()]
                for table in tables or (phash, dhash, provenance)
            ]

    def pages(self) -> list[int]:
        """The pages of all rows of hashes, which must be the same in both tables."""
        first, second = self.rows(phash, dhash)
        assert [row["commons"] for row in first] == [row["commons"] for row in second]
        return [row["commons"] for row in first]

    def position(self, keyword: str) -> int | None:
        with self._database.read() as connection:
            return positions.known(connection).get(keyword)

    def go_on_after(self, keyword: str, position: int) -> None:
        with self._database.write() as connection:
            positions.save(connection, {keyword: position})

    def _fetched(self) -> int:
        return self._log.read_text().count("/images/")


@pytest.fixture
def indexed(
    on_wiki: Callable[..., int], wiki: Wiki, database: Database, capsys: pytest.CaptureFixture[str]
) -> Indexed:
    return Indexed(on_wiki, wiki, database, capsys)


@pytest.fixture
def puffin(photos: Path) -> Path:
    return photos / ORIGINALS["jpg"]


@pytest.fixture
def mural(photos: Path) -> Image.Image:
    with Image.open(photos / "commons100" / "mural.jpg") as photo:
        return photo.convert("RGB")


def fetched(info: ImageInfo, name: str) -> tuple[int, bytes]:
    """The page of a file, and the bytes that are to be hashed of it."""
    version = info.of_names([name])[name]
    assert version.address
    assert version.page_id
    with urlopen(version.address.url, timeout=60) as response:
        return version.page_id, response.read()


def test_originals_in_page_order(
    indexed: Indexed, wiki: Wiki, info: ImageInfo, newest: int, photos: Path
) -> None:
    database_kind = "server" if "mysql" in os.environ["IMAGEHASH_DATABASE_URL"] else "embedded"
    files = {f"Crawl_original_{database_kind}.{kind}": photos / path for kind, path in ORIGINALS.items()}
    wiki.upload(files)
    told = indexed.run("page", "--since", str(newest))
    assert told == Told(0, ["5 files looked at", "5 hashed"], [], 5)
    hashes, others, kept = (
        {row.get("commons", row.get("page_id")): row for row in t} for t in indexed.rows()
    )
    for name, path in files.items():
        page_id, data = fetched(info, name)
        assert data == path.read_bytes()
        picture = hash_picture(data)
        for row, value in ((hashes[page_id], picture.hashes.phash), (others[page_id], picture.hashes.dhash)):
            assert row["hash"] == value
            assert (row["width"], row["height"]) == (picture.width, picture.height)
            assert row["thumb_width"] is row["thumb_type"] is None
        assert kept[page_id]["input"] == "original"
        assert (kept[page_id]["state"], kept[page_id]["next_try"]) == ("hashed", None)
    with Image.open(files[f"Crawl_original_{database_kind}.jpg"]) as image:
        page_id, _ = fetched(info, f"Crawl_original_{database_kind}.jpg")
        expected = [int(str(function(image)), 16) for function in (imagehash.phash, imagehash.dhash)]
        assert [hashes[page_id]["hash"], others[page_id]["hash"]] == expected
    assert indexed.position("page") == newest + 5

    before = indexed.rows()
    assert indexed.run("page") == Told(0, ["0 files looked at", "0 hashed"], [], 0)
    assert indexed.run("page", "--since", str(newest)) == Told(0, ["5 files looked at", "0 hashed"], [], 0)
    assert indexed.rows() == before


@EMBEDDED
def test_what_is_hashed_by_thumbnail(
    indexed: Indexed, wiki: Wiki, info: ImageInfo, newest: int, mural: Image.Image, tmp_path: Path
) -> None:
    small = mural.resize((300, 200))
    small.save(tmp_path / "Crawl_thumbnail.pdf")
    small.save(tmp_path / "small.ppm")
    subprocess.run(["c44", tmp_path / "small.ppm", tmp_path / "Crawl_thumbnail.djvu"], check=True)
    (tmp_path / "Crawl_thumbnail.svg").write_text(SVG)
    mural.resize((6000, 4200)).save(tmp_path / "Crawl_thumbnail.jpg")
    names = [f"Crawl_thumbnail.{kind}" for kind in ("pdf", "djvu", "svg", "jpg")]
    wiki.upload({name: tmp_path / name for name in names})
    assert indexed.run("page", "--since", str(newest)).lines == ["4 files looked at", "4 hashed"]
    for row, other in zip(*indexed.rows(phash, dhash), strict=True):
        (version,) = info.of_pages([row["commons"]]).values()
        _, data = fetched(info, version.name or "")
        hashes = hash_picture(data).hashes
        assert (row["hash"], other["hash"]) == hashes
        width = Image.open(io.BytesIO(data)).width
        assert width in {959, 960}
        for each in (row, other):
            assert (each["thumb_width"], each["thumb_type"]) == (width, "default")
            assert (each["width"], each["height"]) == (version.width, version.height)
    assert {row["input"] for row in indexed.rows(provenance)[0]} == {"thumbnail"}


@EMBEDDED
def test_thumbnails_of_whatever_is_larger(
    indexed: Indexed, wiki: Wiki, info: ImageInfo, newest: int, mural: Image.Image, tmp_path: Path
) -> None:
    sizes = {"Crawl_input.jpg": 1200, "Crawl_input.tif": 1200, "Crawl_input_small.jpg": 960}
    for name, width in sizes.items():
        mural.resize((width, 800)).save(tmp_path / name)
        wiki.upload({name: tmp_path / name})
    told = indexed.run("page", "--since", str(newest), "--input", "thumbnail")
    assert told.lines == ["3 files looked at", "3 hashed"]
    rows = {row["commons"]: row for row in indexed.rows(phash)[0]}
    shown = [(rows[newest + n]["thumb_width"], rows[newest + n]["thumb_type"]) for n in (1, 2, 3)]
    assert shown == [(960, "default"), (960, "lossy-page1"), (None, None)]
    assert (indexed.position("page --input thumbnail"), indexed.position("page")) == (newest + 3, None)


@EMBEDDED
def test_files_that_cannot_be_hashed(
    indexed: Indexed, wiki: Wiki, newest: int, photos: Path, puffin: Path, tmp_path: Path
) -> None:
    for kind, path in BROKEN.items():
        wiki.upload({f"Crawl_broken.{kind}": photos / path})
    wiki.edit("Crawl_without.jpg", "No file")
    wiki.upload({"Crawl_lost.jpg": puffin, "Crawl_sound.jpg": puffin})
    stored = next(wiki.server.log.parent.glob("web/images/?/??/Crawl_lost.jpg"))
    data = stored.read_bytes()
    stored.unlink()
    told = indexed.run("page", "--since", str(newest))
    assert told.code == 0
    assert told.lines[:8] == [
        "5 files looked at",
        "1 hashed",
        "4 could not be hashed",
        "Could not be hashed:",
        "  broken: 1",
        "  no-file: 1",
        "  not-found: 1",
        "  truncated: 1",
    ]
    assert "  Crawl_without.jpg: the page has no file (no-file)" in told.lines
    assert [line for line in told.lines if line.startswith("  Crawl_lost.jpg: The server answered 404")]
    assert len(told.lines) == 12
    kept = {row["reason"]: row for row in indexed.rows(provenance)[0]}
    assert kept.keys() == {"broken", "truncated", "not-found", "no-file", None}
    assert {reason for reason, row in kept.items() if row["next_try"]} == {"not-found", "no-file"}
    assert indexed.position("page") == newest + 5
    assert len(indexed.pages()) == 1

    # Nothing is due, until a day has passed.
    stored.write_bytes(data)
    assert indexed.run("page", "--since", str(newest)) == Told(0, ["5 files looked at", "0 hashed"], [], 0)
    earlier = {"next_try": datetime.now(UTC) - timedelta(hours=1)}
    with indexed._database.write() as connection:
        connection.execute(update(provenance).where(provenance.c.reason == "not-found").values(earlier))
    assert indexed.run("page").lines == ["1 files looked at", "1 hashed"]
    assert len(indexed.pages()) == 2
    wiki.client.act("delete", title="File:Crawl without.jpg")
    with indexed._database.write() as connection:
        connection.execute(update(provenance).where(provenance.c.reason == "no-file").values(earlier))
    gone = f"page {kept['no-file']['page_id']}"
    assert indexed.run("page", "--dry-run").lines == [f"note that there is no picture (no-file): {gone}"]
    assert indexed.run("page").lines[-1] == f"  {gone}: the page has no file (no-file)"
    assert indexed.run("page").lines == ["0 files looked at", "0 hashed"]


@EMBEDDED
def test_a_limit(indexed: Indexed, wiki: Wiki, newest: int, puffin: Path) -> None:
    wiki.upload({f"Crawl_limit_{number}.jpg": puffin for number in range(5)})
    indexed.go_on_after("page", newest)
    for hashed, done, position in ((2, 2, newest), (2, 4, newest), (1, 5, newest + 5)):
        assert indexed.run("page", "--limit", "2").lines == ["5 files looked at", f"{hashed} hashed"]
        assert len(indexed.pages()) == done
        assert indexed.position("page") == position
    assert sorted(indexed.pages()) == list(range(newest + 1, newest + 6))


@EMBEDDED
def test_from_the_beginning(indexed: Indexed, wiki: Wiki, newest: int, puffin: Path) -> None:
    wiki.upload({"Crawl_beginning.jpg": puffin})
    indexed.go_on_after("page", newest + 1)
    assert indexed.run("page", "--dry-run").lines == ["nothing to do"]
    assert indexed.run("page").lines == ["0 files looked at", "0 hashed"]
    told = indexed.run("page", "--since", "0", "--dry-run", "--limit", "1000000")
    assert f"hash {wiki.uploads}" in told.lines[-1]
    assert told.lines[-1].endswith("/Crawl_beginning.jpg")
    assert indexed.run("page", "--since", str(newest)).lines == ["1 files looked at", "1 hashed"]


@EMBEDDED
def test_a_dry_run_changes_nothing(indexed: Indexed, wiki: Wiki, newest: int, puffin: Path) -> None:
    wiki.upload({f"Crawl_dry_{number}.jpg": puffin for number in range(3)})
    wiki.edit("Crawl_dry_without.jpg", "No file")
    assert indexed.run("page", "--since", str(newest), "--limit", "1").lines == [
        "4 files looked at",
        "1 hashed",
    ]
    (page_id,) = indexed.pages()
    (version,) = ImageInfo(MediaWiki(wiki.api, "tests")).of_pages([page_id]).values()
    wiki.delete(version.name or "")
    before = indexed.rows()
    left = [f"Crawl_dry_{number}.jpg" for number in range(3) if f"Crawl_dry_{number}.jpg" != version.name]
    expected = [
        *(next(_addresses(wiki, name)) for name in left),
        "note that there is no picture (no-file): Crawl_dry_without.jpg",
        f"mark as deleted: page {page_id}",
    ]
    told = indexed.run("page", "--since", str(newest), "--dry-run")
    assert (told.code, sorted(told.lines), told.fetched) == (0, sorted(expected), 0)
    assert len(indexed.run("page", "--since", str(newest), "--dry-run", "--limit", "2").lines) == 2
    assert indexed.rows() == before
    assert indexed.position("page") is None


def _addresses(wiki: Wiki, name: str) -> Iterator[str]:
    for path in wiki.server.log.parent.glob(f"web/images/?/??/{name}"):
        yield f"hash {wiki.url}/{path.relative_to(wiki.server.log.parent / 'web')}"


@EMBEDDED
def test_shards_share_the_files(indexed: Indexed, wiki: Wiki, newest: int, puffin: Path) -> None:
    wiki.upload({f"Crawl_shard_{number}.jpg": puffin for number in range(5)})
    for number in ("1/2", "2/2"):
        told = indexed.run("page", "--shard", number, "--since", str(newest))
        assert (told.code, told.lines[1]) in {(0, "2 hashed"), (0, "3 hashed")}
        assert indexed.position(f"page --shard {number}") == newest + 5
    assert sorted(indexed.pages()) == list(range(newest + 1, newest + 6))
    assert indexed.position("page") is None


@SERVER
def test_recent_changes(
    indexed: Indexed, wiki: Wiki, replica: Database, newest: int, puffin: Path, photos: Path
) -> None:
    _, last = Pages(Replica(replica)).changes()
    wiki.upload({"Crawl_changes.jpg": puffin})
    indexed.go_on_after("recentchanges", last)
    assert indexed.run("recentchanges") == Told(0, ["1 files looked at", "1 hashed"], [], 1)
    assert indexed.run("recentchanges") == Told(0, ["1 files looked at", "0 hashed"], [], 0)
    assert indexed.position("recentchanges") == last
    wiki.replace({"Crawl_changes.jpg": photos / "commons100" / "mural.jpg"})
    assert indexed.run("recentchanges").lines == ["1 files looked at", "1 hashed"]
    assert indexed.pages() == [newest + 1] * 2
    now = hash_picture((photos / "commons100" / "mural.jpg").read_bytes()).hashes
    with indexed._database.read() as connection:
        assert pairs.of_pages(connection, [newest + 1])[newest + 1][1:3] == now
    assert indexed.run("recentchanges", "--since", "2100-01-01").lines[0] == "0 files looked at"


@EMBEDDED
def test_links(indexed: Indexed, wiki: Wiki, newest: int, puffin: Path) -> None:
    links = {"Crawl_links.jpg": "https://crawl.example/1", "Crawl_links_not.jpg": "https://crawling.example/"}
    for name, written in links.items():
        wiki.upload({name: puffin}, text=written)
    told = indexed.run("externallinks", "--domain", "example.crawl")
    assert told == Told(0, ["1 files looked at", "1 hashed"], [], 1)
    assert indexed.pages() == [newest + 1]
    assert indexed.position("externallinks --domain example.crawl") == newest + 1
    assert indexed.run("externallinks", "--domain", "example.crawl").lines[0] == "0 files looked at"


@SERVER
def test_files_that_are_gone_and_back(indexed: Indexed, wiki: Wiki, newest: int, puffin: Path) -> None:
    wiki.upload({"Crawl_gone.jpg": puffin})
    assert indexed.run("page", "--since", str(newest)).lines == ["1 files looked at", "1 hashed"]
    wiki.delete("Crawl_gone.jpg")
    wiki.upload({"Crawl_stays.jpg": puffin})
    assert indexed.run("page", "--since", str(newest)).lines == [
        "1 files looked at",
        "1 hashed",
        "1 gone, marked as deleted",
    ]
    wiki.restore("Crawl_gone.jpg")
    told = indexed.run("page", "--since", str(newest), "--dry-run")
    assert told.lines == ["mark as there again: Crawl_gone.jpg"]
    assert indexed.run("page", "--since", str(newest)).lines == [
        "2 files looked at",
        "0 hashed",
        "1 there again, no longer marked as deleted",
    ]
    with indexed._database.read() as connection:
        assert results.buried(connection) == {}
    assert indexed.pages() == [newest + 1, newest + 2]


@EMBEDDED
def test_no_replica(indexed: Indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAGEHASH_COMMONS_URL")
    for source in (
        ["page"],
        ["recentchanges"],
        ["externallinks", "--domain", "fi.finna"],
        ["page", "--dry-run"],
    ):
        told = indexed.run(*source)
        assert told.code == 1
        (problem,) = told.errors
        assert problem.startswith("imagehash-index: IMAGEHASH_COMMONS_URL, or where that is not set")


@EMBEDDED
def test_nobody_asks_wikimedia_without_saying_who_they_are(
    indexed: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("somebody was asked")

    monkeypatch.delenv("IMAGEHASH_WIKI_API")
    monkeypatch.setattr("socket.socket.connect", asked)
    for arguments in (["page"], ["recentchanges", "--dry-run"]):
        told = indexed.run(*arguments)
        assert (told.code, told.fetched) == (1, 0)
        assert "commons.wikimedia.org is asked only by those who say who they are" in told.errors[0]
        assert "set IMAGEHASH_USER_AGENT to an e-mail" in told.errors[0]
    monkeypatch.setenv("IMAGEHASH_WIKI_API", "http://localhost/w/api.php")
    told = indexed.run("stream", "--events", "https://stream.wikimedia.org/v2/stream/recentchange")
    assert "stream.wikimedia.org is asked only by those who say who they are" in told.errors[0]
    assert indexed.rows() == [[], [], []]


@EMBEDDED
def test_a_wiki_that_is_not_there(
    indexed: Indexed, newest: int, wiki: Wiki, puffin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiki.upload({"Crawl_no_wiki.jpg": puffin})
    monkeypatch.setattr("index.wiki.MediaWiki", partial(MediaWiki, retries=0, wait=0.1))
    monkeypatch.setenv("IMAGEHASH_WIKI_API", "http://127.0.0.1:9/w/api.php")
    for arguments in ([], ["--dry-run"]):
        told = indexed.run("page", "--since", str(newest), *arguments)
        assert (told.code, len(told.errors)) == (1, 1)
        assert "the wiki at http://127.0.0.1:9/w/api.php does not answer" in told.errors[0]
        assert re.search(r"[^.]\. Run the same command again to go on$", told.errors[0])
    assert indexed.position("page") is None


@contextmanager
def stopped(wiki: Wiki) -> Iterator[None]:
    """The wiki's server, suspended."""
    process = wiki.server._process
    assert process
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGCONT)


@EMBEDDED
def test_the_keyboard_ends_a_run_that_keeps_what_was_done(
    indexed: Indexed, wiki: Wiki, newest: int, puffin: Path, tmp_path: Path
) -> None:
    wiki.upload({f"Crawl_keyboard_{number}.jpg": puffin for number in range(20)})
    settings = {name: value for name, value in os.environ.items() if name.startswith("IMAGEHASH_")}
    served = indexed._fetched()
    log = tmp_path / "log"
    process = programs.start(
        *("index", "page", "--since", str(newest), "--jobs", "1"),
        folder=tmp_path,
        log=log,
        **settings | {"IMAGEHASH_DOWNLOADS": "1"},
    )
    # No more than four are on their way, so when the seventh comes some are done.
    wait_for(lambda: indexed._fetched() >= served + 7)
    with stopped(wiki):
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    told = log.read_text()
    assert "Traceback" not in told
    assert told.splitlines()[-1] == "imagehash-index: interrupted; run the same command again to go on"
    done = len(indexed.pages())
    assert 0 < done < 20
    assert f"\n{done} hashed\n" in told
    assert indexed.position("page") is None
    assert indexed.run("page", "--since", str(newest)).lines == ["20 files looked at", f"{20 - done} hashed"]
    assert sorted(indexed.pages()) == list(range(newest + 1, newest + 21))
