"""The GraphQL schema, and what every answer carries: codes on errors, and as of when it is true."""

from collections.abc import Iterator, Sequence
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError

from api import bounds, cost, prepared, scalars
from api.errors import BadInput, DatabaseUnavailable, IndexLoading, NoReplica, Refusal, incident
from api.observing import Modes
from api.query import Query
from api.service import Service


class Preparation(SchemaExtension):
    """Parses and validates a query, anew only if it is large, and refuses it where it costs too much."""

    def on_parse(self) -> Iterator[None]:
        """Take what is kept of the query."""
        context = self.execution_context
        self._prepared = prepared.query(context.schema._schema, context.query or "")
        context.graphql_document = self._prepared.document
        yield

    def on_validate(self) -> Iterator[None]:
        """Tell what keeps it from running."""
        self.execution_context.pre_execution_errors = self._errors()
        yield

    def get_results(self) -> dict[str, Any]:
        """The cost; what is not run for other reasons costs nothing."""
        return {"cost": self._cost}

    def _errors(self) -> list[GraphQLError]:
        context, query = self.execution_context, self._prepared
        if query.has_several_operations and not context._provided_operation_name:
            # Strawberry would take the first.
            return [
                _unresolved("there are several operations: say by operationName which one is to be executed")
            ]
        if query.errors:
            return query.errors
        self._cost = query.cost(context.operation_name, context.variables)
        return [cost.refusal(self._cost)] if self._cost > cost.LIMIT else []

    _cost = 0


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
            told = {"cost": 0} | freshness(kwargs["context_value"].service)
            return PreExecutionError(None, [error], told)


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
                NoReplica.code,
                "no Commons replica is configured: only files of folders are known by title",
            )
        )
    if service.wiki.site is None:
        missing.append(
            ("WIKI_UNAVAILABLE", "the wiki does not tell where its files and pages are: addresses are null")
        )
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
        if f"more than {bounds.MOST_TOKENS} tokens" in message:
            message = bounds.TOO_LONG
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


def made(query: type) -> Schema:
    """The schema of a type of queries, with all that holds for any of them."""
    return Schema(
        query,
        extensions=[Preparation, Freshness, Modes],
        config=StrawberryConfig(scalar_map={scalars.Hash: scalars.definition}),
    )


schema = made(Query)
