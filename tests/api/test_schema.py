from pathlib import Path

from graphql import BreakingChange, build_schema, find_breaking_changes

from api.schema import schema

CONTRACT = Path(__file__).parents[1] / "contract.graphql"
EXPORTED = Path(__file__).parents[2] / "docs" / "schema.graphql"


def test_the_schema_keeps_the_contract() -> None:
    expected: list[BreakingChange] = []
    assert (
        find_breaking_changes(build_schema(CONTRACT.read_text()), build_schema(schema.as_str())) == expected
    )


def test_the_contract_is_the_one_handed_out() -> None:
    handed_out = Path(__file__).parents[3] / "shared" / "schema.graphql"
    assert CONTRACT.read_text() == handed_out.read_text()


def test_the_schema_checked_in_is_the_one_served() -> None:
    assert EXPORTED.read_text() == schema.as_str() + "\n"
