"""Watches over requests: each has an id, is timed, and counted by what it asks for and what comes of it."""

import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from graphql import DocumentNode, FieldNode, OperationDefinitionNode
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from strawberry.extensions import SchemaExtension

from api.metrics import Metrics, of_status
from api.requests import ID_HEADER, Current, current

GRAPHQL = "graphql"
"""The mode of a GraphQL request that asks for several things, or for none that there is."""

FIELDS = frozenset({"search", "searchMany", "file", "files", "finna", "externalLinks", "index"})
"""The fields of the query; each is a mode."""


class Observed:
    """Gives every request an id, which its answer carries too, and tells ``metrics`` of it.

    ``modes`` are what the paths ask for; whatever has another path is ``other``.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, modes: dict[str, str]) -> None:
        self._app = app
        self._metrics = metrics
        self._modes = modes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it whatever happens."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        request = Current(next((value for name, value in scope["headers"] if name == ID_HEADER), None))
        # Left set: a request is a task of its own, and what the server logs of it comes after.
        current.set(request)
        header = ID_HEADER, request.id.encode()
        status = 0

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], header]
            await send(message)

        try:
            await self._app(scope, receive, marked)
        except Exception:
            # Starlette has had it logged and answered, and raises it for servers that would log it again.
            if status != HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
        finally:
            mode = request.mode or self._modes.get(scope["path"], "other")
            outcome = request.outcome or of_status(status)
            self._metrics.answered(mode, outcome, time.perf_counter() - begun)


class Modes(SchemaExtension):
    """Tells what a GraphQL request asks for: the field of the query, if it is one."""

    def get_results(self) -> dict[str, Any]:
        """Note it; nothing is added to the answer."""
        request, document = current.get(), self.execution_context.graphql_document
        if request is not None and document is not None:
            request.mode = mode_of(document, self.execution_context.operation_name)
        return {}


def mode_of(document: DocumentNode, operation: str | None) -> str:
    """What an operation of a document asks for."""
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode) and (
            operation is None or (definition.name is not None and definition.name.value == operation)
        ):
            return _field(definition.selection_set.selections)
    return GRAPHQL


def _field(selections: Iterable[Any]) -> str:
    names = {selection.name.value for selection in selections if isinstance(selection, FieldNode)}
    return names.pop() if len(names) == 1 and names <= FIELDS else GRAPHQL
