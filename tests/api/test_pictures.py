from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from api.pictures import address
from commons.settings import Settings
from tests.api.conftest import Serve
from tests.finna import SMALL, Finna


@pytest.fixture
def client(settings_with_finna: Settings, serve: Serve) -> TestClient:
    return serve(settings_with_finna)


@pytest.mark.parametrize("name", ["commons100/mural.jpg", "flags/no_1000.png"])
def test_a_picture_is_shown_in_small(client: TestClient, finna: Finna, photos: Path, name: str) -> None:
    finna.records["museum. 1&2"] = [photos / name]
    response = client.get(address("museum. 1&2", 0))
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "public, max-age=3600"
    with Image.open(BytesIO(response.content)) as image:
        assert (image.format, image.width) == ("JPEG", SMALL)


def test_nothing_but_pictures_is_shown(client: TestClient, finna: Finna, photos: Path) -> None:
    finna.records["museum.1"] = [photos / "README.md"]
    finna.trouble["size=small"] = lambda request: request.answer(
        200, b"<script>alert(1)</script>", Content_Type="image/jpeg"
    )
    response = client.get(address("museum.1", 0))
    assert response.status_code == 502
    assert "<script>" not in response.text


def test_pictures_elsewhere_are_not_shown(client: TestClient, finna: Finna, photos: Path) -> None:
    finna.records["museum.1"] = [photos / "commons100" / "mural.jpg"]
    finna.trouble["size=small"] = lambda request: request.answer(302, Location="http://127.0.0.2/secret.jpg")
    response = client.get(address("museum.1", 0))
    assert response.status_code == 502
    assert response.json() == {"error": "That address leads away from Finna, and was not followed."}


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("", 400, "index is ''"),
        ("?id=museum.1&index=-1", 400, "index is '-1'"),
        ("?id=museum.1&index=٣", 400, "index is '٣'"),
        ("?id=museum.1&index=http://127.0.0.1/", 400, "index is 'http://127.0.0.1/'"),
        ("?id=&index=0", 400, "1 to 255 characters"),
        ("?id=museum.2&index=0", 404, "no such record"),
        ("?id=museum.1&index=1", 404, "no such picture"),
        ("?id=broken&index=0", 502, "Finna has trouble of its own"),
        ("?url=http://127.0.0.1/", 400, "index is ''"),
    ],
)
def test_what_cannot_be_shown_is_told(
    client: TestClient, finna: Finna, photos: Path, query: str, status: int, message: str
) -> None:
    finna.records["museum.1"] = [photos / "commons100" / "mural.jpg"]
    finna.trouble["id=broken"] = lambda request: request.answer(500)
    response = client.get(f"/finna/picture{query}")
    assert response.status_code == status
    assert message in response.json()["error"]
    assert ("retry-after" in response.headers) == (status == 502)
