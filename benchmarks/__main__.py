"""How fast the engines are, beside their peers, on hashes like those of real photos.

Makes the files and queries (or takes them from the cache), builds every engine and every peer that is
installed, checks that all of them find the same, and only then times them by turns: all files within 0 to 10
bits by either hash, rules over both hashes, many queries at once. Writes tables (report.md) and a plot
(latency.svg) into the output folder. Pages that have a place for this size get both: see benchmarks/pages.py.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import hashes, pages, plot, run, table
from benchmarks.agreement import DisagreementError
from benchmarks.machine import Watch, machine
from benchmarks.targets import targets
from benchmarks.workers import ContestantError


def whole(text: str) -> int:
    """A number of files, as 14e6 or 14000000. Raises ArgumentTypeError for what is none."""
    try:
        files = int(float(text))
    except (ValueError, OverflowError):
        files = 0
    if files < 1:
        raise argparse.ArgumentTypeError(f"a number of files is wanted, such as 14e6, not {text!r}")
    return files


def arguments() -> argparse.ArgumentParser:
    """What the program understands."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("-n", "--files", type=whole, default=14_000_000, help="how many files (default 14e6; try 1e5 first)")
    add("--seconds", type=float, default=3, help="for each task of each contestant, about (default 3)")
    add("--seed", type=int, default=1, help="other files and queries (default 1)")
    add(
        "--cache",
        type=Path,
        default=Path("build/benchmarks/cache"),
        help="folder for the files made, 24 bytes each",
    )
    add("--out", type=Path, help="folder for tables and plot (default build/benchmarks/SIZE, such as 14M)")
    add(
        "--page",
        type=Path,
        action="append",
        default=[],
        help="page whose parts for this size are to be filled in",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 if contestants disagree or an engine fails."""
    options = arguments().parse_args(argv)
    out = options.out or Path("build/benchmarks") / table.size(options.files)
    report = run.reporter(time.monotonic())
    watch = Watch()
    report(f"making {options.files:,} files, or taking them from {options.cache}")
    sample = hashes.load(options.files, seed=options.seed, cache=options.cache)
    try:
        results = run.measure(sample, options.seconds, report)
    except (DisagreementError, ContestantError) as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        return 1
    judged = targets(results)
    parts = table.parts(results, judged, table.conditions(machine(), watch, results))
    write(out, parts, results, options.page, report)
    sys.stdout.write(parts["targets"] + "\n")
    return 0


def write(
    out: Path, parts: Mapping[str, str], results: Sequence[run.Result], to: Sequence[Path], report: run.Report
) -> None:
    """Write the report and the plot, and fill in the pages."""
    out.mkdir(parents=True, exist_ok=True)
    picture = out / "latency.svg"
    try:
        plot.draw(results, picture)
    except ImportError as error:
        report(f"no plot: {error}")
    (out / "report.md").write_text("\n\n".join(parts.values()) + "\n")
    size = table.size(results[0].files)
    for page in to:
        filled = pages.fill(page, size, parts, picture)
        report(f"filled in {', '.join(filled) or 'nothing'} of {page}")
    report(f"wrote the report and the plot to {out}")


if __name__ == "__main__":
    sys.exit(main())
