from dataclasses import replace

from commons.settings import Settings
from tests.api.conftest import Serve

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
    assert "cannot be read" in response.json()["replica"]
