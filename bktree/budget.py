"""Which engine fits into the memory that there is."""

import os
from pathlib import Path

BYTES = {"multi-index": 54, "bktree": 38, "scan": 25}
"""That a file takes at the most, of a million or more; the engines from the fastest to the leanest."""

RESERVE = 400_000_000
"""Bytes for everything else: Python and its packages, files added since, queries that run."""

_V2, _V1 = "memory.max", "memory.limit_in_bytes"


def fastest(files: int, memory: int) -> str | None:
    """The name of the fastest engine of which so many files fit into so many bytes; None if none does."""
    for name, each in BYTES.items():
        if files * each + RESERVE <= memory:
            return name
    return None


def memory_limit(cgroups: Path = Path("/sys/fs/cgroup"), process: Path = Path("/proc/self/cgroup")) -> int:
    """Bytes of memory that this process may use: the machine's, or fewer if its control group says so.

    Reads control groups of either version, after Linux's Documentation/admin-guide/cgroup-v2.rst and
    cgroup-v1/memory.rst.
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_limits(cgroups, process)])


def _limits(cgroups: Path, process: Path) -> list[int]:
    """The limits of the control group of this process, and of those it is within."""
    limits = []
    for line in process.read_text().splitlines() if process.exists() else []:
        _, controllers, path = line.split(":", 2)
        root, name = (cgroups, _V2) if not controllers else (cgroups / "memory", _V1)
        if controllers and "memory" not in controllers.split(","):
            continue
        group = root / path.lstrip("/")
        # In a container the path may be that of the host, of which only the own root can be seen.
        for folder in (root, *(each for each in (group, *group.parents) if root in each.parents)):
            limit = folder / name
            if limit.is_file() and limit.read_text().strip().isdecimal():
                limits.append(int(limit.read_text()))
    return limits
