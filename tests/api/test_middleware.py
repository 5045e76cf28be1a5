import asyncio
import json
from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from api.app import create_app
from api.middleware import BodyLimit
from commons.settings import Settings
from tests.api.conftest import Serve

LATE = "the request did not arrive within 0.05 seconds"
ERROR = {"message": LATE, "extensions": {"code": "REQUEST_TIMEOUT"}}


@pytest.fixture
def client(settings: Settings, serve: Serve) -> TestClient:
    return serve(settings)


@pytest.fixture
def failing(settings: Settings) -> Iterator[TestClient]:
    """The service, with a page that fails and one that has headers of its own."""

    async def fail(_request: Request) -> Response:
        raise RuntimeError("nobody foresaw it")

    async def page(_request: Request) -> Response:
        own = {"Content-Security-Policy": "default-src 'self'", "Cache-Control": "max-age=60"}
        return Response("page", headers=own)

    app = create_app(settings, more=lambda _: [Route("/fail", fail), Route("/page", page)])
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("path", ["/graphql", "/search", "/hash", "/nothing"])
def test_preflights_are_answered_for_every_site(client: TestClient, path: str) -> None:
    asked = {
        "Origin": "https://commons.wikimedia.org",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    response = client.options(path, headers=asked)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "*"
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-headers"] == "Content-Type, Api-User-Agent"
    assert "access-control-allow-credentials" not in response.headers


def test_errors_may_be_read_by_every_site(failing: TestClient) -> None:
    for response, status in (
        (failing.get("/nothing"), 404),
        (failing.post("/search"), 405),
        (failing.get("/graphql"), 400),
        (failing.post("/hash", content=b"text"), 415),
        (failing.post("/graphql", content=bytes(1_000_001)), 413),
        (failing.get("/fail"), 500),
    ):
        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["access-control-expose-headers"] == "*"
        assert response.headers["content-type"] == "application/json"
        assert response.headers["cache-control"] == "no-store"


def test_every_answer_is_strict_with_browsers(failing: TestClient) -> None:
    query = {"query": "{ index { engine } }"}
    for response in (
        failing.get("/healthz"),
        failing.get("/graphql", params=query),
        failing.get("/fail"),
        failing.get("/nothing"),
        failing.options("/graphql"),
    ):
        assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["permissions-policy"] == "camera=(), geolocation=(), microphone=()"
        assert response.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "strict-transport-security" not in response.headers
        assert "set-cookie" not in response.headers


def test_an_answer_keeps_what_it_says_by_itself(failing: TestClient) -> None:
    response = failing.get("/page")
    assert response.headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert response.headers.get_list("cache-control") == ["max-age=60"]
    assert response.headers["x-content-type-options"] == "nosniff"


def test_what_came_by_https_is_to_come_by_it_again(failing: TestClient) -> None:
    response = failing.get("https://testserver/")
    assert response.headers["strict-transport-security"] == "max-age=31536000"


def test_files_of_folders_are_for_this_site_alone(failing: TestClient) -> None:
    response = failing.get("/local/1")
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("accept", ["*/*", "application/graphql-response+json"])
def test_queries_have_a_largest_size_too(client: TestClient, accept: str) -> None:
    response = client.post("/graphql", content=bytes(1_000_001), headers={"Accept": accept})
    assert response.status_code == 413
    (error,) = response.json()["errors"]
    assert error["message"] == "the request is too large: at most 0.5 MB are taken here"
    assert error["extensions"] == {"code": "REQUEST_TOO_LARGE"}
    assert response.headers["content-type"].startswith(accept.replace("*/*", "application/json"))
    assert response.headers["connection"] == "close"


def test_what_nobody_foresaw_is_logged_once(failing: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    # The server, which would log it once more, is not told of it.
    client = TestClient(failing.app)
    response = client.get("/fail")
    assert response.status_code == 500
    assert response.headers["x-request-id"] in response.json()["error"]
    assert caplog.text.count("RuntimeError: nobody foresaw it") == 1


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.middleware._SECONDS", 0.05)
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("not for the application")

    async def receive() -> Message:
        await asyncio.sleep(60)
        raise AssertionError("waited too long")

    async def send(message: Message) -> None:
        sent.append(message)

    for path, told in (("/", {"error": LATE}), ("/graphql", {"errors": [ERROR]})):
        sent.clear()
        scope = {"type": "http", "path": path, "headers": [], "method": "POST"}
        asyncio.run(BodyLimit(app, limit=lambda _: 35)(scope, receive, send))
        assert sent[0]["status"] == 408
        assert json.loads(sent[1]["body"]) == told


def test_a_body_that_does_not_tell_its_length_is_read_no_further_than_needed() -> None:
    read = []

    def chunks() -> Iterator[Message]:
        for number in range(1000):
            read.append(number)
            yield {"type": "http.request", "body": bytes(10), "more_body": True}

    source = chunks()
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("not for the application")

    async def receive() -> Message:
        return next(source)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/", "headers": [], "method": "POST"}
    asyncio.run(BodyLimit(app, limit=lambda _: 35)(scope, receive, send))
    assert sent[0]["status"] == 413
    assert len(read) == 4
