"""``imagehash-index SOURCE``: hash pictures into the database."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from commons.arguments import whole
from commons.settings import Settings
from commons.workers import Workers, cores
from index.folder import Folder, Report
from index.status import status
from sql import schema
from sql.database import Database

INTERRUPTED = 130
"""Exit code of a run that the keyboard ended, as shells have it."""

_AHEAD = 8
"""Files on their way for each process, so that none waits for work."""

_EPILOG = """\
settings:
  IMAGEHASH_DATABASE_URL   where the hashes go, an SQLAlchemy URL such as
                           mysql+pymysql://user:password@host/database
                           (default: sqlite:///imagehash.db, a file in this folder)

exit codes:
  0    done; files that could not be hashed are listed, and do not change the code
  1    the run could not be done, for the reason printed
  2    the arguments are wrong
  130  interrupted; the next run goes on where this one stopped
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(message)s")
    try:
        database = Database(Settings.from_environment().database_url)
        try:
            schema.prepare(database)
            return int(options.run(database, options))
        finally:
            database.close()
    except KeyboardInterrupt:
        return _fail("interrupted; run the same command again to go on", INTERRUPTED)
    except SQLAlchemyError as error:
        return _fail(f"the database cannot be used: {_first_line(error)}")
    except (ValueError, OSError, schema.NewerSchemaError) as error:
        return _fail(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="imagehash-index",
        description="Hash pictures (pHash and dHash) into the database that imagehash-api searches.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sources = parser.add_subparsers(title="sources", metavar="SOURCE", required=True)
    folder = sources.add_parser(
        "folder",
        help="the JPEG, PNG, WebP, TIFF and GIF files below a folder",
        description="Hash the JPEG, PNG, WebP, TIFF and GIF files below a folder. Run it again whenever you "
        "like: only new and changed files are hashed, and files that are gone are marked as deleted.",
    )
    folder.add_argument("path", metavar="PATH", type=Path)
    folder.add_argument(
        "--jobs",
        metavar="N",
        type=whole(1),
        default=cores(),
        help="processes that hash (default: %(default)s)",
    )
    folder.set_defaults(run=_folder)
    sources.add_parser("status", help="how many files are hashed, and why others are not").set_defaults(
        run=_status
    )
    return parser


def _folder(database: Database, options: argparse.Namespace) -> int:
    folder = Folder(database, options.path)
    with Workers(options.jobs) as workers:
        report = folder.index(workers, ahead=_AHEAD * options.jobs)
    _print(_lines(report))
    return 0


def _status(database: Database, _options: argparse.Namespace) -> int:
    _print(status(database))
    return 0


def _lines(report: Report) -> list[str]:
    """The report for people."""
    counts = [
        (report.hashed, "hashed"),
        (report.unchanged, "unchanged"),
        (len(report.failures), "could not be hashed"),
        (report.failed_before, "could not be hashed before and have not changed"),
        (report.gone, "gone, marked as deleted"),
        (report.others, "passed over, not JPEG, PNG, WebP, TIFF or GIF by name"),
    ]
    lines = [f"{files:,} {what}" for files, what in counts if files or what == "hashed"]
    failures = [f"  {failure.title}: {failure.detail} ({failure.reason})" for failure in report.failures]
    if failures:
        lines += ["Could not be hashed:", *failures]
    if report.unreadable:
        lines += ["Could not be read; what was known there is kept:"]
        lines += [f"  {folder}: {reason}" for folder, reason in report.unreadable.items()]
    return lines


def _print(lines: Sequence[str]) -> None:
    encoding = sys.stdout.encoding
    for line in lines:
        shown = _printable(line).encode(encoding, "backslashreplace").decode(encoding)
        sys.stdout.write(f"{shown}\n")


def _printable(line: str) -> str:
    """A file's name can hold any bytes, line ends and a terminal's commands among them."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)


def _fail(message: str, code: int = 1) -> int:
    sys.stderr.write(f"imagehash-index: {message}\n")
    return code


def _first_line(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).split("\n", 1)[0]


if __name__ == "__main__":
    sys.exit(main())
