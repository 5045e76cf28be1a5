"""How fast the batch indexer is, as users run it: ``imagehash-index page`` over a wiki of many files.

Photos are brought to 960 pixels of width and uploaded to a MediaWiki of the benchmark's own. The indexer is
shown so many copies of them as files are wanted: a replica has a page of each, api.php is answered from what
the wiki told of the pictures, and nginx serves the files. Before and after, all cores do nothing but decode
and hash the same bytes. In the end every hash that was written is compared with imagehash's, and larger
photos are hashed from the thumbnails that the wiki makes of them.

Writes tables (report.md) into the output folder, and into pages that have a place for this size.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import pages
from benchmarks.__main__ import whole
from benchmarks.agreement import DisagreementError
from benchmarks.indexing import agreement, answers, bare, copies, loss, nginx, photos, run, table
from benchmarks.machine import Watch, machine
from benchmarks.run import Report, reporter
from benchmarks.table import size
from commons.workers import cores
from sql.database import Database
from tests import mariadb
from tests.wiki import wiki as mediawiki

PHOTOS = Path(__file__).parents[3] / "shared" / "photos"
WALLPAPERS = Path("/usr/share/backgrounds")
PACKAGES = ("pillow", "imagehash", "numpy", "scipy", "httpx2", "pywikibot")

DOWNLOADS = 8
"""Files that are fetched at once, as on Toolforge."""


def arguments() -> argparse.ArgumentParser:
    """What the program understands."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.indexing",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("-n", "--files", type=whole, default=20_000, help="how many files (default 20000)")
    add("--passes", type=whole, default=10, help="of the bare loop over the photos (default 10)")
    add("--photos", type=Path, default=PHOTOS / "commons100", help="folder of the JPEGs to copy")
    add(
        "--large",
        type=Path,
        action="append",
        help="folder with photos larger than their thumbnails (default: the photos' and Debian's wallpapers)",
    )
    add(
        "--out",
        type=Path,
        help="folder for the tables (default build/benchmarks/index-SIZE, such as index-20k)",
    )
    add("--page", type=Path, action="append", default=[], help="page whose parts are to be filled in")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 if the indexer fails, or writes other hashes than imagehash's."""
    options = arguments().parse_args(argv)
    report, watch = reporter(time.monotonic()), Watch()
    try:
        with tempfile.TemporaryDirectory(prefix="imagehash-bench-") as folder:
            results = measure(Path(folder), options, report)
    except (run.IndexerError, DisagreementError) as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        return 1
    parts = table.parts(results, machine(PACKAGES), watch)
    out = options.out or Path("build/benchmarks") / f"index-{size(options.files)}"
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.md").write_text("\n\n".join(parts.values()) + "\n")
    for page in options.page:
        filled = pages.fill(page, size(options.files), parts)
        report(f"filled in {', '.join(filled) or 'nothing'} of {page}")
    sys.stdout.write(parts["index targets"] + "\n")
    return 0


def measure(folder: Path, options: argparse.Namespace, report: Report) -> table.Results:
    """Set everything up in a folder, and measure. Raises IndexerError and DisagreementError."""
    for name in ("photos", "mariadb", "wiki", "indexer"):
        (folder / name).mkdir()
    with ExitStack() as stack:
        report(f"bringing the photos in {options.photos} to {photos.WIDTH} pixels")
        pictures = photos.make(options.photos, folder / "photos")
        report("setting up a wiki")
        server = stack.enter_context(mariadb.running(folder / "mariadb"))
        wiki = stack.enter_context(mediawiki.running(folder / "wiki", server))
        wiki.upload({picture.name: picture for picture in pictures})
        report(f"making {options.files:,} copies")
        made = copies.make(server, wiki.database, "copies", options.files)
        files = stack.enter_context(nginx.serving(folder / "wiki" / "web", folder / "nginx"))
        api = stack.enter_context(answers.serving(wiki.api, made, wiki.uploads, f"{files.url}/images"))
        server.execute("CREATE DATABASE hashes CHARACTER SET utf8mb4")

        report("decoding and hashing, and nothing else")
        before = bare.measure(pictures, cores(), options.passes)
        report("indexing")
        indexed = run.index(
            options.files,
            folder / "indexer",
            server.url("hashes"),
            {"MariaDB": server.process.pid, "api.php": api.pid, "nginx": files.pid},
            "--jobs",
            str(cores()),
            IMAGEHASH_COMMONS_URL=server.url("copies"),
            IMAGEHASH_WIKI_API=api.api,
            IMAGEHASH_DOWNLOADS=str(DOWNLOADS),
        )
        report("decoding and hashing again")
        after = bare.measure(pictures, cores(), options.passes)
        report("comparing hashes")
        expected = {picture.name: bare.plain(picture.read_bytes()) for picture in pictures}
        database = Database(server.url("hashes"))
        stack.callback(database.close)
        agreement.check(database, made, options.files, expected)
        report("hashing thumbnails")
        losses = loss.measure(wiki, loss.photos(options.large or [PHOTOS, WALLPAPERS]))
    mean = sum(picture.stat().st_size for picture in pictures) / len(pictures)
    return table.Results(len(pictures), mean, cores(), before, after, indexed, losses)


if __name__ == "__main__":
    sys.exit(main())
