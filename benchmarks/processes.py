"""What processes cost, as Linux tells (https://man7.org/linux/man-pages/man5/proc.5.html)."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Cost(NamedTuple):
    """Seconds that a process has worked so far, and bytes of memory that it holds."""

    seconds: float
    memory: int


def cost(pid: int) -> Cost:
    """What one process costs; raises FileNotFoundError or ProcessLookupError where there is none."""
    # The second field is the program's name, which may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Cost(sum(map(int, fields[11:13])) / _TICKS, int(fields[21]) * _PAGE)


def below(pid: int) -> Iterator[Cost]:
    """What the processes cost that one has started, and that they have."""
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            for child in map(int, thread.read_text().split()):
                yield cost(child)
                yield from below(child)
