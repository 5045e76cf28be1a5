import pytest
from graphql import GraphQLSyntaxError

from api import prepared
from api.schema import schema

SCHEMA = schema._schema
QUERY = "query($first: Int) { search(phash: 1, dhash: 1, first: $first) { nodes { phashDistance } } }"


def test_small_queries_are_kept_and_large_ones_are_not() -> None:
    assert prepared.query(SCHEMA, QUERY) is prepared.query(SCHEMA, QUERY)
    large = QUERY + " " * 4000
    assert prepared.query(SCHEMA, large) is not prepared.query(SCHEMA, large)


def test_errors_have_their_code() -> None:
    for text in ("{ nothing }", "{" + "index { engine } " * 200 + "}"):
        for error in prepared.query(SCHEMA, text).errors:
            assert error.extensions == {"code": "GRAPHQL_VALIDATION_FAILED"}


def test_no_more_errors_are_told_than_can_be_put_into_words_at_once() -> None:
    fields = " ".join(f"x{number}: 1" for number in range(1500))
    query = f"{{ search(phash: 1, dhash: 1, tolerance: {{{fields}}}) {{ totalCount }} }}"
    assert 0 < len(prepared.query(SCHEMA, query).errors) <= 6


def test_the_cost_is_told_for_each_operation_and_all_variables() -> None:
    query = prepared.query(SCHEMA, "query A { index { engine } } " + QUERY.replace("query", "query B"))
    assert [query.cost("A", None), query.cost("B", {"first": 1}), query.cost("B", {"first": 2})] == [
        3,
        43,
        46,
    ]


@pytest.mark.parametrize("text", ["{", "{ index { engine " + "engine " * 6000 + "} }"])
def test_what_cannot_be_parsed_is_told(text: str) -> None:
    with pytest.raises(GraphQLSyntaxError):
        prepared.query(SCHEMA, text)
