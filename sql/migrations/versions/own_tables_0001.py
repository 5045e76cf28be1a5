"""The tables of the old tool where the database is new, and the project's own."""

import sqlalchemy as sa
from alembic import op

from sql.columns import Name, Timestamp
from sql.tables import old

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create what is missing; a step that was cut short is taken up where it stopped."""
    for table in old.sorted_tables:
        _create(table)
    op.create_table(
        "tombstone",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("page_id", sa.Integer, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("title", Name(3000)),
        sa.Column("at", Timestamp, nullable=False, server_default=sa.func.current_timestamp()),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index("ix_tombstone_page_id", "tombstone", ["page_id"], if_not_exists=True)
    op.create_table(
        "provenance",
        sa.Column("page_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sha1", sa.String(40)),
        sa.Column("file_timestamp", Timestamp),
        sa.Column("input", sa.Enum("original", "thumbnail"), nullable=False),
        sa.Column("libraries", sa.String(100), nullable=False),
        sa.Column("state", sa.Enum("hashed", "failed"), nullable=False),
        sa.Column("reason", sa.String(40)),
        sa.Column("detail", Name(1000)),
        sa.Column("next_try", Timestamp),
        sa.Column("at", Timestamp, nullable=False, server_default=sa.func.current_timestamp()),
        if_not_exists=True,
    )
    op.create_table(
        "local_file",
        sa.Column("page_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("path", Name(3000), nullable=False, unique=True),
        sa.Column("title", Name(3000), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("mtime", sa.BigInteger, nullable=False),
        sa.Column("sha1", sa.String(40)),
        if_not_exists=True,
    )
    op.create_index("ix_local_file_title", "local_file", ["title"], if_not_exists=True)


def _create(table: sa.Table) -> None:
    """Create a table, or the indexes that it lacks; one with rows is the old tool's and left as it is."""
    database = op.get_bind()
    table.create(database, checkfirst=True)
    if database.execute(sa.select(table).limit(1)).first() is None:
        indexed = [index["column_names"] for index in sa.inspect(database).get_indexes(table.name)]
        for index in table.indexes:
            if index.columns.keys() not in indexed:
                index.create(database)
