import multiprocessing
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, event, func, inspect, select, text
from sqlalchemy.exc import OperationalError

from sql import loading, pairs, schema
from sql.database import Database
from sql.tables import dhash, old, own, phash
from tests import mariadb

OLD_TOOL = (
    """CREATE TABLE phash (
        id int(11) NOT NULL AUTO_INCREMENT,
        commons int(11) DEFAULT NULL,
        hash bigint(20) unsigned DEFAULT NULL,
        width int(11) DEFAULT NULL,
        height int(11) DEFAULT NULL,
        created timestamp NOT NULL DEFAULT current_timestamp(),
        thumb_width int(11) DEFAULT NULL,
        thumb_type enum('default','lossy-page1','lossy-page2','lossless-page1') DEFAULT NULL,
        PRIMARY KEY (id), KEY commons (commons), KEY hash (hash)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4""",
    """CREATE TABLE dhash (
        id int(11) NOT NULL AUTO_INCREMENT,
        commons int(11) DEFAULT NULL,
        hash bigint(20) unsigned DEFAULT NULL,
        width int(11) DEFAULT NULL,
        height int(11) DEFAULT NULL,
        created timestamp NOT NULL DEFAULT current_timestamp(),
        thumb_width int(11) DEFAULT NULL,
        thumb_type enum('default','lossy-page1','lossy-page2','lossless-page1','error') DEFAULT NULL,
        PRIMARY KEY (id), KEY commons (commons), KEY hash (hash)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4""",
    """CREATE TABLE status (
        keyword varchar(255) NOT NULL,
        last_processed_page_id bigint(20) DEFAULT NULL,
        PRIMARY KEY (keyword)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4""",
    """INSERT INTO phash (commons, hash, width, height, thumb_width, thumb_type) VALUES
        (10, 9223372036854775808, 4000, 3000, 1024, 'default'),
        (10, 18446744073709551615, 4000, 3000, NULL, NULL),
        (11, 1, NULL, NULL, NULL, 'lossy-page1'),
        (12, NULL, 10, 10, NULL, NULL),
        (13, 5, 10, 10, NULL, NULL),
        (NULL, 7, NULL, NULL, NULL, NULL)""",
    """INSERT INTO dhash (commons, hash, width, height, thumb_width, thumb_type) VALUES
        (10, 3, 4000, 3000, 1024, 'default'),
        (11, 9223372036854775809, NULL, NULL, NULL, 'lossy-page1'),
        (12, 2, 10, 10, NULL, NULL),
        (13, 0, 10, 10, NULL, 'error'),
        (NULL, NULL, NULL, NULL, NULL, 'error')""",
    "INSERT INTO status VALUES ('externallinks', 123456789012), ('never', NULL)",
)


@pytest.fixture
def old_tool(mariadb_url: str) -> Iterator[Database]:
    """The old tool's database, as it is taken over."""
    database = Database(mariadb_url)
    with database.write() as connection:
        for statement in OLD_TOOL:
            connection.execute(text(statement))
    yield database
    database.close()


def picture(database: Database) -> dict[str, Any]:
    """The old tool's tables, how they were made and all that they hold."""
    with database.read() as connection:
        return {
            table: (
                connection.execute(text(f"SHOW CREATE TABLE {table}")).one(),
                connection.execute(text(f"SELECT * FROM {table}")).all(),
            )
            for table in ("phash", "dhash", "status")
        }


