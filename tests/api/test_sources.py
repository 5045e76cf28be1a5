from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api import context, service
from commons.pictures import hash_picture
from commons.settings import Settings
from sql import results
from sql.database import Database
from tests.api.conftest import Serve, asker
from tests.api.data import Ask, hashed, wiki_link
from tests.finna import Finna
from tests.waiting import wait_for

RECORD = """query ($id: String!) { finna(id: $id) { id title pictures {
  url thumbnailUrl hashes { phash createdAt lowInformation }
  matches(first: 1) { totalCount nodes { phashDistance file { pageId title } } } } } }"""


@pytest.fixture
def ask_with_finna(settings_with_finna: Settings, serve: Serve) -> Ask:
    return asker(serve(settings_with_finna))


def test_a_finna_record_has_all_its_pictures_and_what_is_near_them(
    ask_with_finna: Ask, finna: Finna, hashes: Database, photos: Path
) -> None:
    paths = [photos / "commons100" / f"{name}.jpg" for name in ("mural", "puffin")]
    finna.records["museum.1"] = paths
    with hashes.write() as connection:
        results.save(connection, [hashed(8, *hash_picture(paths[1].read_bytes()).hashes)])
    wait_for(lambda: ask_with_finna("{ file(pageId: 8) { status } }")["data"]["file"]["status"] == "INDEXED")
    answer = ask_with_finna(RECORD, id="museum.1")
    assert "errors" not in answer
    record = answer["data"]["finna"]
    assert (record["id"], record["title"]) == ("museum.1", "Näkymä")
    mural, puffin = record["pictures"]
    assert mural["url"] == f"{finna.url}/Cover/Show?id=museum.1&index=0&size=large"
    assert mural["thumbnailUrl"] == "http://testserver/finna/picture?id=museum.1&index=0"
    assert mural["hashes"] == {
        "phash": f"{hash_picture(paths[0].read_bytes()).hashes.phash:016x}",
        "createdAt": None,
        "lowInformation": False,
    }
    assert mural["matches"] == {"totalCount": 0, "nodes": []}
    assert puffin["matches"]["nodes"] == [{"phashDistance": 0, "file": {"pageId": 8, "title": "File:H.jpg"}}]
    assert finna.asked("/Cover/") == 2


def test_pictures_are_only_fetched_for_their_hashes(ask_with_finna: Ask, finna: Finna, photos: Path) -> None:
    finna.records["museum.1"] = [photos / "commons100" / "mural.jpg"]
    answer = ask_with_finna('{ finna(id: "museum.1") { pictures { url thumbnailUrl } } }')
    assert len(answer["data"]["finna"]["pictures"]) == 1
    assert finna.asked("/Cover/") == 0


def test_a_record_that_finna_does_not_have_is_null(ask_with_finna: Ask, finna: Finna) -> None:
    answer = ask_with_finna(RECORD, id="museum.1")
    assert answer["data"] == {"finna": None}
    assert "errors" not in answer


def test_trouble_with_finna_is_an_error_with_a_code(ask_with_finna: Ask, finna: Finna, photos: Path) -> None:
    finna.records["museum.1"] = [photos / "commons100" / "mural.jpg", photos / "formats" / "empty.jpg"]
    finna.trouble["index=0"] = lambda request: request.answer(429, Retry_After="60")
    finna.trouble["index=1"] = lambda request: request.answer(200, b"no picture")
    answer = ask_with_finna(RECORD, id="museum.1")
    assert [picture["hashes"] for picture in answer["data"]["finna"]["pictures"]] == [None, None]
    told = {
        (error["path"][2], error["path"][3]): (
            error["extensions"]["code"],
            error["extensions"].get("retryAfter"),
        )
        for error in answer["errors"]
    }
    assert told == {
        (0, "hashes"): ("UPSTREAM_FAILED", 60),
        (0, "matches"): ("UPSTREAM_FAILED", 60),
        (1, "hashes"): ("UNHASHABLE_PICTURE", None),
        (1, "matches"): ("UNHASHABLE_PICTURE", None),
    }
    finna.trouble["/v1/record"] = lambda request: request.answer(500)
    (error,) = ask_with_finna(RECORD, id="museum.2")["errors"]
    assert error["extensions"] == {"code": "UPSTREAM_FAILED", "retryAfter": 30}


def test_a_request_has_some_pictures_fetched_and_the_next_one_more(
    ask_with_finna: Ask, finna: Finna, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "MOST_PICTURES", 2)
    finna.records["museum.1"] = [photos / "commons100" / "mural.jpg"] * 5
    query = '{ finna(id: "museum.1") { pictures { hashes { phash } } } }'
    left = []
    for _ in range(3):
        answer = ask_with_finna(query)
        errors = answer.get("errors", [])
        assert {error["extensions"]["code"] for error in errors} <= {"TOO_MANY_PICTURES"}
        left.append(len(errors))
    assert left == [3, 1, 0]
    assert finna.asked("/Cover/") == 5


