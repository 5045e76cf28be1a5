from typing import Any

import pytest
from graphql import get_introspection_query, get_named_type, is_list_type, is_non_null_type, parse

from api.cost import LENGTHS, LIMIT, PRICES, Cost
from api.schema import schema

PAIR = {"phash": "aaaaaaaa55555555", "dhash": "0f0f0f0f0f0f0f0f"}
MANY = "query($pictures: [HashPair!]!, $first: Int) { searchMany(pictures: $pictures, first: $first) { %s } }"


def cost(query: str, operation: str | None = None, **variables: Any) -> int:
    return Cost(schema._schema, parse(query), operation).points(variables)


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        ("{ index { engine } }", {}, 3),
        ("{ __typename }", {}, 1),
        ("{ file(pageId: 1) { pageId title } }", {}, 40 + 1 + 10),
        ("{ a: index { engine } b: index { engine } }", {}, 6),
        ("{ search(phash: 1, dhash: 1) { nodes { phashDistance } } }", {}, 40 + 20 * 3),
        ("{ search(phash: 1, dhash: 1, first: 3) { nodes { phashDistance } } }", {}, 40 + 3 * 3),
        ("{ search(phash: 1, dhash: 1, first: 0) { totalCount } }", {}, 40 + 1),
        ("{ search(phash: 1, dhash: 1, first: null) { edges { cursor } } }", {}, 40 + 20 * 3),
        ("{ search(phash: 1, dhash: 1, first: 3) { pageInfo { endCursor } } }", {}, 40 + 2 + 1),
        ('{ files(pageIds: [1, 2], titles: ["A"]) { pageId } }', {}, 3 * 11),
        ("{ files(pageIds: 1) { pageId } }", {}, 11),
        ("{ files { pageId } }", {}, 0),
        (MANY % "totalCount", {"pictures": [PAIR] * 500, "first": 1}, 500 * 11),
        (MANY % "nodes { phashDistance }", {"pictures": [PAIR] * 2, "first": 3}, 2 * (10 + 3 * 3)),
        (MANY % "nodes { phashDistance }", {"pictures": [PAIR] * 2, "first": None}, 2 * (10 + 5 * 3)),
        (MANY % "nodes { phashDistance }", {"pictures": [PAIR] * 2}, 2 * (10 + 5 * 3)),
        (MANY % "nodes { phashDistance }", {"pictures": PAIR, "first": 2.0}, 10 + 2 * 3),
        (
            "query($n: Int = 7) { search(phash: 1, dhash: 1, first: $n) { nodes { phashDistance } } }",
            {},
            40 + 7 * 3,
        ),
    ],
)
def test_a_cost_is_the_price_of_all_fields_as_often_as_they_are_listed(
    query: str, variables: dict[str, Any], expected: int
) -> None:
    assert cost(query, **variables) == expected


@pytest.mark.parametrize("first", [101, -1, "5", True, [5], float("nan"), 10**400])
def test_what_is_no_page_costs_at_most_a_whole_one(first: object) -> None:
    whole = 10 + 100 * 3
    assert 10 < cost(MANY % "nodes { phashDistance }", pictures=[PAIR], first=first) <= whole


def test_fragments_cost_where_they_are_used() -> None:
    nodes = "fragment Listed on MatchConnection { nodes { phashDistance } }"
    search = "search(phash: 1, dhash: 1, first: %d) { ...Listed }"
    assert cost("{ a: " + search % 2 + " b: " + search % 20 + " }" + nodes) == 40 + 2 * 3 + 40 + 20 * 3
    assert cost("{ ... on Query { ... { index { engine } } } }") == 3


def test_what_is_skipped_costs_nothing() -> None:
    query = "query($yes: Boolean = true) { index @%s(if: $yes) { engine } }"
    assert [cost(query % "include"), cost(query % "include", yes=False)] == [3, 0]
    assert [cost(query % "skip"), cost(query % "skip", yes=False)] == [0, 3]
    assert cost("{ index { engine @skip(if: true) ... @include(if: false) { liveCount } } }") == 2
    assert cost("query($yes: Boolean!) { index @skip(if: $yes) { engine } }", yes="no boolean") == 3


@pytest.mark.parametrize(
    ("tolerance", "wide"),
    [
        (None, False),
        ({}, False),
        ({"phash": 64}, False),
        ({"phash": 64, "dhash": None}, False),
        ({"phash": 64, "dhash": 64}, True),
        ({"phash": 64, "dhash": 64, "closest": 0}, False),
        ({"phash": "many", "dhash": 64}, True),
        ({"phash": "many", "dhash": "more"}, False),
        ([], False),
    ],
)
def test_a_wide_search_costs_more(tolerance: object, *, wide: bool) -> None:
    query = "query($t: Tolerance) { search(phash: 1, dhash: 1, tolerance: $t) { totalCount } }"
    assert cost(query, t=tolerance) == (241 if wide else 41)
    inside = "query($n: Int) { search(phash: 1, dhash: 1, tolerance: {phash: $n, dhash: 64}) { totalCount } }"
    assert [cost(inside, n=64), cost(inside, n=8)] == [241, 41]


def test_only_the_operation_that_runs_costs() -> None:
    assert cost("query A { index { engine } } query B { index { engine liveCount } }", "B") == 4


def test_what_is_useful_is_within_the_limit_and_all_of_5000_files_is_not() -> None:
    pictures = [PAIR] * 500
    found = "totalCount nodes { phashDistance dhashDistance file { pageId title } }"
    assert 0.9 * LIMIT < cost(MANY % found, pictures=pictures) <= LIMIT
    assert cost(MANY % "nodes { file { title url sha1 } }", pictures=pictures) > LIMIT
    facts = [name.removeprefix("File.") for name in PRICES if name.startswith("File.")]
    more = {"hashes": "{ phash dhash lowInformation createdAt }", "matches": "(first: 0) { totalCount }"}
    everything = " ".join(fact + more.get(fact, "") for fact in facts)
    page = f"{{ search(phash: 1, dhash: 1, first: 100) {{ nodes {{ file {{ {everything} }} }} }} }}"
    assert cost(page) < LIMIT / 2
    assert cost(get_introspection_query()) < LIMIT / 2


def test_every_price_is_of_a_field_and_every_length_of_a_list() -> None:
    types: Any = schema._schema.type_map
    for name in [*PRICES, *LENGTHS]:
        kind, field = name.split(".")
        assert field in types[kind].fields, name
    for name in LENGTHS:
        kind, field = name.split(".")
        returned = types[kind].fields[field].type
        assert is_list_type(returned.of_type if is_non_null_type(returned) else returned), name


def test_every_list_below_a_query_has_a_length() -> None:
    types: Any = schema._schema.type_map
    unbounded = {
        f"{kind}.{name}"
        for kind in types
        for name, field in getattr(types[kind], "fields", {}).items()
        if not kind.startswith("__")
        and is_list_type(field.type.of_type if is_non_null_type(field.type) else field.type)
        and get_named_type(field.type).name in types
    }
    bounded = {name for name in unbounded if name.endswith(("Connection.nodes", "Connection.edges"))}
    assert unbounded - bounded - LENGTHS.keys() == {"Query.files", "Query.searchMany"}
