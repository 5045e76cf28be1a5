"""The command line of ``imagehash-index``."""

import argparse
import re
from datetime import UTC, datetime
from pathlib import Path

from commons.arguments import web_address, whole
from commons.workers import cores
from sql.hosts import plain
from sql.pages import ALL, Shard

_EPILOG = """\
settings:
  IMAGEHASH_DATABASE_URL   where the hashes go, an SQLAlchemy URL such as
                           mysql+pymysql://user:password@host/database
                           (default: sqlite:///imagehash.db, a file in this folder)
  IMAGEHASH_COMMONS_URL    the replica of the wiki's database, in which files are found
  IMAGEHASH_USER_AGENT     who you are, for the wiki's servers: an e-mail or a web address
  IMAGEHASH_WIKI_API       the wiki's api.php (default: that of Wikimedia Commons)
  IMAGEHASH_DOWNLOADS      files to download at once (default: 2, on Toolforge 8)
  `folder` and `status` need the first alone. On Toolforge its credentials are enough.

exit codes:
  0    done; files that could not be hashed are listed, and do not change the code
  1    the run could not be done, for the reason printed
  2    the arguments are wrong
  130  interrupted; the next run goes on where this one stopped
"""

_LONGEST_DOMAIN = 200
"""Letters: positions are kept under what was asked for, which can be no longer than 255."""

_WIKI = (
    "Files are hashed that are new or changed since they were hashed, or whose next try is due after a "
    "failure. Run it again whenever you like: it goes on where the last run with the same arguments stopped, "
    "however that ended."
)


def parser() -> argparse.ArgumentParser:
    """A parser whose result has ``source``, and the arguments of that."""
    arguments = argparse.ArgumentParser(
        prog="imagehash-index",
        description="Hash pictures (pHash and dHash) into the database that imagehash-api searches.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sources = arguments.add_subparsers(title="sources", metavar="SOURCE", dest="source", required=True)
    _add_folder(sources)
    page = _add_wiki(sources, "page", "all files of the wiki, in page order; also marks those that are gone")
    page.add_argument("--since", metavar="PAGE", type=whole(0), help="start after this page id; 0 for all")
    changes = _add_wiki(sources, "recentchanges", "files that were uploaded, or got a new version, lately")
    changes.add_argument(
        "--since", metavar="TIME", type=moment, help="start there: 2026-11-24, or with T12:30"
    )
    links = _add_wiki(sources, "externallinks", "files whose pages link to a domain or one below it")
    links.add_argument(
        "--domain",
        required=True,
        type=domain,
        help="the domain: finna.fi or, as the wiki's link table has it, fi.finna",
    )
    links.add_argument("--since", metavar="PAGE", type=whole(0), help="start after this page id; 0 for all")
    stream = _add_wiki(sources, "stream", "what happens to files, as it happens; does not end by itself")
    stream.add_argument(
        "--since", metavar="TIME", type=moment, help="start there: a day and time of the last seven days"
    )
    stream.add_argument(
        "--events",
        metavar="URL",
        type=web_address,
        help="where another wiki than Wikimedia's tells of its changes",
    )
    sources.add_parser("status", help="how far runs have come, how many files are hashed, why others are not")
    return arguments


_Subparsers = argparse._SubParsersAction


def _add_folder(sources: "_Subparsers[argparse.ArgumentParser]") -> None:
    folder = sources.add_parser(
        "folder",
        help="the JPEG, PNG, WebP, TIFF and GIF files below a folder",
        description="Hash the JPEG, PNG, WebP, TIFF and GIF files below a folder. Run it again whenever you "
        "like: only new and changed files are hashed, and files that are gone are marked as deleted.",
    )
    folder.add_argument("path", metavar="PATH", type=Path)
    _add_jobs(folder)


def _add_wiki(
    sources: "_Subparsers[argparse.ArgumentParser]", name: str, what: str
) -> argparse.ArgumentParser:
    wiki = sources.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}. {_WIKI}")
    hashing = wiki.add_mutually_exclusive_group()
    _add_jobs(hashing)
    hashing.add_argument("--dask", metavar="ADDRESS", help="hash on a Dask cluster: tcp://scheduler:8786")
    wiki.add_argument(
        "--shard", metavar="I/N", type=shard, default=ALL, help="only part I of N, for runs side by side"
    )
    wiki.add_argument("--limit", metavar="N", type=whole(1), help="stop after so many files to hash")
    wiki.add_argument("--dry-run", action="store_true", help="only say what would be done")
    wiki.add_argument(
        "--input",
        choices=("original", "thumbnail"),
        default="original",
        help="hash the 960-pixel thumbnail of whatever is larger instead: less traffic, but other hashes, "
        "so only for a new database (default: %(default)s)",
    )
    return wiki


def _add_jobs(arguments: argparse._ActionsContainer) -> None:
    arguments.add_argument(
        "--jobs",
        metavar="N",
        type=whole(1),
        default=cores(),
        help="processes that hash (default: %(default)s)",
    )


def shard(text: str) -> Shard:
    """Read ``I/N``."""
    named = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    number, parts = map(int, named.groups()) if named else (0, 0)
    if not 1 <= number <= parts:
        raise argparse.ArgumentTypeError(f"{text!r} is no part of anything: the second of four parts is 2/4")
    return Shard(number, parts)


def domain(text: str) -> str:
    """Read a domain, whose parts may be reversed."""
    try:
        host = plain(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if len(host) > _LONGEST_DOMAIN:
        raise argparse.ArgumentTypeError(f"the domain has more than {_LONGEST_DOMAIN} letters")
    return host


def moment(text: str) -> datetime:
    """Read a date, or date and time, in UTC unless it says otherwise."""
    try:
        told = datetime.fromisoformat(text)
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time such as 2026-11-24 or 2026-11-24T12:30"
        ) from None
