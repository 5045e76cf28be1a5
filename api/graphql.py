"""GraphQL over HTTP, https://graphql.github.io/graphql-over-http/."""

from collections.abc import Mapping
from typing import Any

from cross_web import HTTPException
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse
from strawberry.types import ExecutionResult

from api.context import Context
from api.schema import Schema, presented, schema
from api.service import Service


class Endpoint(GraphQL[Context, None]):
    """Answers queries by POST and GET; ``service`` is what resolvers work with."""

    def __init__(self, service: Service, queries: Schema = schema) -> None:
        super().__init__(queries, graphql_ide=None, subscription_protocols=())
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what is wrong with it as HTTP is told in GraphQL's form too."""
        request = Request(scope, receive)
        try:
            response: Response = await self.run(request)
        except HTTPException as error:
            response = Response(
                self.encode_json(_refusal(error.reason)),
                error.status_code,
                _allow(error.status_code),
                media_type="application/json",
            )
        await response(scope, receive, send)

    def parse_json(self, data: str | bytes) -> Any:
        """Parse a body, variables or extensions; Strawberry takes for granted what is checked here."""
        try:
            parsed = super().parse_json(data)
        except (ValueError, RecursionError):
            raise HTTPException(400, "Unable to parse request body as JSON") from None
        if not isinstance(parsed, dict | list):
            raise HTTPException(400, "A request is a JSON object, and so are its variables")
        return parsed

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """What the resolvers of one request share."""
        return Context(self._service, str(request.base_url))

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Give errors the form that clients get to see."""
        answer: GraphQLHTTPResponse = {"data": result.data}
        if result.errors:
            answer["errors"] = [error.formatted for error in presented(result.errors)]
        if result.extensions:
            answer["extensions"] = result.extensions
        return answer


def _refusal(message: str) -> dict[str, Any]:
    return {"errors": [GraphQLError(message, extensions={"code": "BAD_REQUEST"}).formatted]}


def _allow(status: int) -> Mapping[str, str]:
    return {"Allow": "GET, POST, OPTIONS"} if status == 405 else {}  # noqa: PLR2004
