from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha1
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from sql.database import Database
from sql.pairs import BATCH
from sql.replica import File, NoReplicaError, Replica, sha1_from_base36

PAGE = """
    CREATE TABLE page (page_id int PRIMARY KEY, page_namespace int, page_title {binary}(255));
    INSERT INTO page VALUES
        (1, 6, 'Cat_on_a_mat.jpg'), (2, 6, 'Äiti_🦆.png'), (3, 6, 'Deleted.jpg'), (4, 6, 'Hidden.jpg'),
        (5, 6, 'No_file.jpg'), (6, 0, 'Cat_on_a_mat.jpg'), (7, 6, 'Unknown_type.jpg')
"""
FILES = """
    CREATE TABLE file (file_id int PRIMARY KEY, file_name {binary}(255), file_latest bigint, file_type int,
        file_deleted int);
    INSERT INTO file VALUES (1, 'Cat_on_a_mat.jpg', 12, 1, 0), (2, 'Äiti_🦆.png', 13, 2, 0),
        (3, 'Deleted.jpg', 14, 1, 1), (4, 'Hidden.jpg', 15, 9, 0), (5, 'Unknown_type.jpg', 16, 9, 0);
    CREATE TABLE filerevision (fr_id bigint PRIMARY KEY, fr_file int, fr_width int, fr_height int,
        fr_timestamp {binary}(14), fr_sha1 {binary}(32), fr_deleted int);
    INSERT INTO filerevision VALUES
        (11, 1, 1, 1, '20100101000000', '0', 0),
        (12, 1, 4000, 3000, '20240229235959', '2fotbq7t2bba3finaedsuqjgou790qh', 0),
        (13, 2, 10, 20, '20200101000000', '', 0),
        (14, 3, 1, 1, '20200101000000', '1', 0),
        (15, 4, 1, 1, '20200101000000', '1', 8),
        (16, 5, 7, 8, '20200101000000', '000000000000000000000000000000z', 0)
"""
TYPES = """
    CREATE TABLE filetypes (ft_id int PRIMARY KEY, ft_media_type {binary}(16), ft_major_mime {binary}(16),
        ft_minor_mime {binary}(100));
    INSERT INTO filetypes VALUES (1, 'BITMAP', 'image', 'jpeg'), (2, 'BITMAP', 'image', 'png')
"""
IMAGES = """
    CREATE TABLE image (img_name {binary}(255) PRIMARY KEY, img_width int, img_height int,
        img_timestamp {binary}(14), img_sha1 {binary}(32), img_major_mime {binary}(16),
        img_minor_mime {binary}(100));
    INSERT INTO image VALUES
        ('Cat_on_a_mat.jpg', 4000, 3000, '20240229235959', '2fotbq7t2bba3finaedsuqjgou790qh',
            'image', 'jpeg'),
        ('Äiti_🦆.png', 10, 20, '20200101000000', '', 'image', 'png'),
        ('Unknown_type.jpg', 7, 8, '20200101000000', '000000000000000000000000000000z', NULL, NULL)
"""
STATISTICS = """
    CREATE TABLE site_stats (ss_row_id int PRIMARY KEY, ss_images bigint);
    INSERT INTO site_stats VALUES (1, 123456789012)
"""

DIGEST = sha1(b"a cat on a mat", usedforsecurity=False).hexdigest()
CAT = File(
    1,
    "Cat_on_a_mat.jpg",
    4000,
    3000,
    "image/jpeg",
    DIGEST,
    datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC),
)
NEW_YEAR = datetime(2020, 1, 1, tzinfo=UTC)
DUCK = File(2, "Äiti_🦆.png", 10, 20, "image/png", None, NEW_YEAR)
UNTYPED = File(7, "Unknown_type.jpg", 7, 8, None, f"{35:040x}", NEW_YEAR)


def bare(page_id: int, name: str) -> File:
    return File(page_id, name, None, None, None, None, None)


WITHOUT = {3: bare(3, "Deleted.jpg"), 4: bare(4, "Hidden.jpg"), 5: bare(5, "No_file.jpg")}
EVERYTHING = WITHOUT | {1: CAT, 2: DUCK, 7: UNTYPED}
Wiki = Callable[..., Replica]


