"""The figures of a run as tables in Markdown, and what they had to be."""

from collections.abc import Mapping

from benchmarks.machine import Machine, Watch
from benchmarks.serving.data import CONSTANT, MANY, OLD, PAGES, PICTURES, SEARCH, SLOW, TITLES
from benchmarks.serving.run import BESIDE, CONNECTIONS, MOST_CONNECTIONS, ROUNDS, Served
from benchmarks.table import markdown, milliseconds, rate, reached
from benchmarks.targets import Target

SHARES = {SEARCH: (CONSTANT[SEARCH], 0.8), TITLES: (CONSTANT[TITLES], 0.4), PAGES: (OLD, 2.0)}
"""How many requests a second have to be answered for each one of another kind."""

PICTURES_PER_SECOND = 5000
TAIL = 4
"""How many times as long as half of them 99 % of requests may take."""

Results = Mapping[str, Served]


def parts(results: Results, files: int, compared: int, machine: Machine, watch: Watch) -> dict[str, str]:
    """All of a run, in parts that pages can take by their names."""
    return {
        "api conditions": conditions(files, compared, machine, watch),
        "api targets": reached(targets(results)),
        "api rates": rates(results),
    }


def conditions(files: int, compared: int, machine: Machine, watch: Watch) -> str:
    """What the run was made on and with."""
    return (
        f"{files:,} files over MariaDB, on {machine.processor}, {machine.cores} cores, "
        f"{machine.gigabytes:.0f} GiB; {machine.software}. The service had one core, MariaDB and wrk the "
        f"rest. Medians of {ROUNDS} rounds. Other programs kept {watch.others():.1f} cores busy on average "
        f"(load {watch.load:.1f} at the start). {compared:,} answers were compared and the same. The run "
        f"took {watch.seconds / 60:.0f} minutes."
    )


def targets(results: Results) -> list[Target]:
    """What had to be reached, and what was."""
    told = []
    for kind, (other, must) in SHARES.items():
        share = results[kind].rate.each_second / results[other].rate.each_second
        told.append(
            Target(f"{kind}, requests a second", f"{must:g}× {other}", f"{share:.2f}×", share >= must)
        )
    pictures = PICTURES * results[MANY].rate.each_second
    told.append(
        Target(
            f"{MANY} of {PICTURES} pictures",
            f"{PICTURES_PER_SECOND:,} pictures a second",
            f"{pictures:,.0f}",
            pictures >= PICTURES_PER_SECOND,
        )
    )
    for kind in SHARES:
        tail = results[kind].rate.p99 / results[kind].rate.p50
        told.append(Target(f"{kind}, p99", f"at most {TAIL}× p50", f"{tail:.1f}×", tail <= TAIL))
    return told


def rates(results: Results) -> str:
    """Requests a second of each kind, how long they took, and what they cost."""
    head = ["", "connections", "requests a second", "p50, ms", "p99, ms", "ms of a core for each"]
    return markdown([head, *(_row(kind, served) for kind, served in results.items())])


def _row(kind: str, served: Served) -> list[str]:
    each_second, p50, p99 = served.rate
    connections = CONNECTIONS.get(kind, MOST_CONNECTIONS)
    # Beside slow requests nobody can tell whose work it was.
    worked = "" if kind == BESIDE else milliseconds(served.worked)
    name = f"{kind}, all files within 64 bits" if kind == SLOW else kind
    return [name, str(connections), rate(each_second), milliseconds(p50), milliseconds(p99), worked]
