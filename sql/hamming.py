"""Hamming distance in SQL: ``BIT_COUNT(a XOR b)``."""

from typing import Any

from sqlalchemy import ColumnElement, Integer, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from sql.columns import Unsigned64


class distance(GenericFunction[int]):  # noqa: N801  (a function of SQL, named as one)
    """Hamming distance of a column of hashes to another, 0 to 64."""

    type = Integer()
    inherit_cache = True


def to(column: ColumnElement[int], value: int) -> ColumnElement[int]:
    """Distance of each hash in a column to ``value``, an unsigned 64-bit integer."""
    return distance(column, literal(value, Unsigned64))


@compiles(distance)
def _xor(element: distance, compiler: SQLCompiler, **options: Any) -> str:
    a, b = (compiler.process(clause, **options) for clause in element.clauses)
    return f"BIT_COUNT({a} ^ {b})"


@compiles(distance, "sqlite")
def _without_xor(element: distance, compiler: SQLCompiler, **options: Any) -> str:
    a, b = (compiler.process(clause, **options) for clause in element.clauses)
    return f"BIT_COUNT(({a} | {b}) & ~({a} & {b}))"
