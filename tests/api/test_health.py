import socket
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from api import health
from api.app import create_app
from commons.settings import Settings
from tests.api.conftest import Serve

LATER = "cannot be read now: ask again in 30 seconds"
UNREACHABLE = "mysql+pymysql://nobody@127.0.0.1:1/nothing"


def test_ready_names_each_part(settings: Settings, serve: Serve) -> None:
    client = serve(settings)
    assert client.get("/healthz").json() == {"status": "ok"}
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"index": "multi-index", "database": "ok", "replica": "ok"}


def test_a_replica_that_is_down_is_named_but_no_reason_to_be_unready(
    settings: Settings, serve: Serve
) -> None:
    response = serve(replace(settings, commons_url=UNREACHABLE)).get("/readyz")
    assert response.status_code == 200
    assert response.json()["replica"] == f"the Commons replica {LATER}"


def test_a_database_that_hangs_is_told_and_asked_but_once(
    settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0), backlog=20) as silent:
        port = silent.getsockname()[1]
        client = serve(
            replace(settings, commons_url=f"mysql+pymysql://nobody@127.0.0.1:{port}/commonswiki_p")
        )
        for _ in range(10):
            response = client.get("/readyz")
            assert response.status_code == 200
            assert response.json()["replica"] == "no answer within 0.2 seconds"
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_without_memory_and_database_it_is_not_ready(settings: Settings) -> None:
    unreachable = replace(settings, database_url=UNREACHABLE)
    with TestClient(create_app(unreachable)) as client:
        response = client.get("/readyz")
        assert response.status_code == 503
        assert response.json()["index"] == "loading"
        assert response.json()["database"] == f"the database of hashes {LATER}"
        assert response.json()["replica"] == "ok"
        assert client.get("/healthz").status_code == 200
