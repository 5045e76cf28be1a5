import logging
from dataclasses import replace

import pytest
from graphql import build_schema, parse
from starlette.testclient import TestClient

from api import lookups
from api.observing import FIELDS, mode_of
from api.schema import schema
from commons.settings import Settings
from tests.api.conftest import Serve, asker
from tests.numbers import numbers_in

NEAR = '{ search(phash: "aaaaaaaa55555555", dhash: "0f0f0f0f0f0f0f0f") { totalCount } }'


@pytest.fixture
def client(settings: Settings, serve: Serve) -> TestClient:
    return serve(settings)


def requests(client: TestClient) -> dict[tuple[str, str], float]:
    """How many requests were counted, by mode and outcome; none of those that look after the service."""
    prefix = 'imagehash_requests_total{mode="'
    counted = {}
    for name, number in numbers_in(client.get("/metrics").text).items():
        if name.startswith(prefix):
            mode, outcome = name.removeprefix(prefix).removesuffix('"}').split('",outcome="')
            if mode not in {"readyz", "metrics"}:
                counted[mode, outcome] = number
    return counted


def test_modes_are_the_fields_of_the_query() -> None:
    query = build_schema(schema.as_str()).query_type
    assert query is not None
    assert query.fields.keys() == FIELDS


@pytest.mark.parametrize(
    ("query", "operation", "mode"),
    [
        (NEAR, None, "search"),
        ("query A { index { engine } } query B { file(pageId: 1) { title } }", "B", "file"),
        ("query A { index { engine } } query B { file(pageId: 1) { title } }", "C", "graphql"),
        ("{ a: file(pageId: 1) { title } b: file(pageId: 2) { title } }", None, "file"),
        ("{ file(pageId: 1) { title } index { engine } }", None, "graphql"),
        ("{ made_up_by_a_stranger }", None, "graphql"),
        ("{ __typename }", None, "graphql"),
        ("{ ...F } fragment F on Query { index { engine } }", None, "graphql"),
    ],
)
def test_a_query_is_known_by_its_field(query: str, operation: str | None, mode: str) -> None:
    assert mode_of(parse(query), operation) == mode


def test_requests_are_counted_by_mode_and_outcome(client: TestClient) -> None:
    ask = asker(client)
    ask(NEAR)
    ask(NEAR)
    ask(NEAR.replace("{ totalCount", "{ nothing"))
    ask("{")
    ask('{ search(phash: "aaaaaaaa55555555", dhash: 0, first: -1) { totalCount } }')
    client.post("/graphql", content=b"{")
    client.get("/search?phash=1&dhash=1")
    client.get("/search?phash=x&dhash=1")
    client.get("/pagesearch?page_title=Nothing.jpg")
    client.get("/nothing/of/the/kind")
    client.post("/hash", content=b"text")
    client.options("/graphql")
    assert requests(client) == {
        ("search", "ok"): 2,
        ("search", "refused"): 2,
        ("graphql", "refused"): 2,
        ("graphql", "ok"): 1,
        ("old search", "ok"): 1,
        ("old search", "refused"): 1,
        ("old pagesearch", "refused"): 1,
        ("other", "refused"): 1,
        ("hash", "refused"): 1,
    }


def test_trouble_is_told_from_our_faults(
    settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(replace(settings, commons_url="mysql+pymysql://nobody@127.0.0.1:1/commonswiki_p"))
    ask = asker(client)
    assert ask("{ file(pageId: 1) { title status } }")["data"]["file"]["status"] == "INDEXED"
    assert client.get("/search?phash=12297829381041378645&dhash=0").status_code == 503

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no one knows")

    monkeypatch.setattr(lookups, "_near", fail)
    ask(NEAR)
    assert client.get("/search?phash=1&dhash=1").status_code == 500
    assert requests(client) == {
        ("file", "unavailable"): 1,
        ("old search", "unavailable"): 1,
        ("old search", "failed"): 1,
        ("search", "failed"): 1,
    }


def test_searches_and_their_hits_are_counted(client: TestClient) -> None:
    ask = asker(client)
    found = ask(NEAR)["data"]["search"]["totalCount"]
    pair = '{phash: "aaaaaaaa55555555", dhash: "0f0f0f0f0f0f0f0f"}'
    many = ask(f"{{ searchMany(pictures: [{pair}, {pair}]) {{ totalCount }} }}")["data"]["searchMany"]
    assert [matches["totalCount"] for matches in many] == [found, found]
    numbers = numbers_in(client.get("/metrics").text)
    assert found > 1
    assert numbers['imagehash_matches_total{engine="multi-index"}'] == 3 * found
    assert numbers['imagehash_searches_total{engine="multi-index"}'] == 3


def test_answers_carry_the_id_of_their_request(client: TestClient) -> None:
    for path in ("/", "/nothing", "/search", "/healthz"):
        assert client.get(path, headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    made = {client.get("/").headers["x-request-id"] for _ in range(5)}
    assert len(made) == 5
    assert client.get("/", headers={"X-Request-Id": "a b"}).headers["x-request-id"] != "a b"


def test_an_incident_has_the_id_of_its_request(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no one knows")

    caplog.set_level(logging.ERROR)
    monkeypatch.setattr(lookups, "_near", fail)
    answer = client.get("/search?phash=1&dhash=1", headers={"X-Request-Id": "mine"})
    assert answer.json() == {"error": "something went wrong here; it is in the log as mine"}
    (error,) = client.post("/graphql", json={"query": NEAR}, headers={"X-Request-Id": "ours"}).json()[
        "errors"
    ]
    assert error["message"] == "something went wrong here; it is in the log as ours"
    assert [record.message for record in caplog.records] == ["incident mine", "incident ours"]


def test_the_metrics_tell_how_things_stand(client: TestClient) -> None:
    numbers = numbers_in(client.get("/metrics").text)
    assert numbers['imagehash_workers{engine="multi-index"}'] == 1
    assert numbers['imagehash_workers{engine="sql"}'] == 0
    assert 0 <= numbers["imagehash_lag_seconds"] < 3600
    assert 0 < numbers["imagehash_snapshot_age_seconds"] < 3600
    assert numbers["imagehash_newest_row_timestamp_seconds"] > 1.7e9
    assert numbers["imagehash_live_rows"] == 0
    assert numbers['imagehash_connections_limit{database="hashes"}'] == 16
    assert numbers['imagehash_connections_limit{database="commons"}'] == 8
    assert numbers["imagehash_pictures_decoding"] == 0
