from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from commons.imageinfo import ImageInfo, Version
from commons.mediawiki import MediaWiki
from commons.pictures import Reason
from index.ledger import Graves, Ledger
from index.selection import Selection, Step
from sql import results
from sql.database import Database
from sql.pages import Pages, Shard, Stretch
from sql.replica import File, Replica
from sql.results import Result
from sql.tables import dhash, phash
from tests.wiki.wiki import Wiki

EMBEDDED = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
REACHED = {"here": 5}
NONE = Graves({}, {})


class Asking(ImageInfo):
    """Remembers about which pages the wiki was asked."""

    def __init__(self, wiki: Wiki) -> None:
        super().__init__(MediaWiki(wiki.api, "imagehash-tests/1 (tests@example.org)"))
        self.asked: list[int] = []

    def of_pages(self, page_ids: Iterable[int]) -> dict[int, Version]:
        self.asked += (asked := list(page_ids))
        return super().of_pages(asked)


class Site:
    """The wiki's files since the test began, and what the database knows of them."""

    def __init__(self, wiki: Wiki, replica: Database, database: Database, photos: Path) -> None:
        self.info = Asking(wiki)
        self.wiki = wiki
        self.selection = Selection(database, self.info)
        self.pages = Pages(Replica(replica))
        self.start = self.pages.last()
        self.puffin, self.mural = (photos / "commons100" / f"{name}.jpg" for name in ("puffin", "mural"))
        self._database = database

    def upload(self, *names: str) -> dict[str, File]:
        self.wiki.upload(dict.fromkeys(names, self.puffin))
        return self.files()

    def stretch(self) -> Stretch:
        """The files that came since the test began."""
        stretch = self.pages.after(self.start)
        assert stretch
        return stretch

    def files(self) -> dict[str, File]:
        return {file.name: file for file in self.stretch().files}

    def save(self, *kept: Result) -> None:
        with self._database.write() as connection:
            results.save(connection, kept)

    def bury(self, page_id: int, *, deleted: bool) -> None:
        with self._database.write() as connection:
            results.bury(connection, {page_id: None}, deleted=deleted)

    def graves(self, step: Step) -> Graves:
        """The tombstones that come of a step."""
        return Ledger(self._database).graves(step)

    def step(self, *, all_pages: bool = True) -> Step:
        """What is to be done about all of them."""
        self.info.asked.clear()
        step = self.selection.of_stretch(self.stretch(), REACHED, after=self.start if all_pages else None)
        assert step.positions == REACHED
        return step


@pytest.fixture
def site(wiki: Wiki, replica: Database, database: Database, photos: Path) -> Site:
    return Site(wiki, replica, database, photos)


def hashed(file: File, **facts: Any) -> Result:
    return Result(
        file.page_id, file.sha1, "libraries", phash=1, dhash=2, file_timestamp=file.uploaded_at
    )._replace(**facts)


def failed(file: File, **facts: Any) -> Result:
    return hashed(file, phash=None, dhash=None, reason="timeout")._replace(**facts)


def names(step: Step) -> list[str | None]:
    return sorted((version.name for version in step.versions), key=str)


