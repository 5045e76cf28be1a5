"""How far the database has come: positions of runs, files hashed and deleted, failures by reason."""

from contextlib import closing

from sqlalchemy.exc import SQLAlchemyError

from index.stream import NO_SWEEP, SWEEP, moment_of
from sql import positions, results
from sql.database import Database
from sql.replica import NoReplicaError, Replica
from sql.search import SqlEngine

_PATIENCE = 300.0
"""Seconds for which a replica may count."""


def status(database: Database, commons_url: str | None) -> list[str]:
    """What a person wants to know, a line each; the replica tells how many files there are at all."""
    hashed = len(SqlEngine(database))
    with database.read() as connection:
        deleted = len(results.buried(connection))
        reasons = results.reasons(connection)
        reached = positions.known(connection)
    lines = [
        f"{hashed:,} files hashed{_share(hashed - deleted, commons_url)}, {deleted:,} files deleted, "
        f"{sum(reasons.values()):,} could not be hashed"
    ]
    lines += [f"  {reason}: {files:,}" for reason, files in sorted(reasons.items())]
    if reached:
        lines += ["Positions:", *(f"  {_place(*position)}" for position in reached.items())]
    return lines


def _place(keyword: str, position: int) -> str:
    if keyword.startswith("stream") and not keyword.endswith(SWEEP):
        return f"{keyword}: {moment_of(position):%Y-%m-%d %H:%M:%S} UTC"
    return f"{keyword}: {'over' if position == NO_SWEEP else position}"


def _share(hashed: int, commons_url: str | None) -> str:
    """How much of the wiki that is, where there is one and it answers."""
    if commons_url is None:
        return ""
    with closing(Database(commons_url, pool=1, patience=_PATIENCE)) as shown:
        try:
            files = Replica(shown).count()
        except NoReplicaError:
            return ""
        except SQLAlchemyError:
            return " (the replica does not answer, so of how many is not known)"
    return f" of {files:,} ({hashed / files:.1%})" if files else ""
