"""The whole program, over few files: with those peers that are installed."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as program
from benchmarks import agreement, run
from benchmarks.contestants import ENGINES, Contestant, NumpyScan, PyBKTree
from benchmarks.hashes import Sample
from benchmarks.run import Group
from benchmarks.tasks import NEAR, TASKS

ROOT = Path(__file__).parents[2]


class Missing(PyBKTree):
    """A peer that is not installed."""

    name = "missing"

    def prepare(self) -> None:
        raise ModuleNotFoundError("No module named 'missing'")


def few(files: int) -> list[Group]:
    """Groups without those that take long to begin with."""
    contestants: tuple[Contestant, ...] = (NumpyScan(), *ENGINES)
    return [
        Group(files, contestants, (*NEAR[::5], *TASKS[12:]), {"MariaDB": "loading takes long"}),
        Group(files // 2, (NumpyScan(), PyBKTree(), Missing(), ENGINES[1]), NEAR, {}),
    ]


def test_the_whole_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "groups", few)
    page = tmp_path / "page.md"
    page.write_text("<!-- 2k phash -->\n<!-- /2k phash -->\n")
    out = tmp_path / "out"
    arguments = ["--files", "2e3", "--seconds", "0.01", "--cache", str(tmp_path), "--out", str(out)]
    assert program.main([*arguments, "--page", str(page)]) == 0
    output, progress = capsys.readouterr()
    report = (out / "report.md").read_text()
    assert "multi-index, r = 8, p50" in output
    assert output.strip() in report
    assert "| MariaDB | – | – | left out: loading takes long |" in report
    assert "| missing | – | – | left out: not installed (No module named 'missing') |" in report
    assert "| phash, ms: p50 (p99) | r = 0 |" in page.read_text()
    assert "filled in phash of" in progress
    for engine in ENGINES:
        assert f"| {engine.name} | " in report
    plotted = (out / "latency.svg").is_file()
    assert plotted != ("no plot: No module named 'matplotlib'" in progress)


def test_disagreement_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def disagree(*_: object) -> None:
        raise agreement.DisagreementError("scan and numpy scan disagree at phash, r = 4")

    monkeypatch.setattr(run, "groups", lambda files: [Group(files, (NumpyScan(),), NEAR, {})])
    monkeypatch.setattr(agreement, "check", disagree)
    out = tmp_path / "out"
    assert program.main(["-n", "1000", "--cache", str(tmp_path), "--out", str(out)]) == 1
    assert capsys.readouterr().err.endswith("benchmarks: scan and numpy scan disagree at phash, r = 4\n")
    assert not out.exists()


@pytest.mark.parametrize("files", [100_000, 14_000_000, 100_000_000])
def test_every_engine_is_measured_at_every_size(files: int) -> None:
    first, *others = run.groups(files)
    assert first.files == files
    assert set(ENGINES) <= set(first.contestants)
    assert {contestant.name for contestant in others[-1].contestants} > {"pybktree"}
    assert others[-1].files == min(files, run.MILLION)


def test_help_says_how_to_begin() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--files" in told.stdout
    refused = subprocess.run(
        [sys.executable, "-m", "benchmarks", "-n", "many"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "such as 14e6, not 'many'" in refused.stderr


def test_a_sample_can_be_shortened() -> None:
    import numpy as np  # noqa: PLC0415

    numbers = np.arange(10, dtype=np.uint64)
    sample = Sample(numbers.astype(np.int64), numbers, numbers, numbers[:4], numbers[:4])
    assert [len(column) for column in sample.head(6)] == [6, 6, 6, 4, 4]
