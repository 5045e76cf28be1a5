"""The replica's views have the form of Toolforge's, and their limits."""

from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from sql.database import Database
from sql.replica import File, Replica
from tests import mariadb
from tests.wiki import replica as views
from tests.wiki.conftest import Rows
from tests.wiki.wiki import Wiki

VERSIONS = """
    SELECT fr_sha1, fr_archive_name, fr_size, fr_deleted, fr_id = file_latest
    FROM file JOIN filerevision ON fr_file = file_id WHERE file_name = :name ORDER BY fr_id
"""
OLDER_FORM = """
    SELECT oi_sha1, oi_archive_name, oi_size, oi_deleted, 0 FROM oldimage WHERE oi_name = :name
    UNION ALL SELECT img_sha1, '', img_size, 0, 1 FROM image WHERE img_name = :name
"""
CONNECTED = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'replica'"
FILE = "SELECT file_id, file_latest = 0, file_deleted FROM file WHERE file_name = :name"
LINKS = """
    SELECT el_to_domain_index, el_to_path FROM externallinks JOIN page ON page_id = el_from
    WHERE page_title = :name ORDER BY el_to_path
"""


def test_both_forms_tell_the_same(wiki: Wiki, replica: Database, one_form: Database, photos: Path) -> None:
    name = f"Told_by_{len(one_form.tables())}.jpg"
    wiki.upload({name: photos / "commons100" / "puffin.jpg"})
    wiki.replace({name: photos / "commons100" / "mural.jpg"})

    def told(database: Database) -> File:
        return Replica(database).by_names([name])[name]

    assert told(replica) == told(one_form)
    assert told(one_form).mime == "image/jpeg"
    assert Replica(replica).count() == Replica(one_form).count()


def test_both_forms_have_all_versions(wiki: Wiki, rows: Rows, photos: Path) -> None:
    ids = "SELECT fr_id FROM filerevision JOIN file ON file_id = fr_file WHERE file_name = 'Versions.jpg'"
    wiki.upload({"Versions.jpg": photos / "commons100" / "puffin.jpg"})
    before = rows(ids)
    wiki.replace({"Versions.jpg": photos / "commons100" / "mural.jpg"})
    versions = rows(VERSIONS, name="Versions.jpg")
    assert len(versions) == 2
    assert versions == rows(OLDER_FORM, name="Versions.jpg")
    assert rows(f"{ids} AND fr_archive_name <> ''") == before


def test_a_file_keeps_its_id_wherever_it_goes(wiki: Wiki, rows: Rows, photos: Path) -> None:
    wiki.upload({"Kept.jpg": photos / "commons100" / "puffin.jpg"})
    ((file_id, _, _),) = rows(FILE, name="Kept.jpg")
    assert rows("SELECT page_id FROM page WHERE page_id = :id", id=file_id) == []
    before = rows("SELECT fr_id FROM filerevision WHERE fr_file = :id", id=file_id)
    wiki.move("Kept.jpg", "Kept_here.jpg")
    assert rows(FILE, name="Kept_here.jpg") == [(file_id, 0, 0)]
    assert rows("SELECT fr_id FROM filerevision WHERE fr_file = :id", id=file_id) == before
    wiki.delete("Kept_here.jpg")
    assert rows(FILE, name="Kept_here.jpg") == [(file_id, 1, 1)]
    assert rows(VERSIONS, name="Kept_here.jpg") == []
    wiki.restore("Kept_here.jpg")
    assert rows(FILE, name="Kept_here.jpg") == [(file_id, 0, 0)]


def test_links_are_in_two_parts(wiki: Wiki, rows: Rows, photos: Path) -> None:
    text = "https://fi.finna.fi/Record/a?b=c#d http://www.example.org:8080 mailto:me@example.org"
    wiki.upload({"Linked.jpg": photos / "commons100" / "puffin.jpg"}, text=text)
    assert rows(LINKS, name="Linked.jpg") == [
        ("http://org.example.www.:8080", "/"),
        ("https://fi.finna.fi.", "/Record/a?b=c#d"),
        ("mailto:org.example.", "@me"),
    ]


def test_the_log_hides_what_is_suppressed(mariadb_server: mariadb.Server, wiki: Wiki, rows: Rows) -> None:
    hidden = "SELECT log_id, log_action, log_title FROM {0} WHERE log_id >= 900000 ORDER BY log_id"
    mariadb_server.execute(
        f"""INSERT INTO {wiki.database}.logging
            (log_id, log_type, log_action, log_title, log_actor, log_comment_id, log_params, log_deleted)
            VALUES (900001, 'suppress', 'delete', 'A', 1, 1, '', 0),
            (900002, 'delete', 'delete', 'B', 1, 1, '', 1), (900003, 'delete', 'delete', 'C', 1, 1, '', 0)""",
        "COMMIT",
    )
    assert rows(hidden.format("logging")) == [(900002, None, None), (900003, "delete", "C")]
    assert rows(hidden.format("logging_logindex")) == [(900003, "delete", "C")]
    mariadb_server.execute(f"DELETE FROM {wiki.database}.logging WHERE log_id >= 900000", "COMMIT")


def test_the_account_may_only_look_at_views(wiki: Wiki, replica: Database) -> None:
    for statement in (
        "DELETE FROM page",
        f"SELECT 1 FROM {wiki.database}.page",
        "CREATE TABLE mine (id int)",
    ):
        with replica.read() as connection, pytest.raises(OperationalError, match="denied"):
            connection.exec_driver_sql(statement)


def connect(database: Database, times: int, stack: ExitStack) -> None:
    for _ in range(times):
        stack.enter_context(database.read())


def test_the_account_has_ten_connections(mariadb_server: mariadb.Server, wiki: Wiki) -> None:
    database, server = (
        Database(wiki.replica, pool=views.CONNECTIONS + 1),
        Database(mariadb_server.url("mysql")),
    )
    with closing(database), closing(server), ExitStack() as stack:
        # A service of other tests may have some of them.
        with pytest.raises(OperationalError, match="max_user_connections"):
            connect(database, views.CONNECTIONS + 1, stack)
        with server.read() as connection:
            assert connection.exec_driver_sql(CONNECTED).scalar_one() == views.CONNECTIONS
