"""The whole program, over few files."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.agreement import DisagreementError
from benchmarks.indexing import __main__ as program
from benchmarks.indexing import run
from tests.programs import ROOT


@pytest.fixture
def arguments(few_photos: Path, photos: Path, tmp_path: Path) -> list[str]:
    return [
        *("--files", "60", "--passes", "1", "--photos", str(few_photos)),
        *("--large", str(photos / "exif"), "--out", str(tmp_path / "out")),
    ]


def test_the_whole_program(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "INTERVAL", 0.05)
    page = tmp_path / "page.md"
    page.write_text("<!-- 60 index rates -->\n<!-- /60 index rates -->\n")
    assert program.main([*arguments, "--page", str(page)]) == 0
    output, progress = capsys.readouterr()
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| files a second | 70% of the bare loop's |" in output
    assert output.strip() in report
    assert "60 files, copies of 7 photos" in report
    assert "of 1 photos" in report
    assert "| `imagehash-index page` |" in page.read_text()
    assert "filled in index rates of" in progress


def test_disagreement_ends_the_run(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def disagree(*_: object) -> None:
        raise DisagreementError("phash has 59 rows of 60 files")

    monkeypatch.setattr(program, "measure", disagree)
    assert program.main(arguments) == 1
    assert capsys.readouterr().err == "benchmarks: phash has 59 rows of 60 files\n"
    assert not (tmp_path / "out").exists()


def test_help_says_how_to_begin() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.indexing", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--files" in told.stdout
