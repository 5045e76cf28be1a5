from pathlib import Path

from tests.conformance.conftest import Node
from tests.programs import ROOT

CONTRACT = "tests/contract.graphql"
EXPORTED = "docs/schema.graphql"


def test_nothing_breaks_the_contract(node: Node) -> None:
    compared = node("graphql-inspector", "diff", CONTRACT, EXPORTED)
    assert compared.returncode == 0, compared.stdout + compared.stderr
    assert "No breaking changes detected" in compared.stdout


def test_what_would_break_it_is_seen(node: Node, tmp_path: Path) -> None:
    broken = (ROOT / EXPORTED).read_text().replace("truncated: Boolean!", "cut: Boolean!")
    (tmp_path / "broken.graphql").write_text(broken)
    compared = node("graphql-inspector", "diff", CONTRACT, str(tmp_path / "broken.graphql"))
    assert compared.returncode == 1
    assert "truncated was removed from object type MatchConnection" in compared.stdout


def test_the_schema_follows_the_rules_for_schemas(node: Node) -> None:
    linted = node("eslint", "--config", "tests/conformance/eslint.config.js", "--max-warnings=0", EXPORTED)
    assert linted.returncode == 0, linted.stdout + linted.stderr
