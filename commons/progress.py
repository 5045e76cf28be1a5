"""How far a run has come: a bar on a terminal, a line now and then elsewhere."""

import io
import shutil
import sys
from typing import Any, Self

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 10
_LINE = "{desc}: {n_fmt} of {total_fmt}{unit}, {rate_fmt}, {remaining} left{postfix}"
_ENDLESS_LINE = "{desc}: {n_fmt}{unit}, {rate_fmt}{postfix}"


class _Lines(io.StringIO):
    """Takes what tqdm draws over and over in one place, and writes it line by line."""

    def write(self, text: str) -> int:
        if line := text.strip():
            sys.stderr.write(f"{line}\n")
        return len(text)


class Progress:
    """Counts what is done, and what of it failed, with rate and time left; writes to standard error.

    Where ``total`` is None nobody knows how much there is.
    """

    def __init__(self, total: int | None, doing: str = "hashing", unit: str = "files") -> None:
        on_terminal = sys.stderr.isatty()
        # Asked by tqdm itself, a terminal that does not know its size has none, and shows nothing.
        columns, lines = shutil.get_terminal_size()
        self._bar: tqdm[Any] = tqdm(
            total=total,
            unit=f" {unit}",
            desc=doing,
            ncols=columns,
            nrows=lines,
            mininterval=0.2 if on_terminal else _SECONDS_BETWEEN_LINES,
            bar_format=None if on_terminal else _ENDLESS_LINE if total is None else _LINE,
            file=None if on_terminal else _Lines(),
            disable=total == 0,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave it as it is."""
        self._bar.close()

    def advance(self, done: int, *, failed: int = 0) -> None:
        """Count ``done`` more; ``failed`` is how many failed of all so far."""
        self.reach(int(self._bar.n) + done, failed=failed)

    def reach(self, done: int, *, hashed: int = 0, failed: int = 0) -> None:
        """Have ``done`` by now; ``hashed`` and ``failed`` are told beside it."""
        told = [f"{hashed:,} hashed"] * bool(hashed) + [f"{failed:,} failed"] * bool(failed)
        self._bar.set_postfix_str(", ".join(told), refresh=False)
        self._bar.update(done - self._bar.n)
