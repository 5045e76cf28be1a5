"""Runs the steps over the connection that :mod:`sql.schema` hands in."""

from alembic import context

from sql.tables import own

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=own,
    version_table=context.config.attributes["version_table"],
)
context.run_migrations()
