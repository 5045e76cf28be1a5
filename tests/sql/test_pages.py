from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha1
from pathlib import Path

import pytest

from sql.database import Database
from sql.pages import ALL, Pages, Shard, Stretch
from sql.replica import File, NoReplicaError, Replica
from tests.wiki.wiki import Wiki

PUFFIN, MURAL = "commons100/puffin.jpg", "commons100/mural.jpg"
Find = Callable[[int], Stretch | None]


def all_of(find: Find, position: int = 0) -> tuple[list[str], int]:
    """The names of all files after a position, and the position in the end."""
    names: list[str] = []
    while stretch := find(position):
        assert stretch.through > position
        names += [file.name for file in stretch.files]
        position = stretch.through
    return names, position


def newest(database: Database) -> tuple[int, int]:
    """The newest page and the newest change."""
    pages = Pages(Replica(database))
    return all_of(pages.after)[1], all_of(pages.changed)[1]


def test_files_in_page_order(wiki: Wiki, one_form: Database, photos: Path) -> None:
    start, _ = newest(one_form)
    form = len(one_form.tables())
    names = [f"{letter}_in_order_{form}.jpg" for letter in "CAB"]
    for name in names:
        wiki.upload({name: photos / PUFFIN})
        wiki.client.act("edit", title=f"About {name}", text="no file")
    wiki.replace({names[2]: photos / MURAL})
    wiki.move(names[0], f"D_in_order_{form}.jpg")
    wiki.delete(names[1])
    for size in (1, 2, 500):
        pages = Pages(Replica(one_form), size)
        assert all_of(pages.after, start)[0] == [f"D_in_order_{form}.jpg", names[2]]
    stretch = Pages(Replica(one_form)).after(start)
    assert stretch is not None
    data = (photos / MURAL).read_bytes()
    file = stretch.files[1]
    assert (file.sha1, file.size) == (sha1(data, usedforsecurity=False).hexdigest(), len(data))
    assert (file.mime, file.width, file.height) == ("image/jpeg", 768, 512)
    assert file.uploaded_at is not None
    assert abs(datetime.now(UTC) - file.uploaded_at) < timedelta(minutes=1)
    assert Replica(one_form).files([file.page_id]) == {file.page_id: file._replace(size=None)}


def test_a_page_without_a_file_is_told_all_the_same(wiki: Wiki, one_form: Database) -> None:
    start, _ = newest(one_form)
    name = f"No_file_{len(one_form.tables())}.jpg"
    wiki.edit(name, "A page, but no file")
    stretch = Pages(Replica(one_form)).after(start)
    assert stretch is not None
    assert stretch.files == [File(stretch.through, name, None, None, None, None, None)]


def test_uploads_and_new_versions(wiki: Wiki, one_form: Database, photos: Path) -> None:
    _, start = newest(one_form)
    form = len(one_form.tables())
    pages = Pages(Replica(one_form))
    assert pages.changed(start) is None
    name, other = f"Changed_{form}.jpg", f"Changed_too_{form}.jpg"
    wiki.upload({name: photos / PUFFIN})
    assert all_of(pages.changed, start)[0] == [name]
    _, between = newest(one_form)
    wiki.edit(name, "No new version")
    wiki.upload({other: photos / PUFFIN})
    wiki.replace({name: photos / MURAL})
    wiki.move(other, f"Moved_{form}.jpg")
    assert all_of(pages.changed, start)[0] == all_of(pages.changed, between)[0] == [name, f"Moved_{form}.jpg"]
    wiki.delete(name)
    assert all_of(pages.changed, between)[0] == [f"Moved_{form}.jpg"]


def test_changes_since_a_moment(wiki: Wiki, one_form: Database, photos: Path) -> None:
    wiki.upload({f"Since_{len(one_form.tables())}.jpg": photos / PUFFIN})
    _, last = newest(one_form)
    pages = Pages(Replica(one_form))
    assert pages.change_before(datetime(2001, 1, 15, tzinfo=UTC)) == 0
    assert pages.change_before(datetime.now(UTC) + timedelta(hours=1)) == last
    names, _ = all_of(pages.changed, pages.change_before(datetime.now(UTC) - timedelta(minutes=1)))
    assert f"Since_{len(one_form.tables())}.jpg" in names


def test_files_that_link_to_a_domain(wiki: Wiki, one_form: Database, photos: Path) -> None:
    links = {
        "A": "https://finna{}.fi/Record/1 https://finna{}.fi/Record/2",
        "B": "http://www.finna{}.fi/Record/3",
        "C": "https://finnair{}.fi/ https://finna{}.se/ https://example.org/finna{}.fi",
        "D": "[//finna{}.fi:8080/ a link]",
        "E": "https://finna{}.fi/ but deleted",
    }
    form = f"x{len(one_form.tables())}"
    for name, text in links.items():
        wiki.upload({f"{name}_links_{form}.jpg": photos / PUFFIN}, text=text.replace("{}", form))
    wiki.client.act("edit", title=f"No file {form}", text=f"https://finna{form}.fi/")
    wiki.delete(f"E_links_{form}.jpg")
    for size in (1, 500):
        pages = Pages(Replica(one_form), size)
        for domain in (f"fi.finna{form}", f"finna{form}.fi"):
            names, last = all_of(partial(pages.linking, domain))
            assert names == [f"{name}_links_{form}.jpg" for name in "ABD"]
            assert pages.linking(domain, last) is None
    assert Pages(Replica(one_form)).linking("fi.nowhere", 0) is None