@pytest.fixture(params=["mariadb", "sqlite-bytes", "sqlite-text"])
def wiki(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Wiki]:
    """A replica with some of the tables; SQLite's hold their text as bytes or as text."""
    kind = request.param
    url = request.getfixturevalue("mariadb_url") if kind == "mariadb" else f"sqlite:///{tmp_path / 'x.db'}"
    database = Database(url)

    def make(*tables: str) -> Replica:
        with database.write() as connection:
            for statement in ";".join(tables).format(binary="varbinary").split(";"):
                connection.exec_driver_sql(_as_bytes(statement) if kind == "sqlite-bytes" else statement)
        return Replica(database)

    yield make
    database.close()


def _as_bytes(statement: str) -> str:
    """Write the literals as SQLite's for bytes."""
    parts = statement.split("'")
    parts[1::2] = [f"x'{part.encode().hex()}'" for part in parts[1::2]]
    return "".join(parts)


@pytest.mark.parametrize("tables", [(PAGE, FILES, TYPES), (PAGE, IMAGES), (PAGE, FILES, TYPES, IMAGES)])
def test_both_forms_tell_the_same(wiki: Wiki, tables: tuple[str, ...]) -> None:
    replica = wiki(*tables)
    assert replica.files(range(20)) == EVERYTHING
    assert replica.by_names(["Cat_on_a_mat.jpg", "Äiti_🦆.png", "Hidden.jpg", "cat_on_a_mat.jpg"]) == {
        CAT.name: CAT,
        DUCK.name: DUCK,
        "Hidden.jpg": WITHOUT[4],
    }
    assert replica.files([]) == {}
    assert replica.by_names([]) == {}


def test_without_types(wiki: Wiki) -> None:
    files = wiki(PAGE, FILES).files(range(20))
    assert files == {page: file._replace(mime=None) for page, file in EVERYTHING.items()}


@pytest.mark.parametrize("tables", [(PAGE,), (PAGE, FILES.split(";", maxsplit=1)[0])])
def test_pages_alone(wiki: Wiki, tables: tuple[str, ...]) -> None:
    files = wiki(*tables).files(range(20))
    assert files == {page: bare(page, file.name) for page, file in EVERYTHING.items()}


def test_more_pages_than_one_statement_takes(wiki: Wiki) -> None:
    replica = wiki(PAGE, IMAGES)
    assert replica.files(range(-BATCH, BATCH)) == EVERYTHING
    assert replica.by_names([*map(str, range(BATCH)), "Cat_on_a_mat.jpg"]) == {CAT.name: CAT}


@pytest.mark.parametrize(
    ("tables", "files"),
    [((PAGE,), 6), ((PAGE, STATISTICS), 123456789012), ((PAGE, STATISTICS.split(";", maxsplit=1)[0]), 6)],
)
def test_how_many_files_there_are(wiki: Wiki, tables: tuple[str, ...], files: int) -> None:
    assert wiki(*tables).count() == files


def test_no_replica(empty_database: Database) -> None:
    told = "no replica of the wiki's database is known: set IMAGEHASH_COMMONS_URL"
    without_pages = "IMAGEHASH_COMMONS_URL, or where that is not set .* has no table 'page'"
    for replica, problem in ((Replica(None), told), (Replica(empty_database), without_pages)):
        with pytest.raises(NoReplicaError, match=problem):
            replica.files([1])
        with pytest.raises(NoReplicaError, match=problem):
            replica.by_names(["A.jpg"])
        with pytest.raises(NoReplicaError, match=problem):
            replica.count()


def test_a_replica_that_cannot_be_reached_may_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "late"
    replica = Replica(Database(f"sqlite:///{folder}/wiki.db"))
    with pytest.raises(SQLAlchemyError):
        replica.files([1])
    folder.mkdir()
    with Database(f"sqlite:///{folder}/wiki.db").write() as connection:
        connection.execute(text("CREATE TABLE page (page_id int, page_namespace int, page_title blob)"))
        connection.execute(text("INSERT INTO page VALUES (1, 6, 'A.jpg')"))
    assert replica.files([1]) == {1: bare(1, "A.jpg")}


def test_sha1_of_base_36() -> None:
    assert sha1_from_base36("2fotbq7t2bba3finaedsuqjgou790qh") == DIGEST
    assert sha1_from_base36("0" * 31) == "0" * 40
    assert sha1_from_base36("phoiac9h4m842xq45sp7s6u21eteeq1") == sha1(b"", usedforsecurity=False).hexdigest()
