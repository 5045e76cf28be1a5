import logging
import re
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from api import ratelimit
from commons.settings import Settings
from tests.api.conftest import Serve

QUERY = {"query": "{ index { engine } }"}


@pytest.fixture
def client(settings: Settings, serve: Serve) -> TestClient:
    return serve(replace(settings, rate_limit="3/hour"))


def test_every_answer_tells_how_many_requests_are_left(client: TestClient) -> None:
    for left, response in enumerate([client.post("/graphql", json=QUERY), client.get("/nothing")], 1):
        assert response.headers["ratelimit-policy"] == '"default";q=3;w=3600'
        assert re.fullmatch(rf'"default";r={3 - left};t=\d+', response.headers["ratelimit"])
        assert response.headers["access-control-expose-headers"] == "*"


def test_one_request_too_many_is_refused_and_says_when_to_come_again(client: TestClient) -> None:
    for _ in range(3):
        assert client.get("/search?phash=1&dhash=1").status_code == 200
    plain, posted = client.get("/search?phash=1&dhash=1"), client.post("/graphql", json=QUERY)
    for response in (plain, posted):
        assert response.status_code == 429
        assert 0 < int(response.headers["retry-after"]) <= 3600
        assert response.headers["ratelimit"].startswith('"default";r=0;t=')
        assert response.headers["access-control-allow-origin"] == "*"
    assert "3 requests in 3600 seconds" in plain.json()["error"]
    (error,) = posted.json()["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert str(error["extensions"]["retryAfter"]) == posted.headers["retry-after"]
    asked = client.post("/graphql", json=QUERY, headers={"Accept": "application/graphql-response+json"})
    assert (asked.status_code, asked.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
    assert asked.headers["content-type"].startswith("application/graphql-response+json")


def test_dear_queries_count_for_several(client: TestClient) -> None:
    query = f"{{ files(pageIds: {[1] * 370}) {{ pageId }} }}"
    response = client.post("/graphql", json={"query": query})
    assert response.json()["extensions"]["cost"] == 4070
    assert response.headers["ratelimit"].startswith('"default";r=0;')
    assert client.post("/graphql", json=QUERY).status_code == 429


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/assets/x.js", "/local/1"])
def test_what_watches_and_shows_is_not_counted(client: TestClient, path: str) -> None:
    for _ in range(5):
        response = client.get(path)
        assert response.status_code != 429
        assert "ratelimit" not in response.headers


def test_it_can_be_switched_off(settings: Settings, serve: Serve) -> None:
    response = serve(replace(settings, rate_limit=None)).post("/graphql", json=QUERY)
    assert response.status_code == 200
    assert "ratelimit" not in response.headers


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("testclient", "testclient"),
        ("x" * 5000, "x" * 100),
    ],
)
def test_a_client_is_an_address_or_a_network_of_ipv6(host: str, expected: str) -> None:
    assert ratelimit.subscriber(host) == expected


def test_no_more_clients_are_remembered_than_there_is_room_for(
    settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(ratelimit, "MOST_CLIENTS", 1)
    client = serve(replace(settings, rate_limit="1/hour"))
    assert [client.get("/nothing").status_code for _ in range(3)] == [404] * 3
    assert "testclient" not in caplog.text.replace("http://testserver", "")
