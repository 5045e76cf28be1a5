import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from commons.pictures import hash_picture, thumbnail
from commons.settings import Settings
from sql import results
from sql.database import Database
from tests.api.conftest import Serve
from tests.api.data import DHASH, PHASH, hashed, wiki_file, wiki_link
from tests.commons.serving import Request
from tests.finna import SMALL, Finna
from tests.waiting import wait_for


def pages(client: TestClient, url: str) -> list[int]:
    response = client.get(url)
    assert response.status_code == 200, response.text
    return [item["page_id"] for item in response.json()]


@pytest.fixture
def settings(settings_with_finna: Settings) -> Settings:
    return settings_with_finna


@pytest.fixture
def on_finna(finna: Finna, hashes: Database, photos: Path) -> None:
    """A record of two pictures, the first of which is hashed in small; another record has none."""
    first, second = (photos / "commons100" / f"{name}.jpg" for name in ("mural", "puffin"))
    finna.records |= {"museum.1": [first, second], "museum.2": []}
    small = hash_picture(thumbnail(first.read_bytes(), SMALL)).hashes
    large = hash_picture(second.read_bytes()).hashes
    with hashes.write() as connection:
        results.save(connection, [hashed(8, small.phash, 5), hashed(7, *large)])


@pytest.fixture
def linked(replica: Database) -> None:
    """Links to Finna on 2, 3 and 5, on the article 9 and on 1, to a host that begins alike."""
    hosts = {
        2: "https://fi.finna.",
        3: "http://fi.finna.www.",
        5: "https://fi.finna.:8080",
        9: "https://fi.finna.",
    }
    with replica.write() as connection:
        for page_id, host in hosts.items():
            connection.exec_driver_sql(wiki_link(page_id, host, "/Record/a_b%c"))
        connection.exec_driver_sql(wiki_link(2, "https://fi.finna.", "/Record/again"))
        connection.exec_driver_sql(wiki_link(1, "https://fi.finnair.", "/Flight/1"))
        connection.exec_driver_sql(wiki_link(4, "ftp://fi.finna.", "/Record/1"))


def test_search_finds_files_with_one_hash_equal_whatever_the_other(client: TestClient) -> None:
    assert pages(client, f"/search?phash={PHASH}&dhash={DHASH}") == [1, 2, 4, 5]
    assert pages(client, f"/search?phash={PHASH}&dhash=1") == [1, 4]
    assert pages(client, f"/search?phash={PHASH}&dhash={DHASH}&maxdifference=0") == []
    assert pages(client, f"/search?phash={PHASH}&dhash={DHASH}&maxdifference=-1") == []
    assert pages(client, f"/search?phash={PHASH}&dhash={DHASH}&maxdifference=999") == [1, 2, 4, 5]


def test_pagesearch_wants_one_hash_equal_and_the_other_strictly_within(client: TestClient) -> None:
    assert pages(client, "/pagesearch?page_id=1") == [1, 2]
    assert pages(client, "/pagesearch?page_id=1&maxdifference=2") == [1]
    assert pages(client, "/pagesearch?page_id=1&maxdifference=10") == [1, 2]
    assert pages(client, "/pagesearch?page_id=1&maxdifference=11") == [1, 2, 4]
    assert pages(client, "/pagesearch?page_id=1&maxdifference=1000") == [1, 2, 4, 5]
    assert pages(client, "/pagesearch?page_id=1&maxdifference=0") == []


def test_a_page_is_named_by_id_or_title_and_the_title_wins(client: TestClient) -> None:
    for title in ("File:B.jpg", "image:B.jpg", "B.jpg", "b.jpg"):
        assert pages(client, f"/pagesearch?page_title={title}&maxdifference=4") == [1, 2, 3]
    assert pages(client, "/pagesearch?page_title=B.jpg&page_id=4&maxdifference=4") == [1, 2, 3]
    assert pages(client, "/pagesearch?page_title=&page_id=4") == pages(client, "/pagesearch?page_id=4")


def test_a_page_without_hashes_is_told_from_one_without_twins(client: TestClient) -> None:
    for page_id in (7, 8, 9, 12345):
        response = client.get(f"/pagesearch?page_id={page_id}")
        assert (response.status_code, response.json()) == (200, [])
        assert response.headers["X-Imagehash-Status"] == "not-indexed"
    assert "X-Imagehash-Status" not in client.get("/pagesearch?page_id=3").headers


