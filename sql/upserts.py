"""Insert rows, or replace the values of those whose primary key is there already."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import mysql, sqlite


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, all with the same columns, each replacing the one with its primary key."""
    if not rows:
        return
    keys = list(table.primary_key.columns.keys())
    values = [name for name in rows[0] if name not in keys]
    if connection.dialect.name == "sqlite":
        lite = sqlite.insert(table)
        connection.execute(
            lite.on_conflict_do_update(
                index_elements=keys, set_={name: lite.excluded[name] for name in values}
            ),
            rows,
        )
    else:
        maria = mysql.insert(table)
        connection.execute(
            maria.on_duplicate_key_update({name: maria.inserted[name] for name in values}), rows
        )
