from sqlalchemy import insert

from sql import positions
from sql.database import Database
from sql.tables import status


def known(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return positions.known(connection)


def save(database: Database, given: dict[str, int]) -> None:
    with database.write() as connection:
        positions.save(connection, given)


def test_positions(database: Database) -> None:
    assert known(database) == {}
    save(database, {})
    save(database, {"page": 5, "externallinks --domain fi.finna": 1 << 40})
    save(database, {"page": 3, "recentchanges": 0})
    assert list(known(database).items()) == [
        ("externallinks --domain fi.finna", 1 << 40),
        ("page", 3),
        ("recentchanges", 0),
    ]


def test_rows_of_the_old_tool(database: Database) -> None:
    with database.write() as connection:
        connection.execute(insert(status).values(keyword="empty"))
        connection.execute(insert(status).values(keyword="fi.finna", last_processed_page_id=7))
    save(database, {"page": 1})
    assert known(database) == {"fi.finna": 7, "page": 1}
