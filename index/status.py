"""How far the database has come: files hashed, deleted, and failed by reason."""

from sql import results
from sql.database import Database
from sql.search import SqlEngine


def status(database: Database) -> list[str]:
    """What a person wants to know, a line each."""
    hashed = len(SqlEngine(database))
    with database.read() as connection:
        deleted = len(results.buried(connection))
        reasons = results.reasons(connection)
    lines = [
        f"{hashed:,} files hashed, {deleted:,} files deleted, {sum(reasons.values()):,} could not be hashed"
    ]
    return lines + [f"  {reason}: {files:,}" for reason, files in sorted(reasons.items())]
