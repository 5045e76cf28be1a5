import pytest
from graphql import get_introspection_query, parse

from api import bounds

_LEVEL = "matches { nodes { file { "
_CHAIN = "".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }} " for n in range(100))
_CIRCLE = "fragment A on File { pageId ...B } fragment B on File { ...A }"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("{" + "index { engine } " * 151 + "}", "more than 300 fields"),
        ("{" + " ".join(f"a{n}: __typename" for n in range(51)) + "}", "more than 50 aliases"),
        ("{ index { engine " + "@include(if: true) " * 51 + "} }", "more than 50 directives"),
        (
            "{ file(pageId: 1) { " + _LEVEL * 4 + "pageId" + " } } }" * 4 + " } }",
            "more than 12 fields within",
        ),
        ("{ ...F0 } " + _CHAIN + "fragment F100 on Query { __typename }", "more than 300 fields"),
        ("{ file(pageId: 1) { ...A } }" + _CIRCLE, "more than 300 fields"),
        ("{ index { engine } } fragment Unused on Index {" + "engine " * 300 + "}", "more than 300 fields"),
        ("query A { index { engine } } query B {" + "index { engine } " * 150 + "}", "more than 300 fields"),
    ],
    ids=["fields", "aliases", "directives", "depth", "exponential", "circle", "unused", "operations"],
)
def test_what_is_out_of_bounds_is_refused_and_says_how_to_ask_for_less(query: str, told: str) -> None:
    (error,) = bounds.excess(parse(query))
    assert told in error.message
    assert "ask for less" in error.message


@pytest.mark.parametrize(
    "query",
    [
        "{" + "index { engine } " * 150 + "}",
        "{" + " ".join(f"a{n}: __typename" for n in range(50)) + "}",
        "{ file(pageId: 1) { " + _LEVEL * 3 + "hashes { phash }" + " } } }" * 3 + " } }",
        "{ ...Unknown }",
        get_introspection_query(
            specified_by_url=True,
            directive_is_repeatable=True,
            schema_description=True,
            input_value_deprecation=True,
            one_of=True,
        ),
    ],
    ids=["fields", "aliases", "depth", "unknown", "introspection"],
)
def test_what_is_within_bounds_is_let_be(query: str) -> None:
    expected: list[Exception] = []
    assert bounds.excess(parse(query)) == expected
