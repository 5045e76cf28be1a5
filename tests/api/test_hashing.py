from io import BytesIO
from pathlib import Path

import imagehash
import pytest
from PIL import Image
from starlette.testclient import TestClient

from commons.settings import Settings
from tests.api.conftest import Serve


@pytest.fixture
def client(settings: Settings, serve: Serve) -> TestClient:
    return serve(settings)


def test_a_picture_is_hashed_as_the_indexer_would(client: TestClient, photos: Path) -> None:
    path = photos / "commons100" / "mural.jpg"
    response = client.post("/hash", content=path.read_bytes())
    with Image.open(path) as image:
        phash, dhash = str(imagehash.phash(image)), str(imagehash.dhash(image))
    assert response.json() == {
        "phash": phash,
        "dhash": dhash,
        "phashDecimal": str(int(phash, 16)),
        "dhashDecimal": str(int(dhash, 16)),
        "lowInformation": False,
    }


def test_a_plain_picture_is_said_to_tell_little(client: TestClient) -> None:
    png = BytesIO()
    Image.new("RGB", (50, 50), "white").save(png, "PNG")
    assert client.post("/hash", content=png.getvalue()).json()["lowInformation"] is True


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("README.md", 415, "not-an-image"),
        ("formats/reallybig.bmp", 415, "not-an-image"),
        ("formats/truncated_jpeg.jpg", 422, "truncated"),
        ("formats/decompression_bomb.gif", 422, "too-large"),
        ("formats/hopper.Lab.tif", 422, "colour-space"),
        ("formats/crash-2020-10-test.tif", 422, "broken"),
    ],
)
def test_what_is_no_picture_is_told_apart(
    client: TestClient, photos: Path, name: str, status: int, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = client.post("/hash", content=(photos / name).read_bytes())
    assert response.status_code == status
    assert response.json()["reason"] == reason
    assert response.json()["error"]
    assert "Traceback" not in caplog.text


def test_postscript_and_nothing_are_no_pictures(client: TestClient) -> None:
    assert client.post("/hash", content=b"%!PS-Adobe-3.0 EPSF-3.0\n").status_code == 415
    assert client.post("/hash", content=b"").status_code == 415


def test_a_picture_in_a_form_is_told_from_no_picture(client: TestClient, photos: Path) -> None:
    picture = (photos / "commons100" / "mural.jpg").read_bytes()
    response = client.post("/hash", files={"picture": picture})
    assert (response.status_code, response.json()["reason"]) == (415, "not-an-image")
    assert "as the body, not in a form" in response.json()["error"]
    assert client.post("/hash", content=picture).status_code == 200


def test_more_than_20_megabytes_are_refused(client: TestClient) -> None:
    response = client.post("/hash", content=bytes(20_000_001))
    assert response.status_code == 413
    assert response.json() == {"error": "the request is too large: at most 20 MB are taken here"}
    assert client.post("/hash", content=bytes(20_000_000)).status_code == 415


def test_a_picture_with_too_many_pixels_is_refused(client: TestClient) -> None:
    png = BytesIO()
    Image.new("1", (8001, 8001)).save(png, "PNG")
    response = client.post("/hash", content=png.getvalue())
    assert (response.status_code, response.json()["reason"]) == (422, "too-large")


def test_only_posts_are_taken(client: TestClient) -> None:
    response = client.get("/hash")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.headers["access-control-allow-origin"] == "*"
