"""The latencies of a run as a picture: by radius, for either hash."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.run import Result
from benchmarks.tasks import KIND_NAMES, KINDS, RADII, Near
from bktree.engines import ENGINES

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#000000", "#E69F00", "#CC79A7", "#56B4E9", "#999999")
"""Told apart by everyone (Okabe and Ito, 2008); our engines have the first."""

MARKERS = "osDv^<>P"


def draw(results: Sequence[Result], path: Path) -> None:
    """Write the picture in the format that its name says. Raises ImportError without matplotlib."""
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    settings = {"font.size": 10, "svg.hashsalt": "imagehash", "axes.axisbelow": True}
    with rc_context(settings):
        figure = Figure(figsize=(11, 6.6), layout="constrained")
        panels: Any = figure.subplots(1, len(KINDS), sharey=True)
        lines = _lines(results)
        for kind, panel in zip(KINDS, panels, strict=True):
            _panel(panel, kind, lines)
        panels[0].set_ylabel("milliseconds per query, one thread")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
        figure.suptitle(f"All of {results[0].files:,} files within a Hamming distance", fontweight="bold")
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


Line = tuple[str, Result, str]
"""A contestant, the result it is in, and what the legend calls it."""


def _lines(results: Sequence[Result]) -> list[Line]:
    """Everyone once, in the largest group they were measured in; our engines first."""
    lines: dict[str, Line] = {}
    for result in results:
        for name, built in result.built.items():
            asked = any((name, Near(kind, radius)) in result.latencies for kind in KINDS for radius in RADII)
            if asked and name not in lines:
                smaller = f" of {result.files:,}" if result.files < results[0].files else ""
                lines[name] = name, result, f"{name}{smaller}, {built.nbytes / result.files:.0f} B a file"
    return sorted(lines.values(), key=lambda line: line[0] not in ENGINES)


def _panel(panel: Any, kind: int, lines: Sequence[Line]) -> None:
    for (name, result, label), colour, marker in zip(lines, COLOURS, MARKERS, strict=False):
        told = {radius: result.latencies.get((name, Near(kind, radius))) for radius in RADII}
        medians = {radius: latency.p50 * 1000 for radius, latency in told.items() if latency}
        tails = {radius: latency.p99 * 1000 for radius, latency in told.items() if latency and latency.p99}
        width = 2.4 if name in ENGINES else 1.4
        panel.plot(
            list(medians),
            list(medians.values()),
            color=colour,
            marker=marker,
            markersize=5,
            linewidth=width,
            label=label,
        )
        panel.plot(list(tails), list(tails.values()), color=colour, linewidth=0.7, linestyle=(0, (4, 2)))
    panel.set_yscale("log")
    panel.set_xticks(RADII)
    panel.set_xlabel("radius: bits that may differ")
    panel.set_title(f"{KIND_NAMES[kind]}: median, and 99th percentile (dashed)", fontsize=10)
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    panel.grid(which="major", color="#dddddd")
    panel.spines[["top", "right"]].set_visible(False)
