import json
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from commons.settings import Settings
from sql import results
from sql.database import Database
from tests.api.conftest import Serve
from tests.api.data import DHASH, PHASH, hashed, wiki_file
from tests.waiting import wait_for


def pages(client: TestClient, url: str) -> list[int]:
    response = client.get(url)
    assert response.status_code == 200, response.text
    return [item["page_id"] for item in response.json()]


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


def test_debug_adds_seconds(client: TestClient) -> None:
    for url in ("/pagesearch?page_id=3&debug=", "/search?phash=1&dhash=1&debug=1"):
        *_, seconds = client.get(url).json()
        assert all(isinstance(second, float) and second >= 0 for second in seconds)


def test_integers_are_what_python_takes_and_the_first_counts(client: TestClient) -> None:
    assert pages(client, f"/search?phash=+{PHASH}%20&dhash=%200_0&phash=1") == [1, 4]


@pytest.mark.parametrize(
    ("url", "status", "message"),
    [
        ("/search", 400, "the parameter dhash is missing"),
        ("/search?dhash=1", 400, "the parameter phash is missing"),
        ("/search?dhash=1&phash=", 400, "phash is '', which is not an integer"),
        ("/search?dhash=a&phash=b&maxdifference=c", 400, "phash is 'b', which is not an integer"),
        ("/search?dhash=a&phash=1", 400, "dhash is 'a', which is not an integer"),
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
    assert response.headers["access-control-allow-origin"] == "*"


def test_trouble_with_the_databases_is_never_an_empty_list(settings: Settings, serve: Serve) -> None:
    client = serve(replace(settings, commons_url="mysql+pymysql://nobody@127.0.0.1:1/commonswiki_p"))
    for url in (
        f"/search?phash={PHASH}&dhash={DHASH}",
        "/pagesearch?page_id=1",
        "/pagesearch?page_title=B.jpg",
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
