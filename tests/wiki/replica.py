"""A database of views that show a wiki's tables as Toolforge's replicas show those of Commons.

What they show and what they hide: https://wikitech.wikimedia.org/wiki/Help:Wiki_Replicas.
"""

import re
from collections.abc import Collection
from pathlib import Path

from tests import mariadb

IMAGE_TABLES = frozenset({"image", "oldimage"})
"""Where a replica has files until 2026."""

FILE_TABLES = frozenset({"file", "filerevision", "filetypes"})
"""Where a replica has files from 2026 on."""

ACCOUNT = ("replica", "replica")
"""User and password of whoever may read the views, and nothing else."""

CONNECTIONS = 10
"""That the account may have at once, as on Toolforge."""

_VIEWS = Path(__file__).with_suffix(".sql")
_VIEW = re.compile(r"CREATE VIEW {replica}\.(\w+)")


def create(server: mariadb.Server, wiki: str, database: str, *, without: Collection[str] = ()) -> str:
    """Make a database with the views of a wiki's tables, some left out; returns its URL for the account."""
    user, password = ACCOUNT
    limit = f"MAX_USER_CONNECTIONS {CONNECTIONS}"
    server.execute(
        f"CREATE DATABASE {database}",
        *(statement.format(wiki=wiki, replica=database) for statement in _statements(without)),
        f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}' WITH {limit}",
        f"GRANT SELECT, SHOW VIEW ON {database}.* TO {user}",
    )
    return server.url(database, user=user, password=password)


def _statements(without: Collection[str]) -> list[str]:
    statements = _VIEWS.read_text().rstrip().removesuffix(";").split(";\n")
    views = [(_VIEW.search(statement), statement) for statement in statements]
    return [statement for view, statement in views if not (view and view[1] in without)]
