from pathlib import Path

import pytest

from benchmarks.indexing import run
from benchmarks.indexing.run import HASHING, INDEXER, IndexerError, Look, Run


def look(at: float, rows: int, memory: int, *worked: float) -> Look:
    return Look(at, rows, memory, dict(zip((INDEXER, HASHING), worked, strict=True)))


LOOKS = [
    look(0, 0, 50, 1, 0),
    look(2, 0, 90, 3, 1),
    look(3, 100, 100, 4, 5),
    look(5, 500, 101, 5, 10),
    look(7, 900, 99, 8, 15),
    look(8, 1000, 5, 9, 0),
]


def test_start_and_end_do_not_count() -> None:
    measured = Run(1000, LOOKS)
    assert measured.rate == 800 / 4
    assert measured.worked == {INDEXER: 4 / 800, HASHING: 10 / 800}
    assert measured.memory == (100, 99, 101)


def test_a_short_run_counts_as_a_whole() -> None:
    measured = Run(1000, [*LOOKS[:3], LOOKS[-1]])
    assert measured.rate == 1000 / 8
    assert measured.memory == (100, 5, 100)


def test_an_indexer_that_fails_is_told(
    tmp_path: Path, mariadb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "COMMAND", ("index", "nonsense"))
    with pytest.raises(IndexerError, match="0 of 3 files were indexed, the exit code was 2:") as told:
        run.index(3, tmp_path, mariadb_url, {})
    assert "nonsense" in str(told.value)