def test_an_item_is_as_the_bots_know_it(client: TestClient) -> None:
    response = client.get(f"/search?phash={PHASH}&dhash=1")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["access-control-allow-origin"] == "*"
    path = "https://upload.wikimedia.org/wikipedia/commons/thumb"
    expected = [
        {
            "page_id": 1,
            "page_title": "File:Älpler_(1900).jpg",
            "thumbnail": f"{path}/7/72/%C3%84lpler_%281900%29.jpg/250px-%C3%84lpler_%281900%29.jpg",
        },
        {
            "page_id": 4,
            "page_title": "File:D.tif",
            "thumbnail": f"{path}/2/21/D.tif/lossy-page1-250px-D.tif.jpg",
        },
    ]
    assert response.text == json.dumps(expected, indent=4, sort_keys=True)


def test_files_that_are_gone_are_left_out(client: TestClient, hashes: Database, replica: Database) -> None:
    url = f"/search?phash={PHASH}&dhash={DHASH}"
    with hashes.write() as connection:
        results.bury(connection, {2: "B.jpg"}, deleted=True)
        results.save(connection, [hashed(9, PHASH, DHASH), hashed(99, PHASH, DHASH)])
    wait_for(lambda: pages(client, url) == [1, 4, 5])
    with replica.write() as connection:
        for row in wiki_file(99, "New.jpg"):
            connection.exec_driver_sql(row)
    assert pages(client, url) == [1, 4, 5, 99]


def test_only_the_newest_row_of_a_page_counts(client: TestClient, hashes: Database) -> None:
    with hashes.write() as connection:
        results.save(connection, [hashed(1, 1, 2)])
    wait_for(lambda: pages(client, f"/search?phash={PHASH}&dhash={DHASH}") == [2, 4, 5])
    assert pages(client, "/search?phash=1&dhash=1") == [1]


@pytest.mark.parametrize(
    ("url", "items"),
    [
        ("/search?phash=1&dhash=1&debug=1", 0),
        ("/search?phash=1&dhash=1&maxdifference=0&debug", 0),
        ("/pagesearch?page_id=3&debug=", 1),
        ("/pagesearch?page_id=12345&debug=", 0),
        ("/finnasearch?finna_id=museum.1&debug=", 1),
        ("/externallinks?el_to_domain_index=fi.finna&el_to_path=/Record&debug=0", 3),
    ],
)
@pytest.mark.usefixtures("linked", "on_finna")
def test_debug_adds_cumulative_seconds(client: TestClient, url: str, items: int) -> None:
    response = client.get(url)
    *found, seconds = response.json()
    assert response.text == json.dumps([*found, seconds], indent=4, sort_keys=True)
    assert len(found) == items
    assert len(seconds) > 1
    assert seconds == sorted(seconds)
    assert all(isinstance(second, float) and second >= 0 for second in seconds)


@pytest.mark.usefixtures("linked")
def test_externallinks_wants_a_value_for_debug(client: TestClient) -> None:
    url = "/externallinks?el_to_domain_index=fi.finna&el_to_path=/Record"
    assert pages(client, url + "&debug=") == pages(client, url) == [2, 3, 5]


def test_integers_are_what_python_takes_and_the_first_counts(client: TestClient) -> None:
    assert pages(client, f"/search?phash=+{PHASH}%20&dhash=%200_0&phash=1") == [1, 4]


@pytest.mark.usefixtures("on_finna")
def test_finnasearch_takes_a_records_first_picture_in_small(client: TestClient, finna: Finna) -> None:
    assert pages(client, "/finnasearch?finna_id=museum.1") == [8]
    assert pages(client, "/finnasearch?finna_id=museum.1&finna_id=x&maxdifference=1") == [8]
    assert pages(client, "/finnasearch?finna_id=museum.1&maxdifference=0") == []
    assert finna.asked("size=small") == 1
    assert finna.asked("size=large") == finna.asked("index=1") == 0


@pytest.mark.usefixtures("linked")
def test_externallinks_wants_the_beginning_of_a_host_and_a_part_of_the_path(client: TestClient) -> None:
    def found(host: str, path: str) -> list[int]:
        return pages(client, f"/externallinks?el_to_domain_index={host}&el_to_path={path}")

    assert found("fi.finna", "/Record") == found("fi.finna.", "cord/") == [2, 3, 5]
    assert found("fi.finna", "/Flight") == found("fi.fin", "Flight") == [1]
    assert found("fi.finna", "a_b%25c") == [2, 3, 5]
    for host, path in (
        ("fi.finna", "%25c/"),
        ("fi.finna", "a%25b"),
        ("fi_finna", "/Record"),
        ("%25.finna", "/Record"),
    ):
        assert found(host, path) == []
    assert found("fi.finna&el_to_domain_index=x", "/Record&el_to_path=x") == [2, 3, 5]


