import os
import pty
import sys

import pytest

from commons import progress
from commons.progress import Progress


def test_lines_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0)
    with Progress(30) as bar:
        bar.advance(10, failed=0)
        bar.advance(20, failed=2)
    lines = capsys.readouterr().err.split("\n")
    assert lines[0] == "hashing: 0 of 30 files, ? files/s, ? left"
    assert lines[1].startswith("hashing: 10 of 30 files, ")
    assert lines[1].endswith(" files/s, 00:00 left")
    assert lines[-2].startswith("hashing: 30 of 30 files, ")
    assert lines[-2].endswith(" left, 2 failed")
    assert lines[-1] == ""
    assert not {"\r", "\x1b"} & set("".join(lines))


def test_what_is_counted_can_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(10, "reading", "rows") as bar:
        bar.advance(10)
    assert capsys.readouterr().err.startswith("reading: 0 of 10 rows, ? rows/s, ? left\n")


def test_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(1000) as bar:
        for _ in range(1000):
            bar.advance(1, failed=0)
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_nothing_to_tell(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(0) as bar:
        bar.advance(0, failed=0)
    assert capsys.readouterr().err == ""


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    parent, child = pty.openpty()
    with os.fdopen(child, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with Progress(30) as bar:
            bar.advance(10, failed=0)
            bar.advance(20, failed=2)
        shown = b""
        while not shown.endswith(b"\n"):
            shown += os.read(parent, 10_000)
    os.close(parent)
    assert b"\rhashing: 100%|" in shown
    assert b"30/30 [00:00<00:00" in shown
    assert b" files/s, 2 failed]" in shown
