"""``imagehash-index SOURCE``: hash pictures into the database."""

import argparse
import logging
import sys
from collections.abc import Iterable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from commons.mediawiki import NoAnswerError, RefusedError
from commons.settings import Settings
from commons.workers import Workers
from index import reports
from index.arguments import parser
from index.crawl import Crawl
from index.folder import Folder
from index.ledger import Ledger, RefusedRunError
from index.plan import Plan
from index.status import status
from index.wiki import Wiki
from sql import schema
from sql.database import Database
from sql.replica import NoReplicaError

INTERRUPTED = 130
"""Exit code of a run that the keyboard ended, as shells have it."""

_AHEAD = 8
"""Files on their way for each process, so that none waits for work."""

_PATIENCE = 60.0
"""Seconds after which a database that says nothing counts as gone."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = parser().parse_args(arguments)
    logging.basicConfig(format="%(message)s")
    try:
        settings = Settings.from_environment()
        database = Database(settings.database_url, pool=3, patience=_PATIENCE)
        try:
            schema.prepare(database)
            _run(database, settings, options)
        finally:
            database.close()
    except KeyboardInterrupt:
        return _fail("interrupted; run the same command again to go on", INTERRUPTED)
    except SQLAlchemyError as error:
        return _fail(f"the database cannot be used: {_first_line(error)}")
    except (NoAnswerError, RefusedError, RefusedRunError) as error:
        return _fail(f"{error}. Run the same command again to go on")
    except (ValueError, OSError, schema.NewerSchemaError, NoReplicaError) as error:
        return _fail(str(error))
    return 0


def _run(database: Database, settings: Settings, options: argparse.Namespace) -> None:
    if options.source == "status":
        _print(status(database, settings.commons_url))
    elif options.source == "folder":
        _print(_folder(database, options))
    else:
        _crawl(database, settings, options)


def _folder(database: Database, options: argparse.Namespace) -> list[str]:
    folder = Folder(database, options.path)
    with Workers(options.jobs) as workers:
        return reports.of_folder(folder.index(workers, ahead=_AHEAD * options.jobs))


def _plan(options: argparse.Namespace) -> Plan:
    return Plan(
        source=options.source,
        jobs=options.jobs,
        domain=getattr(options, "domain", None),
        shard=options.shard,
        since=options.since,
        limit=options.limit,
        dask=options.dask,
        events=getattr(options, "events", None),
        thumbnails=options.input == "thumbnail",
    )


def _crawl(database: Database, settings: Settings, options: argparse.Namespace) -> None:
    plan = _plan(options)
    ledger = Ledger(database, limit=plan.limit)
    with Wiki(database, settings, plan) as wiki:
        crawl = Crawl(wiki, ledger, plan)
        if options.dry_run:
            _print(crawl.tell())
            return
        try:
            crawl.run(settings.downloads)
        finally:
            _print(reports.of_crawl(ledger))


def _print(lines: Iterable[str]) -> None:
    encoding = sys.stdout.encoding
    for line in lines:
        shown = _printable(line).encode(encoding, "backslashreplace").decode(encoding)
        sys.stdout.write(f"{shown}\n")
        sys.stdout.flush()


def _printable(line: str) -> str:
    """A file's name can hold any bytes, line ends and a terminal's commands among them."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)


def _fail(message: str, code: int = 1) -> int:
    sys.stderr.write(f"imagehash-index: {message}\n")
    return code


def _first_line(error: SQLAlchemyError) -> str:
    line = str(getattr(error, "orig", None) or error).split("\n", 1)[0]
    # MariaDB says so of a table, whatever it is that has no room.
    hint = ". Make room on the disk that it is on, and run the same command again to go on"
    return line + hint if "is full" in line else line


if __name__ == "__main__":
    sys.exit(main())
