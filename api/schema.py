"""The GraphQL schema, and what every answer carries: codes on errors, and as of when it is true."""

from collections.abc import Iterator, Sequence
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLSyntaxError, OperationDefinitionNode
from strawberry.extensions import (
    AddValidationRules,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    SchemaExtension,
    ValidationCache,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError

from api import scalars
from api.errors import BadInput, DatabaseUnavailable, IndexLoading, Refusal, ReplicaUnavailable, incident
from api.query import Query
from api.service import Service

MOST_TOKENS = 6000
"""In the text of a query: enough for 500 pictures written out."""

DEEPEST = 10
"""Fields within fields: enough for the files near the files near a file."""

_SMALL = 4000
"""Characters of a query that is worth keeping parsed and validated; the memory for larger ones adds up."""

_KEPT = 250
"""Queries that are kept."""


class SmallParserCache(ParserCache):
    """Keeps small queries parsed."""

    def on_parse(self) -> Iterator[None]:
        """Let a large one be parsed anew."""
        if len(self.execution_context.query or "") <= _SMALL:
            yield from super().on_parse()
        else:
            yield


class SmallValidationCache(ValidationCache):
    """Keeps the results of validating small queries."""

    def on_validate(self) -> Iterator[None]:
        """Let a large one be validated anew."""
        if len(self.execution_context.query or "") <= _SMALL:
            yield from super().on_validate()
        else:
            yield


class Validation(SchemaExtension):
    """Tells errors found before a query runs from those found while it does."""

    def on_validate(self) -> Iterator[None]:
        """Mark what validation finds, and refuse to choose among operations: Strawberry takes the first."""
        if self._several_and_none_named():
            self.execution_context.pre_execution_errors = [
                _unresolved("there are several operations: say by operationName which one is to be executed")
            ]
        yield
        for error in self.execution_context.pre_execution_errors or ():
            error.extensions = error.extensions or {"code": "GRAPHQL_VALIDATION_FAILED"}

    def _several_and_none_named(self) -> bool:
        document = self.execution_context.graphql_document
        if self.execution_context._provided_operation_name or document is None:
            return False
        return sum(isinstance(each, OperationDefinitionNode) for each in document.definitions) > 1


class Freshness(SchemaExtension):
    """Says as of when an answer is true, and what it had to do without."""

    def get_results(self) -> dict[str, Any]:
        """What every answer says of itself."""
        return freshness(self.execution_context.context.service)


class Schema(strawberry.Schema):
    """Leaves the logging of errors to :func:`presented`: a client's mistake is none of the log's business."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Nothing here."""

    async def execute(self, *args: Any, **kwargs: Any) -> ExecutionResult:
        """Execute a query; that its operation is not there is an error like any other."""
        try:
            return await super().execute(*args, **kwargs)
        except CannotGetOperationTypeError:
            error = _unresolved("there is no such operation in the query")
            return PreExecutionError(None, [error], freshness(kwargs["context_value"].service))


def freshness(service: Service) -> dict[str, Any]:
    """``asOf``, and ``degraded`` where something is missing."""
    as_of = service.live.as_of
    told: dict[str, Any] = {"asOf": None if as_of is None else as_of.isoformat()}
    missing = degraded(service)
    return told | {"degraded": missing} if missing else told


def degraded(service: Service) -> list[dict[str, str]]:
    """What answers have to do without at the moment, each by code and in words."""
    live = service.live
    missing = []
    if not live.loaded:
        missing.append((IndexLoading.code, "the index is loading: the database answers, with a time limit"))
    elif live.stale:
        missing.append((DatabaseUnavailable.code, "the database cannot be read: answers are as of asOf"))
    if not service.has_commons:
        missing.append(
            (
                ReplicaUnavailable.code,
                "no Commons replica is configured: only files of folders are known by title",
            )
        )
    if service.wiki.files is None:
        missing.append(("WIKI_UNAVAILABLE", "the wiki does not tell where its files are: addresses are null"))
    if not live.has_own_tables:
        missing.append(("DELETIONS_UNKNOWN", "the table of deletions cannot be read"))
    return [{"code": code, "message": message} for code, message in missing]


def presented(errors: Sequence[GraphQLError]) -> list[GraphQLError]:
    """Errors as clients see them: each with a code, and what is the server's fault only by an id."""
    return [_presented(error) for error in errors]


def _unresolved(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "OPERATION_RESOLUTION_FAILURE"})


def _presented(error: GraphQLError) -> GraphQLError:
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    message, extensions = error.message, dict(error.extensions or {})
    if isinstance(error, GraphQLSyntaxError):
        extensions["code"] = "GRAPHQL_PARSE_FAILED"
    elif isinstance(cause, Refusal):
        extensions["code"] = cause.code
        if cause.retry_after is not None:
            extensions["retryAfter"] = cause.retry_after
    elif error.path is not None or not isinstance(cause, GraphQLError | None):
        message = incident(cause or error)
        extensions["code"] = Refusal.code
    else:
        extensions.setdefault("code", BadInput.code)
    return GraphQLError(
        message, error.nodes, error.source, error.positions, error.path, extensions=extensions
    )


_RULES = QueryDepthLimiter(DEEPEST).validation_rules


def made(query: type) -> Schema:
    """The schema of a type of queries, with all that holds for any of them."""
    return Schema(
        query,
        extensions=[
            lambda: MaxTokensLimiter(MOST_TOKENS),
            # One class of rule for all requests: with a new one for each, no validation would be kept.
            lambda: AddValidationRules(_RULES),
            lambda: SmallParserCache(_KEPT),
            lambda: SmallValidationCache(_KEPT),
            Validation,
            Freshness,
        ],
        config=StrawberryConfig(scalar_map={scalars.Hash: scalars.definition}),
    )


schema = made(Query)
