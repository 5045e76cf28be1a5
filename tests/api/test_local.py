from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from commons.settings import Settings
from index.__main__ import main
from sql import results
from sql.database import Database
from tests.api.conftest import Serve, asker
from tests.api.data import Ask
from tests.waiting import wait_for


@pytest.fixture
def folder(tmp_path: Path, photos: Path) -> Path:
    """A folder of two pictures of different shapes, and one that cannot be hashed."""
    folder = tmp_path / "photos"
    (folder / "sub folder").mkdir(parents=True)
    for source, name in [
        ("exif/Portrait_6.jpg", "turned.jpg"),
        ("flags/no_1000.png", "sub folder/über_flag.png"),
        ("formats/truncated_jpeg.jpg", "cut.jpg"),
    ]:
        (folder / name).write_bytes((photos / source).read_bytes())
    return folder


@pytest.fixture
def client(folder: Path, tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    url = f"sqlite:///{tmp_path / 'imagehash.db'}"
    monkeypatch.setenv("IMAGEHASH_DATABASE_URL", url)
    assert main(["folder", str(folder), "--jobs", "1"]) == 0
    return serve(Settings.from_environment({"IMAGEHASH_DATABASE_URL": url}))


@pytest.fixture
def ask(client: TestClient) -> Ask:
    return asker(client)


FILE = """
query ($title: String!) {
  file(title: $title) { pageId title url pageUrl thumbnailUrl width height mime sha1 }
}
"""


def test_a_file_is_found_by_its_path(ask: Ask) -> None:
    for title in (
        "File:sub folder/über_flag.png",
        "sub_folder/über_flag.png",
        "file: sub folder/über_flag.png",
    ):
        file = ask(FILE, title=title)["data"]["file"]
        assert file["title"] == "File:sub folder/über_flag.png"
        assert file["mime"] == "image/png"


def test_url_and_thumbnail_can_be_fetched(client: TestClient, ask: Ask, folder: Path) -> None:
    file = ask(FILE, title="turned.jpg")["data"]["file"]
    assert (file["width"], file["height"]) == (1200, 1800)
    assert file["pageUrl"] == file["url"]
    whole = client.get(file["url"], headers={"Range": "bytes=0-9"})
    assert (whole.status_code, whole.headers["accept-ranges"]) == (200, "none")
    assert whole.content == (folder / "turned.jpg").read_bytes()
    thumbnail = client.get(file["thumbnailUrl"], headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in thumbnail.headers
    assert thumbnail.headers["cross-origin-resource-policy"] == "same-origin"
    assert thumbnail.headers["content-type"] == "image/jpeg"
    with Image.open(BytesIO(thumbnail.content)) as picture:
        assert picture.size == (330, 495)


def test_the_old_urls_serve_folders_too(client: TestClient) -> None:
    (item,) = client.get("/pagesearch?page_title=File:sub_folder/über_flag.png").json()
    assert item["page_title"] == "File:sub_folder/über_flag.png"
    assert client.get(item["thumbnail"]).status_code == 200


def test_only_files_that_are_there_are_served(
    client: TestClient, ask: Ask, folder: Path, tmp_path: Path
) -> None:
    file = ask(FILE, title="turned.jpg")["data"]["file"]
    assert client.get("/local/999").status_code == 404
    assert client.get("/local/0").status_code == 404
    assert client.get("/local/99999999999999999999").status_code == 404
    assert client.get("/local/../pyproject.toml").status_code == 404
    refused = client.get(f"{file['url']}?width=331")
    assert (refused.status_code, "331" in refused.json()["error"]) == (400, True)
    assert client.get("/local/" + "9" * 5000).status_code == 404
    (folder / "turned.jpg").unlink()
    assert client.get(file["url"]).status_code == 404


def test_only_the_bytes_that_were_hashed_are_served(
    client: TestClient, ask: Ask, folder: Path, tmp_path: Path
) -> None:
    file = ask(FILE, title="turned.jpg")["data"]["file"]
    whole = client.get(file["url"])
    assert (whole.headers["content-type"], whole.headers["x-content-type-options"]) == (
        "image/jpeg",
        "nosniff",
    )
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(len(whole.content)))
    (folder / "turned.jpg").unlink()
    (folder / "turned.jpg").symlink_to(secret)
    for url in (file["url"], file["thumbnailUrl"]):
        assert client.get(url).status_code == 404
    cut = ask(FILE, title="cut.jpg")["data"]["file"]
    assert client.get(cut["url"]).status_code == 404


def test_a_title_that_no_folder_has_is_null_where_there_are_folders_alone(
    client: TestClient, ask: Ask
) -> None:
    answer = ask(
        '{ file(title: "nope.jpg") { pageId } files(pageIds: [5, -1], titles: ["nope"]) { pageId } }'
    )
    assert answer["data"] == {"file": None, "files": [None, {"pageId": -1}, None]}
    assert "errors" not in answer
    assert client.get("/pagesearch?page_title=nope.jpg").status_code == 404


def test_a_file_that_is_gone_says_so_and_comes_back(
    client: TestClient, ask: Ask, folder: Path, tmp_path: Path
) -> None:
    query = '{ file(title: "turned.jpg") { deleted status thumbnailUrl matches { totalCount } } }'
    (folder / "turned.jpg").rename(tmp_path / "elsewhere.jpg")
    assert main(["folder", str(folder), "--jobs", "1"]) == 0
    wait_for(lambda: ask(query)["data"]["file"]["deleted"])
    file = ask(query)["data"]["file"]
    assert (file["status"], file["thumbnailUrl"]) == ("INDEXED", None)
    (tmp_path / "elsewhere.jpg").rename(folder / "turned.jpg")
    assert main(["folder", str(folder), "--jobs", "1"]) == 0
    wait_for(lambda: not ask(query)["data"]["file"]["deleted"])


def test_without_the_own_tables_hashes_are_still_served(tmp_path: Path, serve: Serve) -> None:
    path = tmp_path / "foreign.db"
    database = Database(f"sqlite:///{path}")
    with database.write() as connection:
        for table in ("phash", "dhash"):
            connection.exec_driver_sql(
                f"CREATE TABLE {table} (id integer PRIMARY KEY, commons int, hash bigint, width int,"
                " height int, created timestamp, thumb_width int, thumb_type varchar(20))"
            )
            connection.exec_driver_sql(
                f"INSERT INTO {table} VALUES (1, 5, -2, 1, 1, '2024-01-01 00:00:00', NULL, NULL)"
            )
    database.close()
    read_only = f"sqlite:///file:{path}?mode=ro&uri=true"
    client = serve(Settings.from_environment({"IMAGEHASH_DATABASE_URL": read_only}))
    answer = asker(client)("{ file(pageId: 5) { status matches { totalCount } } }")
    assert answer["data"]["file"] == {"status": "INDEXED", "matches": {"totalCount": 0}}
    assert [missing["code"] for missing in answer["extensions"]["degraded"]] == ["DELETIONS_UNKNOWN"]


def test_deleted_pages_tell_their_title_from_the_tombstone(
    client: TestClient, ask: Ask, tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'imagehash.db'}")
    page_id = ask(FILE, title="turned.jpg")["data"]["file"]["pageId"]
    with database.write() as connection:
        results.bury(connection, {page_id: "turned.jpg"}, deleted=True)
    database.close()
    query = "query ($id: Int!) { file(pageId: $id) { title deleted url } }"
    wait_for(lambda: ask(query, id=page_id)["data"]["file"]["deleted"])
    assert ask(query, id=page_id)["data"]["file"] == {
        "title": "File:turned.jpg",
        "deleted": True,
        "url": None,
    }
