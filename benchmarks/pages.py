"""Parts of pages that the benchmark writes.

What is between ``<!-- 14M targets -->`` and ``<!-- /14M targets -->`` is replaced by the table of targets
of a run over 14 million files, and so on; the names are those of `benchmarks.table.parts`. Where
``<!-- 14M plot -->`` is, the plot is shown, which is put into the folder that is named like the page.
"""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path


def fill(page: Path, size: str, parts: Mapping[str, str], plot: Path | None = None) -> list[str]:
    """Fill in the places that a page has for this size; give back their names."""
    text, filled = page.read_text(), []
    folder = page.with_suffix("")
    shown = {}
    if plot and plot.is_file():
        shown["plot"] = f"![Latency by radius, {size} files]({folder.name}/{size}{plot.suffix})"
    for name, part in {**parts, **shown}.items():
        mark = re.escape(f"{size} {name}")
        before, *rest = re.split(rf"(?<=<!-- {mark} -->)\n.*?(?=<!-- /{mark} -->)", text, flags=re.DOTALL)
        if rest:
            text = f"\n\n{part}\n\n".join([before, *rest])
            filled.append(name)
    if plot and "plot" in filled:
        folder.mkdir(exist_ok=True)
        shutil.copy(plot, folder / f"{size}{plot.suffix}")
    page.write_text(text)
    return filled
