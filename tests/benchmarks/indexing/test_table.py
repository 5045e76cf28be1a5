import pytest

from benchmarks.indexing import table
from benchmarks.indexing.bare import Speed
from benchmarks.indexing.loss import Distance
from benchmarks.indexing.run import HASHING, INDEXER, Look, Run
from benchmarks.indexing.table import Results
from benchmarks.machine import Watch, machine


def results(*, rate: float = 150, growth: float = 0.0) -> Results:
    size = 200 << 20
    looks = [
        Look(0, 0, size, {INDEXER: 0.0, HASHING: 0.0}),
        Look(1, 2000, size, {INDEXER: 1.0, HASHING: 2.0}),
        Look(1 + 8000 / rate, 10_000, int(size * (1 + growth)), {INDEXER: 17.0, HASHING: 66.0}),
    ]
    before = {"plain": Speed(190, 0.006), "ours": Speed(200, 0.007)}
    after = {"plain": Speed(210, 0.008), "ours": Speed(240, 0.007)}
    losses = [Distance(0, 0), Distance(0, 1), Distance(2, 0), Distance(4, 9)]
    return Results(100, 150_000.0, 2, before, after, Run(20_000, looks), losses)


def test_a_run_is_told_in_parts() -> None:
    parts = table.parts(results(), machine(["pillow"]), Watch())
    assert "20,000 files, copies of 100 photos of 150 kB on average" in parts["index conditions"]
    assert "; Python " in parts["index conditions"]
    assert ", pillow 1" in parts["index conditions"]
    assert "| bare loop: the indexer's own step | 220 | 110% | 200, 240 | 7.00 |" in parts["index rates"]
    assert "| `imagehash-index page` | 150 | 75% |  | 10.0 |" in parts["index rates"]
    assert f"| {INDEXER} | 2.00 |" in parts["index time"]
    assert f"| {HASHING} | 8.00 |" in parts["index time"]
    assert "| everything else, and idle | 3.33 |" in parts["index time"]
    assert "| all 2 cores | 13.3 |" in parts["index time"]
    assert "| 200 MiB | 200 MiB | 200 MiB |" in parts["index memory"]
    assert "| bits that differ, of 4 photos | phash | dhash | both |" in parts["index loss"]
    assert "| none | 50% | 50% | 25% |" in parts["index loss"]
    assert "| 8, at the most | 100% | 75% | 75% |" in parts["index loss"]
    assert "| the most of any photo | 4 | 9 |  |" in parts["index loss"]


@pytest.mark.parametrize(
    ("measured", "kept"),
    [
        (results(), [True, True, True]),
        (results(rate=130), [False, True, True]),
        (results(rate=80), [False, False, True]),
        (results(growth=0.06), [True, True, False]),
        (results(growth=-0.2), [True, True, True]),
    ],
)
def test_targets(measured: Results, kept: list[bool]) -> None:
    assert [target.kept for target in table.targets(measured)] == kept
    assert table.targets(results())[1].reached == "36×"
