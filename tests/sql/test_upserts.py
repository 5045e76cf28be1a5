from sqlalchemy import select

from sql.database import Database
from sql.tables import status
from sql.upserts import upsert


def test_rows_are_written_or_replaced(database: Database) -> None:
    with database.write() as connection:
        upsert(connection, status, [])
        upsert(connection, status, [{"keyword": "a", "last_processed_page_id": 1}])
        upsert(
            connection,
            status,
            [
                {"keyword": "a", "last_processed_page_id": 2},
                {"keyword": "b", "last_processed_page_id": None},
                {"keyword": "b", "last_processed_page_id": 3},
            ],
        )
        assert connection.execute(select(status).order_by(status.c.keyword)).all() == [("a", 2), ("b", 3)]
