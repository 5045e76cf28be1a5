"""The figures of a run as tables in Markdown."""

from collections.abc import Iterable, Sequence

from benchmarks.machine import Machine, Watch
from benchmarks.run import Result
from benchmarks.targets import Target
from benchmarks.tasks import (
    AT_ONCE,
    BOTH,
    DEFAULT_MANY,
    DHASH,
    KIND_NAMES,
    KINDS,
    MANY,
    NEAR_AT_ONCE,
    NEAREST,
    PHASH,
    RADII,
    Near,
    Task,
)
from benchmarks.timing import Latency

NONE = "–"


def size(files: int) -> str:
    """A number of files in short: 14M, 100k."""
    for unit, letter in ((1_000_000, "M"), (1000, "k")):
        if files >= unit:
            return f"{files / unit:g}{letter}"
    return str(files)


def milliseconds(seconds: float) -> str:
    """Three figures, and no more places than a microsecond needs."""
    value = seconds * 1000
    for limit, places in ((0.1, 4), (1, 3), (10, 2), (100, 1)):
        if value < limit:
            return f"{value:.{places}f}"
    return f"{value:,.0f}"


def rate(each_second: float) -> str:
    """Three figures at least."""
    return f"{each_second:,.0f}" if each_second >= 100 else f"{each_second:.3g}"  # noqa: PLR2004


def markdown(rows: Iterable[Sequence[str]]) -> str:
    """A table whose first row is its head; all columns but the first are aligned to the right."""
    head, *body = rows
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def conditions(machine: Machine, watch: Watch, results: Sequence[Result]) -> str:
    """What the run was made on and with."""
    compared = sum(result.compared for result in results)
    return (
        f"{results[0].files:,} files on {machine.processor}, {machine.cores} cores, "
        f"{machine.gigabytes:.0f} GiB; {machine.software}. Every contestant answered with one thread, "
        f"by turns with the others. Other programs kept {watch.others():.1f} cores busy on average (load "
        f"{watch.load:.1f} at the start). All {compared:,} answers compared beforehand were the same. "
        f"The run took {watch.seconds / 60:.0f} minutes."
    )


def near(result: Result, kind: int) -> str:
    """Latency by radius of everyone who was asked."""
    tasks = [Near(kind, radius) for radius in RADII]
    head = [f"{KIND_NAMES[kind]}, ms: p50 (p99)", *(f"r = {radius}" for radius in RADII)]
    return _latencies(result, head, tasks)


def both(result: Result) -> str:
    """Latency under rules over both hashes."""
    return _latencies(result, ["phash/dhash/closest, ms: p50 (p99)", *map(str, BOTH)], BOTH)


def _latencies(result: Result, head: list[str], tasks: Sequence[Task]) -> str:
    rows = [head]
    for name in result.built:
        latencies = [result.latencies.get((name, task)) for task in tasks]
        if any(latencies):
            rows.append([name, *map(_latency, latencies)])
    return markdown(rows)


def _latency(latency: Latency | None) -> str:
    if latency is None:
        return NONE
    tail = "" if latency.p99 is None else f" ({milliseconds(latency.p99)})"
    return milliseconds(latency.p50) + tail


def at_once(result: Result) -> str:
    """How many queries a second are answered where many come at once, and how long the nearest ten take."""
    head = [
        "queries a second",
        *(f"{KIND_NAMES[task.kind]}, r = {task.radius}, {AT_ONCE} at once" for task in NEAR_AT_ONCE),
        f"{DEFAULT_MANY.tolerance.phash}/{DEFAULT_MANY.tolerance.dhash}, {MANY:,} at once",
        *map(str, NEAREST),
    ]
    tasks: tuple[Task, ...] = (*NEAR_AT_ONCE, DEFAULT_MANY, *NEAREST)
    rows = [head]
    for name in result.built:
        latencies = [result.latencies.get((name, task)) for task in tasks]
        if any(latencies):
            rates = zip(tasks, latencies, strict=True)
            rows.append(
                [name, *(NONE if told is None else rate(task.size / told.p50) for task, told in rates)]
            )
    return markdown(rows)


def built(result: Result) -> str:
    """Memory and time to build, and who is missing."""
    rows = [["both hashes", "bytes a file", "built in, s", "remarks"]]
    for name, figures in result.built.items():
        each, seconds = f"{figures.nbytes / result.files:.1f}", f"{figures.seconds:.1f}"
        rows.append([name, each, seconds, result.notes.get(name, "")])
    rows += [[name, NONE, NONE, f"left out: {why}"] for name, why in result.left_out.items()]
    return markdown(rows)


def reached(targets: Sequence[Target]) -> str:
    """The targets, and what came of them."""
    words = {True: "yes", False: "**no**", None: NONE}
    head = ["", "must", "reached", ""]
    return markdown([head, *([what, must, got, words[kept]] for what, must, got, kept in targets)])


def parts(results: Sequence[Result], targets: Sequence[Target], conditions: str) -> dict[str, str]:
    """All of a run, in parts that pages can take by their names."""
    first, *others = results
    named = {
        "conditions": conditions,
        "targets": reached(targets),
        "phash": near(first, PHASH),
        "dhash": near(first, DHASH),
        "both": both(first),
        "at once": at_once(first),
        "memory": built(first),
    }
    for number, result in enumerate(others, start=2):
        beside = [near(result, kind) for kind in KINDS if _has(result, kind)]
        title = f"{', '.join(result.built)}, beside each other, {result.files:,} files:"
        named[f"group {number}"] = "\n\n".join([title, *beside, built(result)])
    return named


def _has(result: Result, kind: int) -> bool:
    return any(isinstance(task, Near) and task.kind == kind for _, task in result.latencies)
