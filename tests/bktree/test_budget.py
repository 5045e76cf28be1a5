import os
from pathlib import Path

import numpy as np
import pytest

from bktree.budget import BYTES, RESERVE, fastest, memory_limit
from bktree.engines import ENGINES, build
from bktree.kernel import KERNELS

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
GIB = 1 << 30


@pytest.mark.parametrize(
    ("files", "memory", "engine"),
    [
        (14_000_000, 24 * GIB, "multi-index"),
        (100_000_000, 6 * GIB, "multi-index"),
        (100_000_000, 4 * GIB, "bktree"),
        (100_000_000, 3 * GIB, "scan"),
        (100_000_000, 2 * GIB, None),
        (0, RESERVE, "multi-index"),
        (0, RESERVE - 1, None),
    ],
)
def test_the_fastest_that_fits_is_taken(files: int, memory: int, engine: str | None) -> None:
    assert fastest(files, memory) == engine


@pytest.mark.skipif(not hasattr(KERNELS[0], "py_func"), reason="plain Python takes too long")
@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_takes_no_more_than_is_reckoned_with(name: str) -> None:
    # Just after a power of two buckets are the emptiest.
    for files in (1_000_000, 1 << 20):
        hashes = np.random.default_rng(1).integers(0, 2**64, (2, files), np.uint64)
        engine = build(name, np.arange(files), *hashes)
        assert engine.nbytes <= BYTES[name] * files
    assert list(BYTES) == list(ENGINES)


def test_auto_finds_what_fits_or_says_that_nothing_does(monkeypatch: pytest.MonkeyPatch) -> None:
    pages, hashes = np.arange(10), np.zeros(10, np.uint64)
    monkeypatch.setattr("bktree.engines.memory_limit", lambda: RESERVE + 10 * BYTES["bktree"])
    assert build("auto", pages, hashes, hashes).name == "bktree"
    monkeypatch.setattr("bktree.engines.memory_limit", lambda: RESERVE)
    with pytest.raises(MemoryError, match=r"no engine holds 10 files in 0\.4 GB of memory"):
        build("auto", pages, hashes, hashes)
    assert build("multi-index", pages, hashes, hashes).name == "multi-index"


def test_this_machine_has_memory() -> None:
    assert 0 < memory_limit() <= MACHINE


def limited(folder: Path, process: str, limits: dict[str, str]) -> int:
    """The limit where the control groups of a process, and what is in their files, are these."""
    (folder / "process").write_text(process)
    for name, limit in limits.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(limit)
    return memory_limit(folder, folder / "process")


@pytest.mark.parametrize(
    ("process", "limits", "expected"),
    [
        ("0::/job/worker\n", {"job/worker/memory.max": "max\n", "job/memory.max": "5000\n"}, 5000),
        ("0::/job/worker\n", {"job/worker/memory.max": "4000\n", "job/memory.max": "5000\n"}, 4000),
        # In a container: the path is the host's, and the root is the container's own group.
        ("0::/kubepods/pod7\n", {"memory.max": "3000\n"}, 3000),
        ("0::/../other\n", {"memory.max": "2000\n"}, 2000),
        (
            "5:cpu,cpuacct:/a\n4:memory:/b\n",
            {"memory/b/memory.limit_in_bytes": "1000\n", "cpu,cpuacct/a/memory.limit_in_bytes": "1\n"},
            1000,
        ),
        ("0::/\n", {"memory.max": "max\n"}, MACHINE),
        ("", {}, MACHINE),
    ],
)
def test_the_lowest_limit_of_all_control_groups_counts(
    tmp_path: Path, process: str, limits: dict[str, str], expected: int
) -> None:
    assert limited(tmp_path, process, limits) == expected


def test_without_control_groups_it_is_the_machine(tmp_path: Path) -> None:
    assert memory_limit(tmp_path, tmp_path / "nothing") == MACHINE