def test_externallinks_lists_100_files(client: TestClient, replica: Database) -> None:
    with replica.write() as connection:
        for page_id in range(1000, 1120):
            for row in (*wiki_file(page_id, f"{page_id}.jpg"), wiki_link(page_id, "https://org.x.", "/path")):
                connection.exec_driver_sql(row)
    found = pages(client, "/externallinks?el_to_domain_index=org.x&el_to_path=/path")
    assert found == list(range(1000, 1100))


@pytest.mark.usefixtures("linked")
def test_an_item_is_alike_wherever_it_was_found(client: TestClient) -> None:
    (linked, *_) = client.get("/externallinks?el_to_domain_index=fi.finna&el_to_path=/Record").json()
    (_, equal, *_) = client.get(f"/search?phash=1&dhash={DHASH}").json()
    assert (
        linked
        == equal
        == {
            "page_id": 2,
            "page_title": "File:B.jpg",
            "thumbnail": "https://upload.wikimedia.org/wikipedia/commons/thumb/5/56/B.jpg/250px-B.jpg",
        }
    )


@pytest.mark.parametrize(
    "title",
    [
        "File:B.jpg",
        "file:B.jpg",
        "FILE:B.jpg",
        "Image:B.jpg",
        "iMaGe: b.jpg",
        "%20File:_B.jpg",
        "File%3AB.jpg",
    ],
)
def test_the_prefix_of_a_title_may_be_written_in_any_way(client: TestClient, title: str) -> None:
    assert pages(client, f"/pagesearch?page_title={title}") == [1, 2]


def test_a_prefix_in_the_midst_of_a_title_is_part_of_it(client: TestClient, replica: Database) -> None:
    with replica.write() as connection:
        for row in wiki_file(6, "My_file:B.jpg"):
            connection.exec_driver_sql(row)
    assert pages(client, "/pagesearch?page_title=File:My_file:B.jpg") == [6]
    assert pages(client, "/pagesearch?page_title=My file:B.jpg&page_title=B.jpg") == [6]


OK = [
    f"/search?phash={PHASH}&dhash={DHASH}",
    "/pagesearch?page_id=1",
    "/finnasearch?finna_id=museum.1",
    "/externallinks?el_to_domain_index=fi.finna&el_to_path=/Record",
]
BAD = ["/search", "/pagesearch", "/finnasearch", "/externallinks", "/pagesearch?page_title=Nothing.jpg"]


@pytest.mark.parametrize("url", [*OK, *BAD])
@pytest.mark.parametrize("headers", [{}, {"Origin": "https://commons.wikimedia.org"}], ids=["bare", "origin"])
@pytest.mark.usefixtures("linked", "on_finna")
def test_any_site_may_read_every_answer(client: TestClient, url: str, headers: dict[str, str]) -> None:
    response = client.get(url, headers=headers)
    assert response.status_code == (200 if url in OK else 404 if "Nothing" in url else 400)
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["content-type"] == "application/json"
    assert client.post(url, headers=headers).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("url", "trouble", "retry_after"),
    [
        ("id=broken", lambda request: request.answer(500), "30"),
        ("id=busy", lambda request: request.answer(429, Retry_After="90"), "90"),
        ("id=secret", lambda request: request.answer(403), None),
        ("id=odd", lambda request: request.answer(200, b"<html>"), None),
    ],
)
def test_trouble_with_finna_is_never_an_empty_list(
    client: TestClient, finna: Finna, url: str, trouble: Callable[[Request], None], retry_after: str | None
) -> None:
    finna.trouble[url] = trouble
    response = client.get(f"/finnasearch?finna_{url}")
    assert response.status_code == 502
    assert "Finna" in response.json()["error"]
    assert response.headers.get("retry-after") == retry_after


@pytest.mark.usefixtures("on_finna")
def test_a_picture_of_finna_that_is_none_is_trouble(client: TestClient, finna: Finna) -> None:
    finna.trouble["/Cover/"] = lambda request: request.answer(200, b"<html>")
    assert client.get("/finnasearch?finna_id=museum.1").status_code == 502


