import pytest

from benchmarks.machine import Watch, machine
from benchmarks.serving import table
from benchmarks.serving.data import CONSTANT, MANY, OLD, PAGES, SEARCH, SLOW, TITLES
from benchmarks.serving.load import Rate
from benchmarks.serving.run import BESIDE, Served


def results(*, search: float = 1000, many: float = 12, p99: float = 0.04) -> dict[str, Served]:
    rates = {
        SEARCH: search,
        CONSTANT[SEARCH]: 1200,
        TITLES: 800,
        CONSTANT[TITLES]: 1200,
        PAGES: 2100,
        OLD: 1000,
        MANY: many,
        SLOW: 90,
        BESIDE: 500,
    }
    return {kind: Served(Rate(rate, 0.0123, p99), 0.001) for kind, rate in rates.items()}


def test_a_run_is_told_in_parts() -> None:
    parts = table.parts(results(), 1_000_000, 600, machine(["starlette"]), Watch())
    assert "1,000,000 files over MariaDB" in parts["api conditions"]
    assert "600 answers were compared and the same" in parts["api conditions"]
    assert "| searchMany of 500 pictures | 5,000 pictures a second | 6,000 | yes |" in parts["api targets"]
    assert "| search | 16 | 1,000 | 12.3 | 40.0 | 1.00 |" in parts["api rates"]
    assert "| slow search, all files within 64 bits | 1 | 90 |" in parts["api rates"]
    assert f"| {BESIDE} | 16 | 500 | 12.3 | 40.0 |  |" in parts["api rates"]


@pytest.mark.parametrize(
    ("measured", "missed"),
    [
        (results(), set()),
        (results(search=950), {"search, requests a second"}),
        (results(many=9.9), {"searchMany of 500 pictures"}),
        (results(p99=0.05), {"search, p99", "search with titles, p99", "/pagesearch, p99"}),
    ],
)
def test_targets(measured: dict[str, Served], missed: set[str]) -> None:
    assert {target.what for target in table.targets(measured) if not target.kept} == missed
