"""How far the database has come: positions of runs, files hashed and deleted, failures by reason."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from commons.progress import Progress
from index.stream import NO_SWEEP, SWEEP, moment_of
from sql import coverage, positions
from sql.coverage import Counts
from sql.database import Database
from sql.patience import patiently
from sql.replica import NoReplicaError, Replica

_PATIENCE = 300.0
"""Seconds for which a replica may count."""


def status(database: Database, commons_url: str | None) -> Iterator[str]:
    """What a person wants to know, a line each; the replica tells how many files the wiki has.

    Positions come at once. Files are counted while the rest is asked for, which takes minutes where there are
    millions.
    """
    with database.read() as connection:
        reached = positions.known(connection)
        known = coverage.extent(connection)
    if reached:
        yield from ("Positions:", *(f"  {_place(*position)}" for position in reached.items()))
    folders, wiki = range(known.start, min(known.stop, 0)), range(max(known.start, 0), known.stop)
    with Progress(len(folders) + len(wiki), "counting", "page ids") as progress:
        of_folders, of_wiki = (_counted(database, page_ids, progress) for page_ids in (folders, wiki))
    if folders:
        yield from (_summary(of_folders, "files of folders"), *_reasons(of_folders))
    if wiki or not folders:
        yield from (_summary(of_wiki, "files of the wiki"), _share(of_wiki, commons_url), *_reasons(of_wiki))


def _place(keyword: str, position: int) -> str:
    if keyword.startswith("stream") and not keyword.endswith(SWEEP):
        return f"{keyword}: {moment_of(position):%Y-%m-%d %H:%M:%S} UTC"
    return f"{keyword}: {'over' if position == NO_SWEEP else position}"


def _counted(database: Database, page_ids: range, progress: Progress) -> Counts:
    total = Counts()
    for start in range(0, len(page_ids), coverage.SLICE):
        part = page_ids[start : start + coverage.SLICE]
        total += patiently(partial(_counts, database, part))
        progress.advance(len(part))
    return total


def _counts(database: Database, page_ids: range) -> Counts:
    with database.read() as connection:
        return coverage.count(connection, page_ids)


def _summary(counts: Counts, what: str) -> str:
    failed = counts.failed.total()
    return (
        f"{counts.hashed:,} {what} hashed, {counts.deleted:,} of them deleted by now; "
        f"{failed:,} could not be hashed"
    )


def _reasons(counts: Counts) -> list[str]:
    return [f"  {reason}: {files:,}" for reason, files in sorted(counts.failed.items())]


def _share(counts: Counts, commons_url: str | None) -> str:
    """How much of the wiki is hashed."""
    try:
        files = _files(commons_url)
    except NoReplicaError as error:
        return f"  of how many is not known: {error}"
    except SQLAlchemyError:
        return "  of how many is not known: the replica does not answer"
    share = (counts.hashed - counts.deleted) / files if files else 1
    return f"  {share:.1%} of the {files:,} files that it has"


def _files(commons_url: str | None) -> int:
    if commons_url is None:
        return Replica(None).count()
    with closing(Database(commons_url, pool=1, patience=_PATIENCE)) as shown:
        return Replica(shown).count()