def differences(database: Database) -> list[Any]:
    """What the tables have otherwise than sql.tables says."""
    tables = MetaData()
    for table in (*old.sorted_tables, *own.sorted_tables):
        table.to_metadata(tables)
    with database.read() as connection:
        options = {"version_table": "imagehash_schema", "compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), tables))


def test_new_tables_are_those_of_the_metadata(empty_database: Database) -> None:
    assert schema.prepare(empty_database)
    assert {*old.tables, *own.tables, "imagehash_schema"} == empty_database.tables()
    assert differences(empty_database) == []


def test_preparing_again_changes_nothing(database: Database) -> None:
    assert schema.prepare(database)
    assert differences(database) == []


def test_an_existing_database_is_taken_over_as_it_is(old_tool: Database) -> None:
    before = picture(old_tool)
    assert schema.prepare(old_tool)
    assert schema.prepare(old_tool)
    assert before == picture(old_tool)
    assert own.tables.keys() < old_tool.tables()
    loaded = loading.load(old_tool).pairs
    assert (loaded.page_id.tolist(), loaded.phash.tolist(), loaded.dhash.tolist()) == (
        [10, 11],
        [(1 << 64) - 1, 1],
        [3, (1 << 63) + 1],
    )


def test_the_old_tool_s_tables_are_those_of_the_metadata(old_tool: Database) -> None:
    schema.prepare(old_tool)
    # Its keys go by other names, which is all.
    assert {difference[0] for difference in differences(old_tool)} == {"add_index"}
    with old_tool.read() as connection:
        for table in (phash, dhash):
            indexes = inspect(connection).get_indexes(table.name)
            assert sorted(index["column_names"] for index in indexes) == [["commons"], ["hash"]]


def prepare(url: str) -> bool:
    database = Database(url)
    try:
        return schema.prepare(database)
    finally:
        database.close()


def test_four_processes_prepare_at_once(database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as processes:
        assert processes.map(prepare, [database_url] * 8, chunksize=1) == [True] * 8
    database = Database(database_url)
    assert differences(database) == []
    database.close()


def test_a_step_cut_short_is_taken_up_again(database_url: str) -> None:
    statements = 0
    while not _prepare_in_part(database_url, statements):
        statements += 1
    assert statements >= len(own.tables)
    database = Database(database_url)
    assert differences(database) == []
    database.close()


def _prepare_in_part(url: str, statements: int) -> bool:
    """Let a number of statements that create something pass, then fail; whether that was all."""
    database = Database(url)
    left = iter(range(statements))

    def pass_or_fail(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if re.match(r"\s*CREATE", statement) and next(left, None) is None:
            raise ZeroDivisionError

    event.listen(database._engine, "before_cursor_execute", pass_or_fail)
    try:
        return schema.prepare(database)
    except ZeroDivisionError:
        return False
    finally:
        database.close()


def test_a_user_who_may_only_read(
    mariadb_server: mariadb.Server, old_tool: Database, caplog: pytest.LogCaptureFixture
) -> None:
    name = old_tool.url.database
    mariadb_server.execute(
        "CREATE OR REPLACE USER reader@'%' IDENTIFIED BY 'secret'", f"GRANT SELECT ON {name}.* TO reader@'%'"
    )
    database = Database(mariadb_server.url(str(name), user="reader", password="secret"))
    assert not schema.prepare(database)
    assert "no right to create tables" in caplog.text
    assert "secret" not in caplog.text
    with database.read() as connection:
        assert pairs.of_pages(connection, [10, 12])[10].phash == (1 << 64) - 1
    caplog.clear()
    schema.prepare(old_tool)
    assert schema.prepare(database)
    assert caplog.text == ""
    database.close()


def test_an_sqlite_file_that_is_only_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "x.db"
    Database(f"sqlite:///{path}").tables()
    database = Database(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert not schema.prepare(database)
    assert "no right to create tables" in caplog.text
    database.close()


def test_a_newer_database_is_refused(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE imagehash_schema SET version_num = '9999'"))
    with pytest.raises(schema.NewerSchemaError, match="newer version of this program"):
        schema.prepare(database)
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(phash)).scalar() == 0


def test_trouble_is_not_taken_for_a_missing_right(tmp_path: Path) -> None:
    with pytest.raises(OperationalError):
        schema.prepare(Database(f"sqlite:///{tmp_path}/nowhere/x.db"))
