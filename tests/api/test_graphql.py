import json
from dataclasses import replace
from typing import Any

import pytest
from graphql import get_introspection_query
from starlette.testclient import TestClient

from api.app import create_app
from api.errors import BadInput, Busy
from api.schema import Preparation
from api.service import POLL_SECONDS
from commons.settings import Settings
from tests.api.conftest import Serve, make_snapshot
from tests.waiting import wait_for

QUERY = "{ index { fileCount } }"
JSON, RESPONSE = "application/json", "application/graphql-response+json"
FORM = "application/x-www-form-urlencoded"
TYPE = {"Content-Type": JSON}


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
        (b"[]", "one JSON object"),
        (b'[{"query": "{index{engine}}"}]', "several at once are several requests"),
        (b'{"query": "{index{engine}}", "variables": {"p": ' + b"9" * 5000 + b"}}", "Unable to parse"),
        (b"\xff", "Unable to parse request body as JSON"),
        (b"[" * 100_000, "Unable to parse request body as JSON"),
        (b"1", "one JSON object"),
        (b'"query"', "one JSON object"),
        (b"null", "one JSON object"),
        (b'{"query": 1}', "query is to be a string"),
        (b'{"query": "{index{engine}}", "variables": []}', "variables is to be a JSON object"),
        (b'{"query": "{index{engine}}", "variables": "x"}', "variables is to be a JSON object"),
        (b'{"query": "{index{engine}}", "operationName": 1}', "operationName is to be a string"),
        (b'{"query": "{index{engine}}", "extensions": 1}', "extensions is to be a JSON object"),
    ],
)
def test_what_is_no_request_is_told_in_graphqls_form(client: TestClient, body: bytes, message: str) -> None:
    response = client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert message in error["message"]
    assert error["extensions"] == {"code": "BAD_REQUEST"}


@pytest.mark.parametrize(
    ("query", "message", "code"),
    [
        ("{ index { " + "engine " * 6000 + "} }", "more than 6000 tokens", "GRAPHQL_PARSE_FAILED"),
        ("{" + "index { engine } " * 200 + "}", "more than 300 fields", "GRAPHQL_VALIDATION_FAILED"),
        (
            "{ search(phash: " + "9" * 5000 + ", dhash: 1) { totalCount } }",
            "is no hash",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "{ search(phash: 1, dhash: 1, first: 100) { nodes { file { matches(first: 100) { nodes "
            "{ phashDistance dhashDistance file { pageId title } } } } } } }",
            "points, and may cost 50000: ask for less",
            "BAD_USER_INPUT",
        ),
    ],
    ids=["tokens", "fields", "digits", "cost"],
)
def test_queries_that_ask_too_much_are_refused_before_they_run(
    client: TestClient, query: str, message: str, code: str
) -> None:
    answer = client.post("/graphql", json={"query": query}).json()
    assert "data" not in answer
    (error,) = answer["errors"]
    assert message in error["message"]
    assert error["extensions"]["code"] == code


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"query": QUERY}, 3),
        ({"query": "{ index"}, 0),
        ({"query": "{ nothing }"}, 0),
        ({"query": QUERY, "operationName": "Unknown"}, 0),
        ({"query": "query A { index { engine } } query B { index { engine } }"}, 0),
        ({"query": "query($n: Int!) { index { engine } }", "variables": {"n": "x"}}, 0),
    ],
)
def test_every_answer_tells_its_cost(client: TestClient, body: dict[str, Any], expected: int) -> None:
    assert client.post("/graphql", json=body).json()["extensions"]["cost"] == expected


def test_a_refusal_for_its_cost_tells_it_and_the_limit(client: TestClient) -> None:
    pictures = [{"phash": "0000000000000001", "dhash": "0000000000000001"}] * 500
    query = "query($p: [HashPair!]!) { searchMany(pictures: $p) { nodes { file { title url sha1 } } } }"
    answer = client.post("/graphql", json={"query": query, "variables": {"p": pictures}}).json()
    told = answer["errors"][0]["extensions"]
    assert told == {"code": "BAD_USER_INPUT", "cost": answer["extensions"]["cost"], "limit": 50_000}


def test_introspection_is_within_the_limits(client: TestClient) -> None:
    answer = client.post("/graphql", json={"query": get_introspection_query()}).json()
    assert "errors" not in answer


def test_a_query_is_validated_once(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    validated: list[object] = []

    def validate(*asked: object, **bounds: object) -> list[object]:
        validated.append(asked)
        return []

    monkeypatch.setattr("api.prepared.validate", validate)
    for _ in range(3):
        client.post("/graphql", json={"query": "{ index { engine liveCount indexedThrough } }"})
    assert len(validated) == 1


def test_other_methods_are_refused(client: TestClient) -> None:
    for method in ("PUT", "DELETE", "PATCH", "HEAD"):
        response = client.request(method, "/graphql")
        assert response.status_code == 405
        assert response.headers["allow"] == "GET, POST, OPTIONS"


def test_mutations_are_not_offered(client: TestClient) -> None:
    posted = client.post("/graphql", json={"query": "mutation { drop }"}, headers={"Accept": RESPONSE})
    assert (posted.status_code, code(posted)) == (400, "GRAPHQL_VALIDATION_FAILED")
    got = client.get("/graphql", params={"query": "mutation { drop }"})
    assert (got.status_code, got.headers["allow"]) == (405, "POST")
    assert "mutations are not allowed" in got.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [(None, JSON), (JSON, JSON), (RESPONSE, RESPONSE), (f"{RESPONSE}, {JSON};q=0.9", RESPONSE)],
)
def test_an_answer_is_of_the_type_that_is_asked_for(
    client: TestClient, accept: str | None, expected: str
) -> None:
    headers = {} if accept is None else {"Accept": accept}
    for query in (QUERY, "{", "{ files(pageIds: [99999999999]) { pageId } }"):
        for response in (
            client.post("/graphql", json={"query": query}, headers=headers),
            client.get("/graphql", params={"query": query}, headers=headers),
        ):
            assert response.headers["content-type"].split(";")[0] == expected
            assert response.headers["vary"] == "Accept"


