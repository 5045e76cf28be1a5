"""What a run was made on, and what else went on there."""

import os
import platform
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("numpy", "numba", "faiss-cpu", "usearch", "pybktree")

VECTOR = {
    "avx512_vpopcntdq": "AVX-512 with vector popcount",
    "avx512f": "AVX-512",
    "avx2": "AVX2",
    "asimd": "NEON",
}
"""Flags of processors, the most telling first."""


class Machine(NamedTuple):
    """A processor, its cores and memory, and the software."""

    processor: str
    cores: int
    gigabytes: float
    software: str


def machine(packages: Sequence[str] = PACKAGES) -> Machine:
    """Describe this one; packages that are not installed are left out."""
    facts = _facts()
    flags = facts.get("flags", facts.get("Features", "")).split()
    vector = next((name for flag, name in VECTOR.items() if flag in flags), "no vector instructions known")
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    model = facts.get("model name", platform.machine())
    family = ", ".join(f"{key} {facts[key]}" for key in ("cpu family", "model") if key in facts)
    return Machine(
        f"{model} ({family}; {vector})",
        len(os.sched_getaffinity(0)),
        pages / 2**30,
        ", ".join(_versions(packages)),
    )


def _facts() -> dict[str, str]:
    """What Linux knows of the first processor."""
    first = Path("/proc/cpuinfo").read_text().split("\n\n", maxsplit=1)[0]
    lines = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in lines}


def _versions(packages: Sequence[str]) -> list[str]:
    versions = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return versions


class Watch:
    """Tells how busy the machine was with other things since it was made.

    Processes that were started meanwhile have to have ended.
    """

    def __init__(self) -> None:
        self.load = os.getloadavg()[0]
        self._started, self._busy, self._own = time.monotonic(), _busy(), _own()

    @property
    def seconds(self) -> float:
        """The time since."""
        return time.monotonic() - self._started

    def others(self) -> float:
        """How many cores others kept busy, on average; those of other virtual machines included."""
        own = _own() - self._own
        return max(0.0, (_busy() - self._busy - own) / self.seconds)


def _busy() -> float:
    """Seconds that all cores have worked, or were kept from working, since the machine started."""
    user, nice, system, _idle, _waiting, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
