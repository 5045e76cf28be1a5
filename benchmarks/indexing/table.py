"""The figures of a run as tables in Markdown, and what they had to be."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.indexing.bare import Speed
from benchmarks.indexing.loss import Distance
from benchmarks.indexing.run import Run
from benchmarks.machine import Machine, Watch
from benchmarks.table import markdown, milliseconds, rate, reached
from benchmarks.targets import Target

SHARE = 0.7
"""Of the files a second of the bare loop that the indexer has to reach."""

OLD_RATE = 15_000 / 3600
"""Files a second of the old indexer."""

TIMES = 20
"""How often as fast as that the indexer has to be."""

GROWTH = 0.05
"""By which memory may differ between a tenth of the files and all of them, to count as flat."""

_WITHIN = (0, 2, 4, 8)
_MIB = 1 << 20


class Results(NamedTuple):
    """What was measured: the speed of the bare loops, by name, before and after the run."""

    pictures: int
    size: float
    cores: int
    before: Mapping[str, Speed]
    after: Mapping[str, Speed]
    run: Run
    losses: Sequence[Distance]

    def bare(self, name: str) -> Speed:
        """The speed of a bare loop, on average."""
        (rate, worked), (later_rate, later_worked) = self.before[name], self.after[name]
        return Speed((rate + later_rate) / 2, (worked + later_worked) / 2)


def parts(results: Results, machine: Machine, watch: Watch) -> dict[str, str]:
    """All of a run, in parts that pages can take by their names."""
    return {
        "index conditions": conditions(results, machine, watch),
        "index targets": reached(targets(results)),
        "index rates": rates(results),
        "index time": time(results),
        "index memory": memory(results.run),
        "index loss": loss(results.losses),
    }


def conditions(results: Results, machine: Machine, watch: Watch) -> str:
    """What the run was made on and with."""
    return (
        f"{results.run.files:,} files, copies of {results.pictures} photos of {results.size / 1000:.0f} kB "
        f"on average, on {machine.processor}, {machine.cores} cores, {machine.gigabytes:.0f} GiB; "
        f"{machine.software}. Other programs kept {watch.others():.1f} cores busy on average (load "
        f"{watch.load:.1f} at the start). The hashes of all files were those that imagehash makes. The run "
        f"took {watch.seconds / 60:.0f} minutes."
    )


def targets(results: Results) -> list[Target]:
    """What had to be reached, and what was."""
    share, times = results.run.rate / results.bare("plain").rate, results.run.rate / OLD_RATE
    early, late, _ = results.run.memory
    growth = late / early - 1
    return [
        Target("files a second", f"{SHARE:.0%} of the bare loop's", f"{share:.0%}", share >= SHARE),
        Target("files an hour", f"{TIMES}× the old indexer's 15,000", f"{times:.0f}×", times >= TIMES),
        Target(
            "memory after all files",
            f"at most {GROWTH:.0%} above that after a tenth",
            f"{growth:+.1%}",
            growth <= GROWTH,
        ),
    ]


def rates(results: Results) -> str:
    """Files a second of the indexer and the bare loops, and what a file costs."""
    run, plain = results.run, results.bare("plain").rate
    rows = [["", "files a second", "of the bare loop's", "before and after the run", "ms of a core for each"]]
    loops = {"plain": "bare loop: Pillow and imagehash", "ours": "bare loop: the indexer's own step"}
    for name, what in loops.items():
        speed = results.bare(name)
        turns = f"{rate(results.before[name].rate)}, {rate(results.after[name].rate)}"
        rows.append([what, rate(speed.rate), f"{speed.rate / plain:.0%}", turns, milliseconds(speed.worked)])
    worked = milliseconds(sum(run.worked.values()))
    rows.append(["`imagehash-index page`", rate(run.rate), f"{run.rate / plain:.0%}", "", worked])
    return markdown(rows)


def time(results: Results) -> str:
    """Where the processors' time goes."""
    there = results.cores / results.run.rate
    worked = results.run.worked
    rows = [["for each file", "ms of a core"]]
    rows += [[name, milliseconds(seconds)] for name, seconds in worked.items()]
    rows.append(["everything else, and idle", milliseconds(max(0.0, there - sum(worked.values())))])
    rows.append([f"all {results.cores} cores", milliseconds(there)])
    return markdown(rows)


def memory(run: Run) -> str:
    """Memory of the indexer with its processes."""
    held = [f"{size / _MIB:,.0f} MiB" for size in run.memory]
    head = ["", f"after {run.files // 10:,} files", f"after {run.files:,} files", "at the most"]
    return markdown([head, ["the indexer and its processes", *held]])


def loss(losses: Sequence[Distance]) -> str:
    """How far the hashes of thumbnails are from those of their originals."""
    rows = [[f"bits that differ, of {len(losses)} photos", "phash", "dhash", "both"]]
    for within in _WITHIN:
        kept = [_share(losses, within, *kinds) for kinds in ((0,), (1,), (0, 1))]
        rows.append([f"{within}, at the most" if within else "none", *kept])
    most = [str(max(each[kind] for each in losses)) for kind in range(2)]
    return markdown([*rows, ["the most of any photo", *most, ""]])


def _share(losses: Sequence[Distance], within: int, *kinds: int) -> str:
    kept = sum(all(each[kind] <= within for kind in kinds) for each in losses)
    return f"{kept / len(losses):.0%}"
