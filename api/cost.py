"""What a query costs, told from its text and its variables before it runs.

A point is 2 to 5 microseconds of the event loop, whatever is asked. Each field has a price, and what is
selected below a list counts as often as the list may be long. A query is compiled once, to a number or, where
variables matter, to a function of them.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    ListValueNode,
    ObjectValueNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    get_operation_ast,
    is_list_type,
    value_from_ast_untyped,
)

from api.errors import BadInput
from api.paging import LARGEST_PAGE
from bktree.protocol import Tolerance

LIMIT = 50_000
"""Points of one query, a quarter of a second at most; five matches of 500 pictures, with titles, are less."""

_FACTS = (
    "title",
    "url",
    "pageUrl",
    "thumbnailUrl",
    "width",
    "height",
    "mime",
    "sha1",
    "uploadedAt",
    "status",
    "deleted",
)

PRICES = {
    "Query.search": 40,
    "Query.searchMany": 10,
    "Query.file": 40,
    "Query.files": 10,
    "Query.finna": 1000,
    "Query.externalLinks": 1000,
    "Index.commonsFileCount": 100,
    **{f"File.{fact}": 10 for fact in _FACTS},
    "File.hashes": 10,
    "File.matches": 40,
    "Hashes.createdAt": 10,
    "ExternalPicture.hashes": 250,
    "ExternalPicture.matches": 250,
}
"""Points of the fields that look something up, search or fetch."""

_OBJECT = 2
_VALUE = 1
"""Points of any other field: what has fields of its own takes as long again to be made."""

LENGTHS = {
    "FinnaRecord.pictures": 30,
    "__Schema.types": 30,
    "__Schema.directives": 6,
    "__Type.fields": 4,
    "__Type.enumValues": 2,
}
"""How long those lists are taken to be that no argument bounds."""

_WIDE = 12
_WIDELY = 200
"""Points more for a search with more bits than that, which looks at every file."""

Variables: TypeAlias = Mapping[str, Any]

_Known: TypeAlias = Any
"""A value, or a function that tells it from variables."""


def refusal(points: int) -> GraphQLError:
    """What to tell of a query that costs more than it may."""
    told = (
        f"the query costs {points} points, and may cost {LIMIT}: ask for less, that is a smaller first, "
        "fewer pictures or files at a time, or fewer fields of each file"
    )
    return GraphQLError(told, extensions={"code": BadInput.code, "cost": points, "limit": LIMIT})


class Cost:
    """The cost of an operation in a document that is valid and within bounds."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, operation_name: str | None) -> None:
        operation: Any = get_operation_ast(document, operation_name)
        self._schema = schema
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._defaults = {
            each.variable.name.value: value_from_ast_untyped(each.default_value)
            for each in operation.variable_definitions or ()
            if each.default_value
        }
        self._points = self._below(operation.selection_set, schema.query_type, 1)

    def points(self, variables: Variables | None) -> int:
        """Tell the cost for variables as they were sent, even if they are none that can be taken."""
        known: int = self._points
        return self._points({**self._defaults, **(variables or {})}) if callable(self._points) else known

    def _below(self, selected: SelectionSetNode | None, kind: Any, page: _Known) -> _Known:
        if selected is None:
            return 0
        return _lifted(_sum, *(self._selection(each, kind, page) for each in selected.selections))

    def _selection(self, selection: Any, kind: GraphQLObjectType, page: _Known) -> _Known:
        if isinstance(selection, FieldNode):
            points = self._field(selection, kind, page)
        else:
            spread = isinstance(selection, FragmentSpreadNode)
            fragment = self._fragments[selection.name.value] if spread else selection
            points = self._below(fragment.selection_set, kind, page)
        for directive in selection.directives or ():
            points = _lifted(operator.mul, points, _counts(directive))
        return points

    def _field(self, node: FieldNode, kind: GraphQLObjectType, page: _Known) -> _Known:
        name = f"{kind.name}.{node.name.value}"
        field: Any = self._schema.get_field(kind, node.name.value)
        given = {each.name.value: _value(each.value) for each in node.arguments or ()}
        kind_of_value = get_named_type(field.type)
        price = PRICES.get(name, _OBJECT if isinstance(kind_of_value, GraphQLObjectType) else _VALUE)
        if "tolerance" in field.args:
            price = _lifted(operator.add, price, _lifted(_widely, given.get("tolerance")))
        within = _page(field.args["first"], given.get("first")) if "first" in field.args else page
        below = self._below(node.selection_set, kind_of_value, within)
        return _lifted(operator.mul, _times(name, field, given, page), _lifted(operator.add, price, below))


def _times(name: str, field: GraphQLField, given: Mapping[str, _Known], page: _Known) -> _Known:
    """How often what is below a field counts: once for each that a list names, or is taken to have."""
    if name.endswith(("Connection.nodes", "Connection.edges")):
        return page
    lists = [name for name, argument in field.args.items() if is_list_type(get_nullable_type(argument.type))]
    if lists:
        return _lifted(_lengths, *map(given.get, lists))
    return LENGTHS.get(name, 1)


def _page(argument: GraphQLArgument, first: _Known) -> _Known:
    default: int = argument.default_value
    return _lifted(lambda first: _listed(default if first is None else first), first)


def _listed(first: object) -> int:
    """The length of a page; the most there is for what is going to be refused."""
    return int(first) if isinstance(first, int | float) and 0 <= first <= LARGEST_PAGE else LARGEST_PAGE


def _lengths(*lists: object) -> int:
    """Of all lists together; GraphQL takes what is no list for a list of one."""
    return sum(len(each) if isinstance(each, list) else each is not None for each in lists)


def _widely(tolerance: object) -> int:
    given = tolerance if isinstance(tolerance, dict) else {}
    bounds = [given.get(name) for name in Tolerance._fields]
    known = [default if bound is None else bound for bound, default in zip(bounds, Tolerance(), strict=True)]
    # What is no number is refused later.
    least = min((bound for bound in known if isinstance(bound, int | float)), default=0)
    return _WIDELY if least > _WIDE else 0


def _counts(directive: DirectiveNode) -> _Known:
    """Whether what has @skip or @include takes part."""
    told = {"skip": True, "include": False}.get(directive.name.value)
    condition = next(
        (_value(each.value) for each in directive.arguments or () if each.name.value == "if"), None
    )
    return _lifted(lambda condition: condition is not told, condition)


def _value(node: ValueNode) -> _Known:
    """The value that is written in a query."""
    match node:
        case VariableNode():
            return operator.methodcaller("get", node.name.value)
        case ListValueNode():
            return _lifted(lambda *values: list(values), *map(_value, node.values))
        case ObjectValueNode():
            names = [each.name.value for each in node.fields]
            values = (_value(each.value) for each in node.fields)
            return _lifted(lambda *values: dict(zip(names, values, strict=True)), *values)
    return value_from_ast_untyped(node)


def _sum(*points: int) -> int:
    return sum(points)


def _lifted(function: Callable[..., Any], *values: _Known) -> _Known:
    """What a function makes of values, at once where all are known."""
    if not any(map(callable, values)):
        return function(*values)
    return lambda variables: function(*[value(variables) if callable(value) else value for value in values])
