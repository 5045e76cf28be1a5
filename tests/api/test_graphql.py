from typing import Any

import pytest
from graphql import get_introspection_query
from starlette.testclient import TestClient
from strawberry.extensions.validation_cache import _get_validate_cache

from api.schema import _KEPT
from commons.settings import Settings
from tests.api.conftest import Serve

QUERY = "{ index { fileCount } }"


@pytest.fixture
def client(settings: Settings, serve: Serve) -> TestClient:
    return serve(settings)


def test_queries_come_by_post_and_by_get(client: TestClient) -> None:
    posted = client.post("/graphql", json={"query": QUERY})
    got = client.get("/graphql", params={"query": QUERY})
    assert posted.json()["data"] == got.json()["data"] == {"index": {"fileCount": 6}}
    assert posted.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Unable to parse request body as JSON"),
        (b"{}", "No GraphQL query found in the request"),
        (b"[]", "Batching is not enabled"),
        (b'{"query": "{index{engine}}", "variables": {"p": ' + b"9" * 5000 + b"}}", "Unable to parse"),
        (b'{"query": "query A {index{engine}}", "operationName": "\\ud800"}', "Unknown operation"),
        (b"\xff", "Unable to parse request body as JSON"),
        (b"[" * 100_000, "Unable to parse request body as JSON"),
        (b"1", ""),
        (b'"query"', ""),
        (b"null", ""),
        (b'{"query": 1}', ""),
        (b'{"query": "{index{engine}}", "variables": []}', ""),
        (b'{"query": "{index{engine}}", "variables": "x"}', ""),
        (b'{"query": "{index{engine}}", "operationName": 1}', ""),
        (b'{"query": "{index{engine}}", "operationName": "x"}', ""),
        (b'{"query": "{index{engine}}", "extensions": 1}', ""),
    ],
)
def test_what_is_no_request_is_told_in_graphqls_form(client: TestClient, body: bytes, message: str) -> None:
    response = client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert message in error["message"]
    assert error["extensions"] == {"code": "BAD_REQUEST"}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{" + "".join(f" a{n}: index {{ engine }}" for n in range(2000)) + "}", "token"),
        ("{ index { engine " + "@include(if: true) " * 2000 + "} }", "token"),
        (
            "{ file(pageId: 1) { " + "matches { nodes { file { " * 4 + "pageId" + " } } }" * 4 + " } }",
            "exceeds maximum operation depth of 10",
        ),
        ("{ search(phash: " + "9" * 5000 + ", dhash: 1) { totalCount } }", "is no hash"),
    ],
    ids=["aliases", "directives", "depth", "digits"],
)
def test_queries_that_ask_too_much_are_refused_before_they_run(
    client: TestClient, query: str, message: str
) -> None:
    answer = client.post("/graphql", json={"query": query}).json()
    assert answer.get("data") is None
    assert message in answer["errors"][0]["message"]
    assert answer["errors"][0]["extensions"]["code"] in {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}


def test_introspection_is_within_the_limits(client: TestClient) -> None:
    answer = client.post("/graphql", json={"query": get_introspection_query()}).json()
    assert "errors" not in answer


def test_a_query_is_validated_once(client: TestClient) -> None:
    cached: Any = _get_validate_cache(_KEPT)
    before = cached.cache_info()
    for _ in range(3):
        client.post("/graphql", json={"query": "{ index { engine liveCount } }"})
    after = cached.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)


def test_other_methods_are_refused(client: TestClient) -> None:
    response = client.put("/graphql", json={"query": QUERY})
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST, OPTIONS"


def test_mutations_are_not_offered(client: TestClient) -> None:
    for response in (
        client.post("/graphql", json={"query": "mutation { drop }"}),
        client.get("/graphql", params={"query": "mutation { drop }"}),
    ):
        assert "data" not in response.json() or response.json()["data"] is None
        assert response.json()["errors"]
