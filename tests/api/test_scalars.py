from typing import cast

import pytest
from graphql import GraphQLError, GraphQLScalarType, parse_value
from hypothesis import given
from hypothesis import strategies as st

from api.schema import schema

HASH = cast("GraphQLScalarType", schema._schema.type_map["Hash"])
HASHES = st.integers(0, 2**64 - 1)


@given(HASHES)
def test_a_hash_comes_back_as_it_went(value: int) -> None:
    text = f"{value:016x}"
    assert HASH.serialize(value) == text
    assert HASH.parse_value(text) == HASH.parse_value("0x" + text.upper()) == value
    assert (
        HASH.parse_literal(parse_value(f'"{text}"')) == HASH.parse_literal(parse_value(str(value))) == value
    )


@given(st.integers())
def test_integers_of_json_are_taken_as_far_as_it_keeps_them(value: int) -> None:
    if 0 <= value < 2**53:
        assert HASH.parse_value(value) == value
    else:
        with pytest.raises(GraphQLError):
            HASH.parse_value(value)


@pytest.mark.parametrize("value", [1.0, True, None, [], {}, "", "0x", "1" * 17, "\u0661" * 16, " 1"])
def test_nothing_else_is_a_hash(value: object) -> None:
    with pytest.raises(GraphQLError):
        HASH.parse_value(value)
