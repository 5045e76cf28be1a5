import runpy

import numpy as np
import pytest

from bktree import engines
from bktree.budget import BYTES, RESERVE
from bktree.engines import ENGINES, build, chosen, compile_kernels
from bktree.frozen import for_scan, for_tables, for_trees
from bktree.kernel import KERNELS
from bktree.protocol import Tolerance
from tests.bktree.conftest import COMPILED

PAGES, HASHES = np.array([1, 2]), np.array([3, 4], np.uint64)


@pytest.mark.parametrize("name", ["multi-index", "bktree", "scan"])
def test_an_engine_is_built_by_its_name(name: str) -> None:
    engine = build(name, PAGES, HASHES, HASHES)

    assert engine.name == name
    assert len(engine) == 2
    assert engine.search(3, 3, Tolerance(0, 0)).listed == [(1, 0, 0)]


def test_each_name_has_its_layout() -> None:
    assert list(ENGINES) == ["multi-index", "bktree", "scan"]
    assert list(ENGINES.values()) == [for_tables, for_trees, for_scan]
    assert list(BYTES) == list(ENGINES)


def test_auto_takes_the_multi_index_where_there_is_room() -> None:
    assert build("auto", PAGES, HASHES, HASHES).name == "multi-index"


@pytest.mark.parametrize("name", list(ENGINES))
def test_auto_takes_the_fastest_that_fits(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    files = 10_000_000
    monkeypatch.setattr(engines, "memory_limit", lambda: files * BYTES[name] + RESERVE)

    assert chosen("auto", files) == name
    assert [chosen(each, 100 * files) for each in ENGINES] == list(ENGINES)


def test_too_many_files_for_any_engine_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "memory_limit", lambda: 500_000_000)

    with pytest.raises(MemoryError, match=r"no engine holds 100,000,000 files in 0\.5 GB of memory"):
        chosen("auto", 100_000_000)


def test_an_unknown_name_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="no engine 'fastest': choose from auto, multi-index, bktree, scan"):
        build("fastest", PAGES, HASHES, HASHES)


@pytest.mark.skipif(not COMPILED, reason="there is nothing to compile")
def test_after_compiling_no_search_compiles_anything() -> None:
    count = compile_kernels()
    before = [len(function.signatures) for function in KERNELS]  # type: ignore[attr-defined]

    for name in ENGINES:
        engine = build(name, PAGES, HASHES, HASHES)
        engine.add(PAGES[::-1], HASHES, HASHES)
        engine.hide(PAGES[:1])
        engine.hashes([1, 2, 3])
        for tolerance in (Tolerance(0, 0), Tolerance(64, 64), Tolerance(3, 2, 1)):
            engine.search(5, 2**64 - 1, tolerance, first=1, after=(1, 2), bound=1)
            engine.search_many(HASHES, HASHES, tolerance, first=1, bound=1)

    assert [len(function.signatures) for function in KERNELS] == before  # type: ignore[attr-defined]
    assert count == len(before) > 20


def test_the_program_says_what_it_made_ready(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_module("bktree", run_name="__main__")

    assert capsys.readouterr().out.startswith(f"{len(KERNELS)} search kernels ready after ")
