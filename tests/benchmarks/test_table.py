import pytest

from benchmarks import table
from benchmarks.machine import Watch, machine
from benchmarks.run import Result
from benchmarks.targets import Target
from benchmarks.tasks import DHASH, PHASH, Near, Task
from benchmarks.timing import Latency
from benchmarks.workers import Built


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3.21e-6, "0.0032"), (1.234e-4, "0.123"), (0.00123, "1.23"), (0.0182, "18.2"), (1.93, "1,930")],
)
def test_milliseconds_have_the_places_they_need(seconds: float, text: str) -> None:
    assert table.milliseconds(seconds) == text


@pytest.mark.parametrize(
    ("files", "text"), [(14_000_000, "14M"), (100_000, "100k"), (1_500_000, "1.5M"), (7, "7")]
)
def test_sizes_are_short(files: int, text: str) -> None:
    assert table.size(files) == text


def test_a_run_is_told_in_parts() -> None:
    latencies: dict[tuple[str, Task], Latency] = {
        ("scan", Near(PHASH, 8)): Latency(0.005, 0.006, 60),
        ("slow", Near(DHASH, 0)): Latency(2, None, 3),
    }
    result = Result(
        1000,
        {"scan": Built(0.5, 24_000), "slow": Built(1, 9000)},
        latencies,
        {"gone": "not installed"},
        {},
        12,
    )
    targets = [Target("scan", "fast", "slow", kept=False)]
    parts = table.parts([result, result], targets, table.conditions(machine(), Watch(), [result]))
    assert "12 answers" in parts["conditions"]
    assert "| scan | fast | slow | **no** |" in parts["targets"]
    assert "| scan | – | – | – | – | 5.00 (6.00) | – |" in parts["phash"]
    assert "slow" not in parts["phash"]
    assert "| slow | 2,000 | – |" in parts["dhash"]
    assert "| scan | 24.0 | 0.5 |  |" in parts["memory"]
    assert "| gone | – | – | left out: not installed |" in parts["memory"]
    assert "1,000 files:" in parts["group 2"]