@pytest.mark.usefixtures("on_finna")
@pytest.mark.parametrize(
    ("url", "status", "message"),
    [
        ("/finnasearch", 400, "the parameter finna_id is missing"),
        ("/finnasearch?finna_id=", 400, "1 to 255 characters"),
        ("/finnasearch?finna_id=museum.1&maxdifference=x", 400, "maxdifference is 'x'"),
        ("/finnasearch?finna_id=museum.9", 404, "Finna has no record 'museum.9'"),
        ("/finnasearch?finna_id=museum.2", 404, "the record 'museum.2' has no picture"),
        ("/externallinks?el_to_path=x", 400, "the parameter el_to_domain_index is missing"),
        ("/externallinks?el_to_domain_index=x", 400, "the parameter el_to_path is missing"),
        ("/externallinks?el_to_domain_index=&el_to_path=/Record", 400, "'' is too short"),
        ("/externallinks?el_to_domain_index=fi&el_to_path=/Record", 400, "'fi' is too short"),
        ("/externallinks?el_to_domain_index=fi.finna&el_to_path=/R", 400, "'/R' is too short"),
        ("/pagesearch?page_id=", 400, "give page_id or page_title"),
        ("/pagesearch?page_id=1.0", 400, "page_id is '1.0', which is not an integer"),
        ("/pagesearch?page_id=1&maxdifference=", 400, "maxdifference is '', which is not an integer"),
        ("/pagesearch?page_title=Nothing.jpg&maxdifference=x", 400, "maxdifference is 'x'"),
        ("/search", 400, "the parameter dhash is missing"),
        ("/search?dhash=1", 400, "the parameter phash is missing"),
        ("/search?dhash=1&phash=", 400, "phash is '', which is not an integer"),
        ("/search?dhash=a&phash=b&maxdifference=c", 400, "phash is 'b', which is not an integer"),
        (
            "/search?dhash=a&phash=1",
            400,
            "dhash is 'a', which is not an integer: hashes are unsigned decimal",
        ),
        ("/search?dhash=1&phash=1&maxdifference=c", 400, "maxdifference is 'c', which is not an integer"),
        ("/search?dhash=1&phash=18446744073709551616", 400, "phash is out of range"),
        ("/search?dhash=-1&phash=1", 400, "dhash is out of range"),
        ("/pagesearch", 400, "give page_id or page_title"),
        ("/pagesearch?page_title=", 400, "give page_id or page_title"),
        ("/pagesearch?page_id=x", 400, "page_id is 'x', which is not an integer"),
        ("/pagesearch?page_id=2147483648", 400, "page_id is out of range"),
        ("/pagesearch?page_title=a%7Cb", 400, "cannot be a file's title"),
        ("/pagesearch?page_title=Nothing.jpg", 404, "there is no file 'Nothing.jpg'"),
    ],
)
def test_bad_requests_say_what_is_wrong(client: TestClient, url: str, status: int, message: str) -> None:
    response = client.get(url)
    assert response.status_code == status
    assert message in response.json()["error"]
    assert list(response.json()) == ["error"]
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.usefixtures("on_finna")
def test_trouble_with_the_databases_is_never_an_empty_list(settings: Settings, serve: Serve) -> None:
    client = serve(replace(settings, commons_url="mysql+pymysql://nobody@127.0.0.1:1/commonswiki_p"))
    for url in (
        f"/search?phash={PHASH}&dhash={DHASH}",
        "/pagesearch?page_id=1",
        "/pagesearch?page_title=B.jpg",
        "/finnasearch?finna_id=museum.1",
        "/externallinks?el_to_domain_index=fi.finna&el_to_path=/Record",
    ):
        response = client.get(url)
        assert response.status_code == 503
        assert response.headers["retry-after"] == "30"
        assert response.headers["cache-control"] == "no-store"
        assert "the Commons replica cannot be read" in response.json()["error"]


def test_lists_are_kept_until_newer_rows_may_be_there(settings: Settings, serve: Serve) -> None:
    asked = ("/pagesearch?page_id=1", "/pagesearch?page_id=8", f"/search?phash={PHASH}&dhash={DHASH}")
    kept = {serve(settings).get(url).headers["cache-control"] for url in asked}
    assert kept == {"public, max-age=0"}
    assert serve(settings).get("/search").headers["cache-control"] == "no-store"


def test_lists_of_a_service_that_lacks_something_are_not_kept(
    settings: Settings, serve: Serve, hashes: Database
) -> None:
    with hashes.write() as connection:
        connection.exec_driver_sql("DROP TABLE tombstone")
    response = serve(settings).get("/pagesearch?page_id=1")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
