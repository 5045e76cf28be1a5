"""How far each run has come: the table ``status``, a row for each keyword."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from sql.tables import status
from sql.upserts import upsert


def known(connection: Connection) -> dict[str, int]:
    """All positions that there are, by keyword."""
    query = select(status).where(status.c.last_processed_page_id.is_not(None)).order_by(status.c.keyword)
    return dict(connection.execute(query).all())


def save(connection: Connection, positions: Mapping[str, int]) -> None:
    """Write positions, each in the place of its keyword's last one."""
    rows = [
        {"keyword": keyword, "last_processed_page_id": position} for keyword, position in positions.items()
    ]
    upsert(connection, status, rows)