def digest(path: Path) -> str:
    return sha1(path.read_bytes(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_what_is_new_changed_or_due(wiki: Wiki, one_form: Database, database: Database, photos: Path) -> None:
    site = Site(wiki, one_form, database, photos)
    kind = len(one_form.tables())
    now = datetime.now(UTC)
    kept: dict[str, dict[str, Any] | None] = {
        "new": None,
        "current": {},
        "changed": {"sha1": "b" * 40},
        "reverted": {"file_timestamp": now - HOUR},
        "due": {"phash": None, "next_try": now - SECOND},
        "later": {"phash": None, "next_try": now + HOUR},
        "final": {"phash": None, "reason": "broken"},
    }
    files = site.upload(*(f"Select_{name}_{kind}.jpg".capitalize() for name in kept))
    for name, facts in kept.items():
        if facts is not None:
            site.save(hashed(files[f"Select_{name}_{kind}.jpg"], **facts))
    due = sorted(f"Select_{name}_{kind}.jpg" for name in ("new", "changed", "reverted", "due"))
    step = site.step()
    assert names(step) == due
    assert (site.graves(step), step.seen) == (NONE, len(kept))
    assert sorted(site.info.asked) == sorted(files[name].page_id for name in due)
    for version in step.versions:
        assert version.address
        assert version.sha1 == version.address.sha1 == digest(site.puffin)
    assert names(site.step(all_pages=False)) == due
    everything = {file.page_id: file.name for file in files.values()}
    assert names(site.selection.of_pages(everything, {})) == due
    assert names(site.selection.of_pages({}, {}, names=files)) == due


@EMBEDDED
def test_a_replica_that_is_older_than_the_wiki(site: Site) -> None:
    file = site.upload("Select_older_replica.jpg")["Select_older_replica.jpg"]
    before = site.stretch()
    site.wiki.replace({file.name: site.mural})
    (version,) = site.selection.of_stretch(before, REACHED).versions
    assert version.sha1 == digest(site.mural)
    # Hashed as it is now by another run, the replica's version is no news.
    site.save(hashed(site.files()[file.name]))
    assert site.selection.of_stretch(before, REACHED).versions == []
    assert site.step().versions == []


@EMBEDDED
def test_files_that_the_old_tool_hashed(site: Site, database: Database) -> None:
    files = site.upload(*(f"Select_old_{age}.jpg" for age in ("before", "after", "same", "half", "failed")))
    ages = {"before": -SECOND, "after": SECOND, "same": 0 * SECOND, "half": SECOND, "failed": SECOND}
    with database.write() as connection:
        for age, elapsed in ages.items():
            file = files[f"Select_old_{age}.jpg"]
            assert file.uploaded_at
            row = {"commons": file.page_id, "hash": 1, "created": file.uploaded_at + elapsed}
            connection.execute(insert(phash).values(row))
            if age == "failed":
                row |= {"hash": None, "thumb_type": "error"}
            if age != "half":
                connection.execute(insert(dhash).values(row))
    assert names(site.step()) == [f"Select_old_{age}.jpg" for age in ("before", "half", "same")]


@EMBEDDED
def test_files_that_are_gone(site: Site) -> None:
    files = site.upload(*(f"Select_gone_{number}.jpg" for number in range(3)))
    gone, buried, never = files.values()
    site.save(hashed(gone), hashed(buried))
    site.bury(buried.page_id, deleted=True)
    for file in files.values():
        site.wiki.delete(file.name)
    site.upload("Select_stays.jpg")
    step = site.step()
    assert (names(step), site.graves(step)) == (["Select_stays.jpg"], Graves({gone.page_id: None}, {}))
    assert not {buried.page_id, never.page_id} & set(site.info.asked)
    assert site.graves(site.step(all_pages=False)) == NONE
    # Whoever knew the title tells it.
    assert site.selection.of_pages({gone.page_id: gone.name}, {}).missing == {gone.page_id: gone.name}
    site.bury(gone.page_id, deleted=True)
    assert site.graves(site.step()) == NONE
    # Whoever asks about pages rather than files is told the same.
    told = site.selection.of_pages({file.page_id: None for file in files.values()}, {})
    assert (told.versions, site.graves(told), told.seen) == ([], NONE, 3)


@EMBEDDED
def test_what_the_replica_does_not_show_is_not_gone_for_that(site: Site) -> None:
    file = site.upload("Select_not_shown.jpg")["Select_not_shown.jpg"]
    site.save(hashed(file))
    behind = site.stretch()._replace(files=[])
    step = site.selection.of_stretch(behind, REACHED, after=site.start)
    assert site.info.asked == [file.page_id]
    assert step == Step([], {}, {file.page_id: file.name}, REACHED, 0)


@EMBEDDED
def test_files_that_are_there_again(site: Site) -> None:
    name = "Select_restored.jpg"
    file = site.upload(name, "Select_lifted.jpg")[name]
    for kept in site.files().values():
        site.save(hashed(kept))
        site.bury(kept.page_id, deleted=True)
    site.bury(site.files()["Select_lifted.jpg"].page_id, deleted=False)
    site.wiki.delete(name)
    assert site.graves(site.step()) == NONE
    site.wiki.restore(name)
    for step in (site.step(), site.step(all_pages=False)):
        assert (step.versions, site.graves(step)) == ([], Graves({}, {file.page_id: name}))


@EMBEDDED
def test_a_page_that_became_a_redirect(site: Site) -> None:
    files = site.upload("Select_redirect.jpg", "Select_target.jpg")
    page_id = files["Select_redirect.jpg"].page_id
    site.save(*map(hashed, files.values()))
    site.wiki.edit("Select_redirect.jpg", "#REDIRECT [[File:Select target.jpg]]")
    assert site.step() == Step([], {page_id: None}, {}, REACHED, 1)
    site.bury(page_id, deleted=True)
    assert site.step() == Step([], {}, {}, REACHED, 1)
    site.wiki.edit("Select_redirect.jpg", "A page of its own")
    assert site.step() == Step([], {}, {page_id: "Select_redirect.jpg"}, REACHED, 2)


@EMBEDDED
def test_a_file_that_was_moved(site: Site) -> None:
    file = site.upload("Select_moved.jpg")["Select_moved.jpg"]
    site.save(hashed(file))
    site.wiki.move(file.name, "Select_moved_away.jpg")
    assert site.step() == Step([], {}, {}, REACHED, 1)
    # The redirect it leaves is a page of its own.
    pages = range(site.start + 1, site.stretch().through + 1)
    assert len(pages) == 2
    assert site.graves(site.selection.of_pages(dict.fromkeys(pages), {})) == NONE


@EMBEDDED
def test_a_page_without_a_file(site: Site) -> None:
    site.wiki.edit("Select_without.jpg", "No file")
    (file,) = site.stretch().files
    (version,) = site.step().versions
    assert (version.page_id, version.name, version.reason) == (file.page_id, file.name, Reason.NO_FILE)
    site.save(failed(file, next_try=datetime.now(UTC) + HOUR))
    assert site.step() == Step([], {}, {}, REACHED, 1)
    assert site.info.asked == []
    site.wiki.upload({file.name: site.puffin})
    assert names(site.step()) == [file.name]


@EMBEDDED
def test_a_hashed_page_that_lost_its_file(site: Site) -> None:
    site.wiki.edit("Select_lost.jpg", "No file any more")
    (file,) = site.stretch().files
    site.save(hashed(file, sha1="a" * 40))
    assert site.step() == Step([], {file.page_id: file.name}, {}, REACHED, 1)
    site.bury(file.page_id, deleted=True)
    assert site.step() == Step([], {}, {}, REACHED, 1)
    assert site.info.asked == []


@EMBEDDED
def test_a_failure_whose_page_is_gone(site: Site) -> None:
    file = site.upload("Select_failed_and_gone.jpg")["Select_failed_and_gone.jpg"]
    site.save(failed(file, next_try=datetime.now(UTC) - SECOND))
    site.wiki.delete(file.name)
    assert site.selection.due_again(10) == [file.page_id]
    step = site.selection.of_pages({file.page_id: file.name}, {})
    assert [(version.page_id, version.reason) for version in step.versions] == [
        (file.page_id, Reason.NO_FILE)
    ]
    assert site.graves(step) == NONE


@EMBEDDED
def test_files_that_are_hidden_are_not_gone(site: Site) -> None:
    never, before = (Version(page_id, None, reason=Reason.SUPPRESSED) for page_id in (1, 2))
    site.save(Result(2, "a" * 40, "libraries", phash=1, dhash=2, file_timestamp=datetime.now(UTC)))
    step = site.selection.of_versions([never, before], REACHED)
    assert step == Step([never], {}, {1: None, 2: None}, REACHED, 2)


@EMBEDDED
def test_shards(site: Site, wiki: Wiki, replica: Database, database: Database, info: ImageInfo) -> None:
    files = site.upload(*(f"Select_shard_{number}.jpg" for number in range(6)))
    gone = [files[f"Select_shard_{number}.jpg"] for number in (4, 5)]
    site.save(*map(hashed, gone))
    for file in gone:
        wiki.delete(file.name)
    steps = []
    for number in (1, 2, 3):
        shard = Shard(number, 3)
        stretch = Pages(Replica(replica), shard=shard).after(site.start)
        assert stretch
        selection = Selection(database, info, shard=shard)
        steps.append(selection.of_stretch(stretch, {}, after=site.start))
        everything = {file.page_id: None for file in files.values()}
        pages = selection.of_pages(everything, {})
        told = selection.of_versions(info.of_pages(everything).values(), {})
        assert pages == told
        assert (names(pages), pages.missing) == (names(steps[-1]), steps[-1].missing)
        for version in steps[-1].versions:
            assert version.page_id
            assert shard.holds(version.page_id)
    assert sorted(name for step in steps for name in names(step) if name) == sorted(files)[:4]
    assert sorted(page for step in steps for page in step.missing) == sorted(file.page_id for file in gone)


@EMBEDDED
def test_versions_without_a_page_are_nobodys(site: Site) -> None:
    told = [Version(None, "A.jpg", reason=Reason.NO_FILE), Version(7, None, reason=Reason.NO_FILE)]
    assert site.selection.of_versions(told, REACHED) == Step([], {7: None}, {}, REACHED, 1)


@EMBEDDED
def test_failures_by_the_time_of_their_next_try(site: Site) -> None:
    now = datetime.now(UTC)
    waits = {1: -HOUR, 2: -2 * HOUR, 3: HOUR, 4: -SECOND, -5: -HOUR}
    failure = Result(0, "a" * 40, "libraries", reason="timeout")
    site.save(*(failure._replace(page_id=page, next_try=now + wait) for page, wait in waits.items()))
    site.save(failure._replace(page_id=6, reason="broken"))
    assert site.selection.due_again(10) == [2, 1, 4]
    assert site.selection.due_again(2) == [2, 1]
