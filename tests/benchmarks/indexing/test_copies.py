from contextlib import closing
from pathlib import Path

from benchmarks.indexing.copies import FIRST, Copies
from sql.database import Database
from sql.pages import Pages
from sql.replica import Replica
from tests import mariadb
from tests.benchmarks.indexing.conftest import COPIES
from tests.wiki.wiki import Wiki


def test_a_replica_has_all_of_them(
    mariadb_server: mariadb.Server, own_wiki: tuple[Wiki, Path], copies: Copies
) -> None:
    wiki, _ = own_wiki
    with closing(Database(wiki.replica)) as shown:
        originals = Replica(shown).files(picture.page_id for picture in copies.pictures)
    with closing(Database(mariadb_server.url("copies"))) as shown:
        stretch = Pages(Replica(shown)).after(0)
    assert stretch
    assert [file.page_id for file in stretch.files] == list(range(FIRST, FIRST + COPIES))
    for file in stretch.files:
        original = originals[copies.original(file.page_id).page_id]
        assert file.name == copies.name(file.page_id) == f"Copy{file.page_id}of{original.name}"
        assert file[2:7] == original[2:7]


def test_the_pictures_take_turns(copies: Copies) -> None:
    pictures = [copies.original(FIRST + number) for number in range(14)]
    assert pictures[:7] == pictures[7:] == list(copies.pictures)
    assert {picture.name for picture in copies.pictures} == {f"Photo{number}.jpg" for number in range(7)}
