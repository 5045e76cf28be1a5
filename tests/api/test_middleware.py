import asyncio
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from api.middleware import BodyLimit
from commons.settings import Settings
from tests.api.conftest import Serve


@pytest.fixture
def client(settings: Settings, serve: Serve) -> TestClient:
    return serve(settings)


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
    assert response.headers["access-control-allow-headers"] == "Content-Type"
    assert "access-control-allow-credentials" not in response.headers


def test_errors_may_be_read_by_every_site(client: TestClient) -> None:
    for response in (client.get("/nothing"), client.get("/graphql"), client.post("/graphql", content=b"{")):
        assert response.status_code in {400, 404}
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["content-type"] == "application/json"


def test_queries_have_a_largest_size_too(client: TestClient) -> None:
    assert client.post("/graphql", content=bytes(1_000_001)).status_code == 413


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

    scope = {"type": "http", "path": "/", "headers": [], "method": "POST"}
    asyncio.run(BodyLimit(app, limit=lambda _: 35)(scope, receive, send))
    assert sent[0]["status"] == 408


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
