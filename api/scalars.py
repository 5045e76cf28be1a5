"""The scalar ``Hash``: 64 bits, in hexadecimal or, in a query's text, as an unsigned decimal number."""

from typing import Any, NewType

import strawberry
from graphql import GraphQLError, IntValueNode, StringValueNode, ValueNode, print_ast

from commons.hashes import check_hash, format_hex, parse_hex

_LARGEST_SAFE = 2**53 - 1
"""JavaScript's Number.MAX_SAFE_INTEGER: beyond it, its JSON rounds integers."""

_MOST_DIGITS = 20
"""Decimal digits of 2^64 - 1."""

Hash = NewType("Hash", int)


def _parse_value(value: object) -> int:
    if isinstance(value, str):
        return _checked(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphQLError("a hash is a string of 16 hexadecimal digits")
    if value > _LARGEST_SAFE:
        raise GraphQLError(
            "a number above 2^53 - 1 may have been rounded on its way: send the hash as a string of 16 "
            "hexadecimal digits"
        )
    return _checked(value)


def _parse_literal(node: ValueNode, _variables: dict[str, Any] | None = None) -> int:
    if isinstance(node, StringValueNode):
        return _checked(node.value, node)
    if isinstance(node, IntValueNode) and len(node.value) <= _MOST_DIGITS:
        return _checked(int(node.value), node)
    raise GraphQLError(
        f"{print_ast(node)[:100]} is no hash: give a string of 16 hexadecimal digits or an unsigned "
        "64-bit number",
        node,
    )


def _checked(value: str | int, node: ValueNode | None = None) -> int:
    try:
        return parse_hex(value) if isinstance(value, str) else check_hash(value)
    except ValueError as error:
        raise GraphQLError(str(error), node) from error


definition = strawberry.scalar(
    name="Hash",
    description=(
        "64-bit perceptual hash. A string holds 16 hexadecimal digits (as imagehash prints it and as "
        "Commons structured data holds it in P9310 and P12563), with or without 0x; a bare integer in the "
        "query's text is unsigned decimal. In JSON variables integers above 2^53 - 1 are refused, since "
        "JavaScript rounds them: send hexadecimal. Always returned as 16 lower-case hexadecimal digits."
    ),
    serialize=format_hex,
    parse_value=_parse_value,
    parse_literal=_parse_literal,
)
