import pytest
from starlette.testclient import TestClient

from api import lookups
from commons.settings import Settings
from tests.api.conftest import Serve, asker


@pytest.fixture
def client(settings: Settings, serve: Serve) -> TestClient:
    return serve(settings)


def test_what_is_not_there_is_told_in_json(client: TestClient) -> None:
    response = client.get("/nothing")
    assert (response.status_code, response.json()) == (404, {"error": "Not Found"})


def test_our_own_faults_are_told_by_an_id_that_is_in_the_log(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr(lookups, "equal", fail)
    monkeypatch.setattr(lookups, "_near", fail)
    plain = client.get("/search?phash=1&dhash=1")
    assert plain.status_code == 500
    assert plain.headers["access-control-allow-origin"] == "*"
    (error,) = asker(client)('{ search(phash: "0000000000000001", dhash: 0) { totalCount } }')["errors"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    for told in (plain.json()["error"], error["message"]):
        assert "secret" not in told
        number = told.rsplit(" ", 1)[1]
        assert f"incident {number}" in caplog.text
    assert "a secret of the house" in caplog.text
