"""How many requests the service answers over HTTP, on one core, over MariaDB.

GraphQL beside the same queries, by the same stack, whose answers are known beforehand; the old tool's
``/pagesearch`` beside a route in the same process that does what the old tool did; many pictures at once; and
searches beside slow ones. All that is compared is checked to be answered alike first.

Writes tables (report.md) into the output folder, and into pages that have a place for this size.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import hashes, pages
from benchmarks.__main__ import whole
from benchmarks.agreement import DisagreementError
from benchmarks.machine import Watch, machine
from benchmarks.run import Report, reporter
from benchmarks.serving import agreement, data, run, table
from benchmarks.serving.load import LoadError
from benchmarks.table import size
from tests import mariadb

PACKAGES = ("strawberry-graphql", "graphql-core", "starlette", "uvicorn", "sqlalchemy", "pymysql")

MEMORY = 2 << 30
"""The database's buffer pool: room for all of it."""

CHECKED = 200
"""Answers of each kind that are compared."""

_CACHE = Path("build/benchmarks/cache")


def arguments() -> argparse.ArgumentParser:
    """What the program understands."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.serving",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("-n", "--files", type=whole, default=1_000_000, help="how many files (default 1e6)")
    add("--seconds", type=float, default=20, help="for each kind of requests (default 20)")
    add("--cache", type=Path, default=_CACHE, help="folder for the files made, 24 bytes each")
    add("--out", type=Path, help="folder for the tables (default build/benchmarks/api-SIZE, such as api-1M)")
    add("--page", type=Path, action="append", default=[], help="page whose parts are to be filled in")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 if requests fail, or are not answered alike."""
    options = arguments().parse_args(argv)
    report, watch = reporter(time.monotonic()), Watch()
    try:
        with tempfile.TemporaryDirectory(prefix="imagehash-bench-") as folder:
            results, compared = measure(Path(folder), options, report)
    except (LoadError, DisagreementError) as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        return 1
    parts = table.parts(results, options.files, compared, machine(PACKAGES), watch)
    out = options.out or Path("build/benchmarks") / f"api-{size(options.files)}"
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.md").write_text("\n\n".join(parts.values()) + "\n")
    for page in options.page:
        filled = pages.fill(page, size(options.files), parts)
        report(f"filled in {', '.join(filled) or 'nothing'} of {page}")
    sys.stdout.write(parts["api targets"] + "\n")
    return 0


def measure(folder: Path, options: argparse.Namespace, report: Report) -> tuple[dict[str, run.Served], int]:
    """Set everything up in a folder, and measure; also gives back how many answers were compared.

    Raises LoadError and DisagreementError.
    """
    database, api = folder / "mariadb", folder / "api"
    for place in (database, api):
        place.mkdir()
    report(f"making {options.files:,} files, or taking them from {options.cache}")
    sample = hashes.load(options.files, cache=options.cache)
    requests = data.requests(sample)
    for kind, lines in requests.items():
        (folder / kind.replace("/", "")).write_text("\n".join(lines) + "\n")
    with mariadb.running(database) as server:
        report("filling the databases")
        server.execute(f"SET GLOBAL innodb_buffer_pool_size = {MEMORY}")
        data.load(server, sample, database)
        report("starting the service")
        with run.serving(
            api,
            IMAGEHASH_DATABASE_URL=server.url(data.HASHES),
            IMAGEHASH_COMMONS_URL=server.url(data.REPLICA),
        ) as service:
            compared = sum(
                agreement.check(service.url, requests[kind][:CHECKED], requests[other][:CHECKED])
                for kind, other in run.COMPARED.items()
            )
            return run.measure(service, folder, options.seconds, report), compared


if __name__ == "__main__":
    sys.exit(main())
