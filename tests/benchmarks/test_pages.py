from pathlib import Path

from benchmarks import pages

PAGE = """# Speed

<!-- 14M targets -->
old
<!-- /14M targets -->

<!-- 14M plot -->
<!-- /14M plot -->

<!-- 100M targets -->
kept
<!-- /100M targets -->
"""


def test_only_the_places_of_this_size_are_filled_in(tmp_path: Path) -> None:
    page, plot = tmp_path / "performance.md", tmp_path / "latency.svg"
    page.write_text(PAGE)
    plot.write_text("<svg/>")
    assert pages.fill(page, "14M", {"targets": r"new \1", "memory": "no place for it"}, plot) == [
        "targets",
        "plot",
    ]
    text = page.read_text()
    assert "<!-- 14M targets -->\n\nnew \\1\n\n<!-- /14M targets -->" in text
    assert "(performance/14M.svg)" in text
    assert "kept" in text
    assert "old" not in text
    assert (tmp_path / "performance" / "14M.svg").read_text() == "<svg/>"
    pages.fill(page, "14M", {"targets": r"new \1"}, plot)
    assert page.read_text() == text


def test_other_sizes_leave_the_page_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(PAGE)
    assert pages.fill(page, "100k", {"targets": "new"}, tmp_path / "none.svg") == []
    assert page.read_text() == PAGE
    assert not (tmp_path / "performance").exists()