def test_what_nobody_here_speaks_is_not_acceptable(client: TestClient) -> None:
    for accept in ("text/plain", f"{JSON};q=0", "image/*"):
        response = client.get("/graphql", params={"query": QUERY}, headers={"Accept": accept})
        assert response.status_code == 406
        assert JSON in response.json()["errors"][0]["message"]
        assert RESPONSE in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", FORM, None])
def test_queries_are_posted_as_json_alone(client: TestClient, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    response = client.post("/graphql", content=b'{"query": "{index{engine}}"}', headers=headers)
    assert response.status_code == 415
    assert code(response) == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query A { __typename } query B { __typename }"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query A { __typename }", "operationName": "\ud800"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "fragment A on Query { __typename }"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query ($p: Hash!) { search(phash: $p, dhash: $p) { truncated } }"}, "BAD_USER_INPUT"),
    ],
)
def test_what_is_not_executed_has_no_data(client: TestClient, asked: dict[str, str], expected: str) -> None:
    for accept, status in ((JSON, 200), (RESPONSE, 400)):
        response = client.post("/graphql", content=json.dumps(asked), headers=TYPE | {"Accept": accept})
        assert (response.status_code, code(response)) == (status, expected)
        assert "data" not in response.json()
        assert response.json()["extensions"]["asOf"]
        assert response.headers["cache-control"] == "no-store"


def test_one_of_several_operations_can_be_named(client: TestClient) -> None:
    asked = {"query": "query A { index { engine } } query B { index { fileCount } }", "operationName": "B"}
    assert client.post("/graphql", json=asked).json()["data"] == {"index": {"fileCount": 6}}
    assert client.get("/graphql", params=asked).json()["data"] == {"index": {"fileCount": 6}}
    empty = {"query": QUERY, "operationName": "", "variables": "null"}
    assert client.get("/graphql", params=empty).json()["data"] == {"index": {"fileCount": 6}}


def test_data_and_errors_are_a_partial_success(client: TestClient) -> None:
    for query in (
        f"{QUERY[:-1]} file {{ pageId }} }}",
        "{ search(phash: 1, dhash: 1, first: -1) { truncated } }",
    ):
        for accept, status in ((JSON, 200), (RESPONSE, 294)):
            response = client.post("/graphql", json={"query": query}, headers={"Accept": accept})
            assert (response.status_code, code(response)) == (status, "BAD_USER_INPUT")
            assert "data" in response.json()


def test_good_answers_to_get_are_kept_until_newer_rows_may_be_there(settings: Settings) -> None:
    make_snapshot(settings)
    with TestClient(create_app(settings)) as client:
        wait_for(lambda: client.get("/readyz").json()["index"] != "loading")
        good = client.get("/graphql", params={"query": QUERY})
        assert good.headers["cache-control"] == f"public, max-age={POLL_SECONDS:.0f}"
        for response in (
            client.post("/graphql", json={"query": QUERY}),
            client.get("/graphql", params={"query": "{ file { pageId } index { engine } }"}),
            client.get("/graphql", params={"query": "{"}),
            client.get("/graphql"),
        ):
            assert response.headers["cache-control"] == "no-store"


def test_degraded_answers_are_not_kept(settings: Settings, serve: Serve) -> None:
    client = serve(replace(settings, commons_url=None))
    response = client.get("/graphql", params={"query": QUERY})
    assert response.json()["extensions"]["degraded"]
    assert response.headers["cache-control"] == "no-store"


def test_answers_say_when_to_ask_again(settings: Settings, serve: Serve) -> None:
    client = serve(replace(settings, commons_url="mysql+pymysql://nobody@127.0.0.1:1/commonswiki_p"))
    for accept, status in ((JSON, 200), (RESPONSE, 294)):
        response = client.post(
            "/graphql", json={"query": "{ file(pageId: 1) { title } }"}, headers={"Accept": accept}
        )
        assert (response.status_code, code(response)) == (status, "REPLICA_UNAVAILABLE")
        assert response.headers["retry-after"] == "30"


@pytest.mark.parametrize(
    ("refusal", "status"), [(Busy("so many"), 503), (BadInput("no"), 400), (OSError("x"), 500)]
)
def test_what_is_refused_before_it_runs_has_the_status_of_its_reason(
    settings: Settings, refusal: Exception, status: int, monkeypatch: pytest.MonkeyPatch, serve: Serve
) -> None:
    def refuse(_extension: object) -> None:
        raise refusal

    monkeypatch.setattr(Preparation, "on_validate", refuse)
    client = serve(settings)
    response = client.post("/graphql", json={"query": QUERY}, headers={"Accept": RESPONSE})
    assert response.status_code == status
    assert response.headers.get("retry-after") == ("5" if status == 503 else None)
    assert client.post("/graphql", json={"query": QUERY}).status_code == 200


def code(response: Any) -> str:
    """The code of the first error."""
    found: str = response.json()["errors"][0]["extensions"]["code"]
    return found
