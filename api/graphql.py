"""GraphQL over HTTP, https://graphql.github.io/graphql-over-http/.

Answers are ``application/graphql-response+json``, with a status that tells how it went, for those who ask for
it, and for all others ``application/json``, with 200 for whatever is a GraphQL request.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from cross_web import AsyncHTTPRequestAdapter, HTTPException
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.http.base import BaseRequestProtocol
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult

from api.caching import lifetime
from api.context import Context
from api.errors import status_of
from api.metrics import of_codes
from api.negotiation import GRAPHQL, GRAPHQL_HEADERS, JSON, graphql_type
from api.ratelimit import charge
from api.requests import current
from api.schema import Schema, presented, schema
from api.service import Service

_PARTIAL_SUCCESS = 294
"""Data and errors both; HTTP has no status for it, GraphQL over HTTP has."""

_PARAMETERS = {"query": str, "operationName": str, "variables": dict, "extensions": dict}


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
            response = self._refused(request, error)
        await response(scope, receive, send)

    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:
        """Never: what a browser gets to see is not made here."""
        return False

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """What the resolvers of one request share."""
        return Context(self._service, str(request.base_url))

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """The head of an answer: its media type, and how long it may be kept if it is a good one."""
        media_type = graphql_type(request.headers)
        if media_type is None:
            raise HTTPException(406, f"answers are {JSON} or {GRAPHQL}")
        kept = lifetime(self._service) if request.scope["method"] == "GET" else {}
        return Response(headers=GRAPHQL_HEADERS[media_type] | kept, media_type=media_type)

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """What is asked, by a form that Strawberry goes by without a further look."""
        if request.method == "GET":
            asked = self.parse_query_params(request.query_params)
        elif (request.content_type or "").partition(";")[0].strip().lower() == JSON:
            asked = self.parse_json(await request.get_body())
        else:
            raise HTTPException(415, f"a query is posted as {JSON}")
        if not isinstance(asked, dict):
            raise HTTPException(400, "a request is one JSON object; several at once are several requests")
        for name, kind in _PARAMETERS.items():
            if not isinstance(asked.get(name), kind | None):
                raise HTTPException(400, f"{name} is to be {'a string' if kind is str else 'a JSON object'}")
        operation = asked.get("operationName") or None
        return GraphQLRequestData(
            asked.get("query"), asked.get("variables"), operation, asked.get("extensions")
        )

    def parse_json(self, data: str | bytes) -> Any:
        """A body, variables or extensions."""
        try:
            return super().parse_json(data)
        except (ValueError, RecursionError):
            raise HTTPException(400, "Unable to parse request body as JSON") from None

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Give errors the form that clients get to see; there is no data where nothing was executed."""
        answer: GraphQLHTTPResponse = {"data": result.data}
        if result.errors:
            errors = presented(result.errors)
            _note(errors)
            answer["errors"] = [error.formatted for error in errors]
            if result.data is None and not any(error.path for error in result.errors):
                del answer["data"]
        if result.extensions:
            answer["extensions"] = result.extensions
            charge(request.scope, result.extensions["cost"])
        return answer

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        """Fill in the head; an answer with errors, or without something, is not one to be kept."""
        errors = response_data.get("errors", ())
        response = sub_response
        response.body = response.render(self.encode_json(response_data))
        response.headers["Content-Length"] = str(len(response.body))
        response.status_code = _status(response_data, str(response.media_type))
        if errors or "degraded" in response_data.get("extensions", ()):
            del response.headers["Cache-Control"]
        waits = [error["extensions"]["retryAfter"] for error in errors if "retryAfter" in error["extensions"]]
        if waits:
            response.headers["Retry-After"] = str(max(waits))
        return response

    def _refused(self, request: Request, error: HTTPException) -> Response:
        status, headers = error.status_code, GRAPHQL_HEADERS[graphql_type(request.headers) or JSON]
        if isinstance(error.__cause__, InvalidOperationTypeError):
            status, headers = HTTPStatus.METHOD_NOT_ALLOWED, headers | {"Allow": "POST"}
        elif status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers = headers | {"Allow": "GET, POST, OPTIONS"}
        told = GraphQLError(error.reason, extensions={"code": "BAD_REQUEST"}).formatted
        return Response(self.encode_json({"errors": [told]}), status, headers)


def _note(errors: Iterable[GraphQLError]) -> None:
    """Tell the metrics what came of a request, which the status of its answer does not."""
    if request := current.get():
        request.outcome = of_codes((error.extensions or {})["code"] for error in errors)


def _status(answer: GraphQLHTTPResponse, media_type: str) -> int:
    """What https://graphql.github.io/graphql-over-http/draft/#sec-Status-Codes asks for."""
    errors: Any = answer.get("errors")
    if not errors or media_type == JSON:
        return HTTPStatus.OK
    return _PARTIAL_SUCCESS if "data" in answer else status_of(errors[0]["extensions"]["code"])
