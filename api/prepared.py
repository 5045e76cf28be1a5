"""What is made of a query's text before it runs, and kept of small queries, which come again and again."""

from functools import cached_property, lru_cache

from graphql import DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode, parse, validate

from api import bounds
from api.cost import Cost, Variables

_SMALL = 4000
"""Characters of a query that is kept; the memory for larger ones adds up."""

_KEPT = 250
"""Queries that are kept."""


_MOST_ERRORS = 5
"""Errors that are told of one; each takes a while to put into words."""


class Prepared:
    """A query, parsed; raises GraphQLSyntaxError."""

    def __init__(self, schema: GraphQLSchema, query: str) -> None:
        self.document: DocumentNode = parse(query, max_tokens=bounds.MOST_TOKENS)
        self._schema = schema
        self._costs: dict[str | None, Cost] = {}

    @cached_property
    def has_several_operations(self) -> bool:
        """Whether one of them has to be named."""
        return sum(isinstance(each, OperationDefinitionNode) for each in self.document.definitions) > 1

    @cached_property
    def errors(self) -> list[GraphQLError]:
        """What is wrong with it, each error with its code."""
        errors = bounds.excess(self.document) or validate(
            self._schema, self.document, max_errors=_MOST_ERRORS
        )
        for error in errors:
            error.extensions = {"code": "GRAPHQL_VALIDATION_FAILED"}
        return errors

    def cost(self, operation_name: str | None, variables: Variables | None) -> int:
        """The points of one of its operations; to be asked where there are no errors."""
        cost = self._costs.get(operation_name)
        if cost is None:
            cost = self._costs[operation_name] = Cost(self._schema, self.document, operation_name)
        return cost.points(variables)


_kept = lru_cache(_KEPT)(Prepared)


def query(schema: GraphQLSchema, text: str) -> Prepared:
    """What a text comes to, from before if it is small; raises GraphQLSyntaxError."""
    return _kept(schema, text) if len(text) <= _SMALL else Prepared(schema, text)
