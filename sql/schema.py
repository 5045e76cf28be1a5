"""Brings a database's tables to the form that the programs expect, whoever comes first."""

import logging

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import OperationalError

from sql.database import Database

_VERSION_TABLE = "imagehash_schema"

_DENIED = {1044, 1142, 1227, 1290, 1410, 1836}
"""MariaDB's error numbers for a right that the user lacks, or a server that is read-only."""

logger = logging.getLogger(__name__)


class NewerSchemaError(Exception):
    """The database was migrated by a newer version of the programs."""


def prepare(database: Database) -> bool:
    """Create and migrate the project's own tables, and the old tool's where there are none.

    Safe to call from many processes at once. Returns False, with a warning in the log, where the
    user of the database may not create tables: what is there can be read all the same. Raises
    NewerSchemaError where the database is ahead of this program.
    """
    config = Config()
    config.set_main_option("script_location", "sql:migrations")
    config.attributes["version_table"] = _VERSION_TABLE
    try:
        with database.lock("schema"), database.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise NewerSchemaError(
            f"the tables of {database.url!r} were made by a newer version of this program: install that one"
        ) from error
    except OperationalError as error:
        if not _denied(error):
            raise
        logger.warning("no right to create tables in %r: deletions and failures are not known", database.url)
        return False
    return True


def _denied(error: OperationalError) -> bool:
    arguments = error.orig.args if error.orig else ()
    return any(argument in _DENIED or "readonly database" in str(argument) for argument in arguments)