TABLES = """
    CREATE TABLE page (page_id int PRIMARY KEY, page_namespace int, page_title blob, page_is_redirect int);
    INSERT INTO page VALUES (3, 6, {A.jpg}, 0), (4, 6, {B.jpg}, 1), (5, 0, {C}, 0), (900, 6, {D.jpg}, 0),
        (901, 4, {E}, 0);
    CREATE TABLE recentchanges (rc_id int PRIMARY KEY, rc_timestamp blob, rc_namespace int, rc_cur_id int,
        rc_log_type blob);
    INSERT INTO recentchanges VALUES (7, {20200101000000}, 6, 900, {upload}),
        (8, {20200101000001}, 6, 3, NULL), (9, {20200101000002}, 6, 3, {upload});
    CREATE TABLE externallinks (el_from int, el_to_domain_index blob);
    INSERT INTO externallinks VALUES (900, {https://fi.finna.}), (3, {http://fi.finna.www.}), (5, {http://fi.})
"""


@pytest.fixture(params=["text", "bytes"])
def embedded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """The same in SQLite, whose names are text or bytes."""
    opening, closing = ("'", "'") if request.param == "text" else ("CAST('", "' AS BLOB)")
    database = Database(f"sqlite:///{tmp_path / 'wiki.db'}")
    with database.write() as connection:
        for statement in TABLES.replace("{", opening).replace("}", closing).split(";"):
            connection.exec_driver_sql(statement)
    yield database
    database.close()


def test_an_embedded_replica(embedded: Database) -> None:
    pages = Pages(Replica(embedded))
    assert all_of(pages.after) == (["A.jpg", "D.jpg"], 901)
    assert all_of(pages.after, 3) == (["D.jpg"], 901)
    assert all_of(pages.changed) == (["A.jpg", "D.jpg"], 9)
    assert all_of(pages.changed, 7) == (["A.jpg"], 9)
    assert pages.change_before(datetime(2020, 1, 1, 0, 0, 2, tzinfo=UTC)) == 8
    assert all_of(lambda page_id: pages.linking("fi.finna", page_id)) == (["A.jpg", "D.jpg"], 900)


def test_how_far_a_wiki_has_come(embedded: Database) -> None:
    pages = Pages(Replica(embedded))
    assert (pages.last(), pages.changes()) == (901, (7, 9))
    with embedded.write() as connection:
        for table in ("page", "recentchanges"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    assert (pages.last(), pages.changes()) == (0, (0, 0))


def test_shards_hold_each_page_once(embedded: Database) -> None:
    assert Shard(1, 1) == ALL
    for parts in (1, 2, 3):
        shards = [Shard(number, parts) for number in range(1, parts + 1)]
        for page_id in range(20):
            assert [shard.holds(page_id) for shard in shards].count(True) == 1
        for size in (1, 500):
            told = [Pages(Replica(embedded), size, shard=shard) for shard in shards]
            for find in (lambda pages: pages.after, lambda pages: pages.changed, _linking):
                found = [all_of(find(pages)) for pages in told]
                assert sorted(name for names, _ in found for name in names) == ["A.jpg", "D.jpg"]
                assert len({last for _, last in found}) == 1
            for pages, shard in zip(told, shards, strict=True):
                stretch = pages.after(0)
                assert stretch
                assert all(shard.holds(file.page_id) for file in stretch.files)


def _linking(pages: Pages) -> Find:
    return lambda page_id: pages.linking("fi.finna", page_id)


def test_tables_that_are_not_there(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'wiki.db'}")
    with pytest.raises(NoReplicaError, match="IMAGEHASH_COMMONS_URL"):
        Pages(Replica(database)).after(0)
    with database.write() as connection:
        for statement in TABLES.replace("{", "'").replace("}", "'").split(";")[:1]:
            connection.exec_driver_sql(statement)
    pages = Pages(Replica(database))
    assert pages.after(0) is None
    with pytest.raises(NoReplicaError, match="no table 'recentchanges'"):
        pages.changed(0)
    with pytest.raises(NoReplicaError, match="no table 'recentchanges'"):
        pages.change_before(datetime.now(UTC))
    with pytest.raises(NoReplicaError, match="no table 'externallinks'"):
        pages.linking("fi.finna", 0)
    database.close()
