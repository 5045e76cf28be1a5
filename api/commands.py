"""The commands of ``imagehash-api``: serve lookups, or answer one on the terminal."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from api import terminal
from api.errors import Refusal
from api.live import Live
from api.schema import schema
from api.service import PATIENCE, Service
from api.serving import serve
from api.snapshots import Busy, Snapshots
from bktree.protocol import BITS, Tolerance
from commons.arguments import whole
from commons.pictures import Unhashable
from commons.settings import Settings
from sql.database import Database
from sql.search import SqlEngine

NO_MATCH = 1
FAILED = 2
"""Exit codes; argparse uses 2 for wrong arguments too."""

_EPILOG = """\
settings:
  IMAGEHASH_DATABASE_URL   where the hashes are, an SQLAlchemy URL such as
                           mysql+pymysql://user:password@host/database
                           (default: sqlite:///imagehash.db, a file in this folder)
  IMAGEHASH_COMMONS_URL    the Commons replica, for titles and facts about files
                           (default: the SQLite file, if that is the database)
  IMAGEHASH_SNAPSHOT_DIR   where snapshots of the index are kept (default: ~/.cache/imagehash)
  IMAGEHASH_ENGINE         auto, multi-index, bktree, scan or sql (default: auto)

exit codes:
  0    done; search: there are matches
  1    search: there is none
  2    it could not be done, for the reason printed
  130  interrupted
"""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except Unhashable as error:
        return _fail(f"{options.picture}: {error}")
    except SQLAlchemyError as error:
        return _fail(f"the database cannot be used: {getattr(error, 'orig', None) or error}")
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except (Refusal, ValueError, MemoryError, Busy) as error:
        return _fail(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="imagehash-api",
        description="Find files on Wikimedia Commons, or in indexed folders, that look like a picture.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    serving = commands.add_parser("serve", help="answer over HTTP: GraphQL at /graphql, and the old URLs")
    serving.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serving.add_argument(
        "--port", type=whole(1, 65535), default=8000, help="port to listen on (default: %(default)s)"
    )
    serving.add_argument(
        "--workers",
        type=whole(1),
        default=1,
        metavar="N",
        help="processes that answer (default: %(default)s)",
    )
    serving.set_defaults(run=_serve)

    snapshot = commands.add_parser(
        "snapshot",
        help="write the snapshot that the service works from",
        description="Read all hashes from the database and write them down as the service searches them. "
        "A service that runs takes it in by itself. `serve` does this by itself, too, when it is due.",
    )
    snapshot.set_defaults(run=_snapshot)

    search = commands.add_parser(
        "search",
        help="find the files that look like a picture",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    search.add_argument("picture", metavar="PICTURE", type=Path)
    default, distance = Tolerance(), whole(0, BITS)
    search.add_argument(
        "--phash", type=distance, default=default.phash, metavar="N", help="most pHash bits that may differ"
    )
    search.add_argument(
        "--dhash", type=distance, default=default.dhash, metavar="N", help="most dHash bits that may differ"
    )
    search.add_argument(
        "--closest", type=distance, metavar="N", help="most bits that may differ in the closer of the two"
    )
    search.add_argument("--first", type=whole(0), default=20, metavar="N", help="how many to list")
    search.set_defaults(run=_search)

    export = commands.add_parser("export-schema", help="print the GraphQL schema")
    export.set_defaults(run=_export_schema)
    return parser


def _serve(options: argparse.Namespace) -> int:
    # Wrong settings are told here, once, rather than by every worker.
    settings = Settings.from_environment()
    try:
        serve(settings, host=options.host, port=options.port, workers=options.workers)
    except SystemExit as stopped:
        # Uvicorn has said why, and has exit codes of its own.
        return FAILED if stopped.code else 0
    return 0


def _snapshot(_options: argparse.Namespace) -> int:
    settings = Settings.from_environment()
    if settings.engine == SqlEngine.name:
        return _fail("IMAGEHASH_ENGINE is sql, and the database searches without a snapshot")
    database = Database(settings.database_url, pool=2, patience=PATIENCE)
    try:
        _require_index(database)
        terminal.snapshot(Snapshots(settings.snapshot_dir, database), settings.engine)
    except OSError as error:
        told = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return _fail(f"{told}; make room, or have another folder in IMAGEHASH_SNAPSHOT_DIR")
    finally:
        database.close()
    return 0


def _search(options: argparse.Namespace) -> int:
    # One question is answered sooner by the database than by loading all of it.
    service = Service(replace(Settings.from_environment(), engine=SqlEngine.name))
    tolerance = Tolerance(options.phash, options.dhash, options.closest)
    try:
        _require_index(service.database)
        service.live = Live(service.database, None, patient=True)
        service.live.poll()
        found = terminal.search(service, options.picture, tolerance, options.first)
    finally:
        service.close()
    return 0 if found else NO_MATCH


def _require_index(database: Database) -> None:
    """Raise ValueError where nothing was ever indexed, before a new SQLite file is made."""
    file = Path((database.url.database or "").removeprefix("file:"))
    missing = database.embedded and not file.exists()
    if missing or not database.tables() >= {"phash", "dhash"}:
        raise ValueError(f"nothing is indexed in {database.url!r} yet: run imagehash-index folder PATH there")


def _export_schema(_options: argparse.Namespace) -> int:
    sys.stdout.write(schema.as_str() + "\n")
    return 0


def _fail(message: str) -> int:
    sys.stderr.write(f"imagehash-api: {message}\n")
    return FAILED
