"""The whole program, over few files."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.serving import __main__ as program
from benchmarks.serving import run
from benchmarks.serving.load import LoadError
from tests.programs import ROOT


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    return [
        *("--files", "2000", "--seconds", "1"),
        *("--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "out")),
    ]


def test_the_whole_program(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "ROUNDS", 1)
    monkeypatch.setattr(run, "WARM_UP", 1)
    page = tmp_path / "page.md"
    page.write_text("<!-- 2k api rates -->\n<!-- /2k api rates -->\n")
    assert program.main([*arguments, "--page", str(page)]) == 0
    output, progress = capsys.readouterr()
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| search, requests a second | 0.8× constant search |" in output
    assert output.strip() in report
    assert "2,000 files over MariaDB" in report
    assert "600 answers were compared and the same" in report
    assert "| the old tool's queries | 16 |" in page.read_text()
    assert "filled in api rates of" in progress


def test_failed_requests_end_the_run(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise LoadError("3 of 9 requests for search failed")

    monkeypatch.setattr(program, "measure", fail)
    assert program.main(arguments) == 1
    assert capsys.readouterr().err == "benchmarks: 3 of 9 requests for search failed\n"
    assert not (tmp_path / "out").exists()


def test_help_says_how_to_begin() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.serving", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--files" in told.stdout