LINKS = """query ($domain: String!, $path: String!, $first: Int, $after: String) {
  externalLinks(domain: $domain, path: $path, first: $first, after: $after) {
    totalCount truncated pageInfo { hasNextPage endCursor }
    edges { cursor node { pageId } } nodes { pageId title } } }"""


ENDLESS_LINKS = """CREATE VIEW externallinks AS WITH RECURSIVE number(n) AS
  (SELECT 1 UNION ALL SELECT n + 1 FROM number)
  SELECT n AS el_from, CAST('https://fi.finna.' AS BLOB) AS el_to_domain_index,
    CAST('/' || n AS BLOB) AS el_to_path FROM number"""


@pytest.fixture
def linked(replica: Database) -> None:
    """Links to Finna on 2, 3 and 5, and on the article 9."""
    hosts = {
        2: "https://fi.finna.",
        3: "http://fi.finna.www.",
        5: "https://fi.finna.",
        9: "https://fi.finna.",
    }
    with replica.write() as connection:
        for page_id, host in hosts.items():
            connection.exec_driver_sql(wiki_link(page_id, host, "/Record/a_b"))
        connection.exec_driver_sql(wiki_link(1, "https://fi.finnair.", "/Record/a_b"))


def linking(answer: dict[str, Any]) -> list[int]:
    return [file["pageId"] for file in answer["data"]["externalLinks"]["nodes"]]


@pytest.mark.usefixtures("linked")
def test_files_are_found_by_their_links_the_host_written_either_way(ask: Ask) -> None:
    for domain in ("finna.fi", "fi.finna", "FINNA.fi."):
        answer = ask(LINKS, domain=domain, path="/Record/")
        assert "errors" not in answer
        assert linking(answer) == [2, 3, 5]
        assert answer["data"]["externalLinks"]["totalCount"] == 3
        assert answer["data"]["externalLinks"]["truncated"] is False
        assert answer["data"]["externalLinks"]["nodes"][0]["title"] == "File:B.jpg"
    assert linking(ask(LINKS, domain="www.finna.fi", path="ord")) == [3]
    for path in ("/Record/a%", "/Record_a_b", "/record/"):
        assert linking(ask(LINKS, domain="finna.fi", path=path)) == []


@pytest.mark.usefixtures("linked")
def test_links_are_listed_page_by_page_and_counted_in_all(ask: Ask) -> None:
    found, after, more = [], None, True
    while more:
        answer = ask(LINKS, domain="finna.fi", path="/Record/", first=2, after=after)
        listing = answer["data"]["externalLinks"]
        assert listing["totalCount"] == 3
        assert [edge["node"]["pageId"] for edge in listing["edges"]] == linking(answer)
        found += linking(answer)
        after, more = listing["pageInfo"]["endCursor"], listing["pageInfo"]["hasNextPage"]
    assert found == [2, 3, 5]
    (error,) = ask(LINKS, domain="finna.fi", path="/other", after=after)["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    none = ask(LINKS, domain="finna.fi", path="/Record/", first=0)["data"]["externalLinks"]
    assert (none["totalCount"], none["nodes"], none["pageInfo"]["hasNextPage"]) == (3, [], True)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"domain": "finna.fi", "path": "/R"}, "give 3 characters or more"),
        ({"domain": "", "path": "/Record"}, "is no host"),
        ({"domain": "%.fi", "path": "/Record"}, "is no host"),
        ({"domain": "https://finna.fi", "path": "/Record"}, "without protocol"),
        ({"domain": "finna.fi", "path": "/Record", "first": 101}, "ask for 0 to 100"),
    ],
)
def test_what_cannot_be_looked_for_in_links_is_told(ask: Ask, asked: dict[str, Any], message: str) -> None:
    (error,) = ask(LINKS, **asked)["errors"]
    assert message in error["message"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_a_search_through_links_may_not_take_long(
    settings: Settings, serve: Serve, replica: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LINKS_SECONDS", 0.2)
    with replica.write() as connection:
        connection.exec_driver_sql("DROP TABLE externallinks")
        connection.exec_driver_sql(ENDLESS_LINKS)
    client = serve(settings)
    (error,) = asker(client)(LINKS, domain="finna.fi", path="/Record")["errors"]
    assert error["extensions"]["code"] == "TOO_SLOW"
    assert "longer than 0.2 seconds" in error["message"]
    response = client.get("/externallinks?el_to_domain_index=fi.finna&el_to_path=/Record")
    assert (response.status_code, response.json()["error"]) == (503, error["message"])


def test_links_without_a_replica_are_an_error_with_a_code(
    ask_without_replica: Ask, settings: Settings, serve: Serve
) -> None:
    (error,) = ask_without_replica(LINKS, domain="finna.fi", path="/Record")["errors"]
    assert error["extensions"] == {"code": "REPLICA_UNAVAILABLE", "retryAfter": 30}
    alone = asker(serve(replace(settings, commons_url=None)))
    (error,) = alone(LINKS, domain="finna.fi", path="/Record")["errors"]
    assert error["extensions"] == {"code": "NOT_AVAILABLE"}
