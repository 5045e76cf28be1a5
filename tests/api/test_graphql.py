import pytest
from starlette.testclient import TestClient

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
