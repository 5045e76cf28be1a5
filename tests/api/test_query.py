import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, event
from starlette.testclient import TestClient

from api import files
from api.app import create_app
from api.errors import Refusal
from api.files import Facts
from api.service import Service
from commons.settings import Settings
from sql import results
from sql.database import Database
from sql.results import Result
from tests.api.conftest import Serve, asker, make_snapshot
from tests.api.data import DHASH, FILES, PHASH, Ask, hashed, wiki_file
from tests.waiting import wait_for

SEARCH = """
query ($phash: Hash!, $dhash: Hash!, $tolerance: Tolerance, $first: Int, $after: String) {
  search(phash: $phash, dhash: $dhash, tolerance: $tolerance, first: $first, after: $after) {
    totalCount truncated pageInfo { hasNextPage endCursor }
    edges { cursor } nodes { phashDistance dhashDistance file { pageId } }
  }
}
"""
HASHES = {"phash": f"{PHASH:016x}", "dhash": f"{DHASH:016x}"}


def matches(connection: dict[str, Any]) -> list[tuple[int, int, int]]:
    return [
        (node["file"]["pageId"], node["phashDistance"], node["dhashDistance"]) for node in connection["nodes"]
    ]


def test_search_lists_files_within_the_default_tolerance_closest_first(ask: Ask) -> None:
    found = ask(SEARCH, **HASHES)["data"]["search"]
    assert matches(found) == [(1, 0, 0), (2, 2, 0), (3, 2, 3)]
    assert found["totalCount"] == 3
    assert found["truncated"] is False
    assert found["pageInfo"]["hasNextPage"] is False


@pytest.mark.parametrize(
    ("tolerance", "expected"),
    [
        ({"phash": 2, "dhash": 2}, [1, 2]),
        ({"phash": None, "dhash": None}, [1, 2, 3]),
        ({"phash": 64, "dhash": 64, "closest": 0}, [1, 2, 4, 5]),
        ({"phash": 64, "dhash": 64, "closest": 2}, [1, 2, 3, 4, 5]),
        ({"phash": 64, "dhash": 64}, [1, 2, 3, 4, 5, 6]),
        ({"phash": 0, "dhash": 0}, [1]),
    ],
)
def test_tolerance_bounds_both_distances_and_the_closer(
    ask: Ask, tolerance: dict[str, Any], expected: list[int]
) -> None:
    found = ask(SEARCH, **HASHES, tolerance=tolerance)["data"]["search"]
    assert [page_id for page_id, _, _ in matches(found)] == expected


def test_pages_of_a_listing_make_up_the_whole(ask: Ask) -> None:
    tolerance = {"phash": 64, "dhash": 64}
    whole = matches(ask(SEARCH, **HASHES, tolerance=tolerance)["data"]["search"])
    pages, after, more = [], None, True
    while more:
        page = ask(SEARCH, **HASHES, tolerance=tolerance, first=2, after=after)["data"]["search"]
        assert page["totalCount"] == len(whole)
        pages += matches(page)
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert pages == whole


def test_none_asked_for_are_only_counted(ask: Ask) -> None:
    found = ask(SEARCH, **HASHES, first=0)["data"]["search"]
    assert found["totalCount"] == 3
    assert found["edges"] == []
    assert found["pageInfo"] == {"hasNextPage": True, "endCursor": None}


def test_a_cursor_stays_good_when_its_file_goes_and_others_come(ask: Ask, hashes: Database) -> None:
    first = ask(SEARCH, **HASHES, first=2)["data"]["search"]
    with hashes.write() as connection:
        results.save(connection, [Result(2, None, "none", reason="broken", detail="now broken")])
        results.save(connection, [hashed(50, PHASH ^ 0b1111, DHASH ^ 0b1)])
    count = "{ index { fileCount } }"
    wait_for(lambda: ask(SEARCH, **HASHES)["data"]["search"]["nodes"][-1]["file"]["pageId"] == 50)
    rest = ask(SEARCH, **HASHES, after=first["pageInfo"]["endCursor"])["data"]["search"]
    assert [page_id for page_id, _, _ in matches(rest)] == [3, 50]
    assert ask(count)["data"]["index"]["fileCount"] == len(FILES)


def test_a_cursor_of_another_question_is_refused(ask: Ask) -> None:
    cursor = ask(SEARCH, **HASHES, first=1)["data"]["search"]["pageInfo"]["endCursor"]
    answer = ask(SEARCH, **HASHES, tolerance={"phash": 1}, after=cursor)
    assert answer["errors"][0]["message"] == (
        "the cursor is of another query: page on with the same arguments"
    )
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"phash": "a" * 15}, "15 hexadecimal digits"),
        ({"phash": "g" * 16}, "hexadecimal"),
        ({"phash": 2**53}, "2^53"),
        ({"phash": -1}, "-1"),
        ({"phash": True}, "string of 16"),
        ({"phash": None}, "null"),
        ({"first": -1}, "first is -1; ask for 0 to 100"),
        ({"first": 101}, "first is 101; ask for 0 to 100"),
        ({"first": 2**31}, "32-bit"),
        ({"tolerance": {"phash": 65}}, "tolerance.phash is 65; a Hamming distance is from 0 to 64"),
        ({"tolerance": {"closest": -1}}, "tolerance.closest is -1"),
        ({"tolerance": {"far": 1}}, "far"),
        ({"after": "nonsense"}, "'nonsense' is no cursor"),
        ({"after": "ü"}, "'ü' is no cursor"),
    ],
)
def test_bad_variables_are_told_apart(
    ask: Ask, changed: dict[str, Any], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = ask(SEARCH, **(HASHES | changed))
    assert answer.get("data") is None
    (error,) = answer["errors"]
    assert message in error["message"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("literal", ['"91bc"', "-1", str(2**64), "1.5", "true", "[1]", "{a: 1}"])
def test_bad_literals_fail_validation_where_they_stand(ask: Ask, literal: str) -> None:
    answer = ask(f'{{ search(phash: {literal}, dhash: "{DHASH:016x}") {{ totalCount }} }}')
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert error["locations"]


def test_hashes_may_be_written_in_each_of_the_three_ways(ask: Ask) -> None:
    for phash in (f'"{PHASH:016x}"', f'"0x{PHASH:016X}"', str(PHASH)):
        answer = ask(f'{{ search(phash: {phash}, dhash: "{DHASH:016x}") {{ totalCount }} }}')
        assert answer["data"]["search"]["totalCount"] == 3


def test_search_many_answers_in_the_order_asked(ask: Ask) -> None:
    query = """query ($pictures: [HashPair!]!) {
      searchMany(pictures: $pictures, first: 1, tolerance: {phash: 4, dhash: 4}) {
        totalCount pageInfo { hasNextPage } nodes { file { pageId } }
      }
    }"""
    asked = [6, 1, 5, 6]
    pictures = [{"phash": f"{FILES[i][0]:016x}", "dhash": f"{FILES[i][1]:016x}"} for i in asked]
    found = ask(query, pictures=pictures)["data"]["searchMany"]
    assert [one["nodes"][0]["file"]["pageId"] for one in found] == asked
    assert [one["totalCount"] for one in found] == [1, 3, 1, 1]
    assert [one["pageInfo"]["hasNextPage"] for one in found] == [False, True, False, False]
    assert ask(query, pictures=[])["data"]["searchMany"] == []


def test_more_than_500_pictures_are_refused(ask: Ask) -> None:
    query = "query ($p: [HashPair!]!) { searchMany(pictures: $p) { totalCount } }"
    assert len(ask(query, p=[HASHES] * 500)["data"]["searchMany"]) == 500
    (error,) = ask(query, p=[HASHES] * 501)["errors"]
    assert error["message"] == "501 pictures are too many for one query: ask for up to 500 at a time"
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


FILE = """
fragment All on File {
  pageId title url pageUrl thumbnailUrl width height mime sha1 uploadedAt status deleted
  hashes { phash dhash phashDecimal dhashDecimal lowInformation }
}
"""


def test_a_file_tells_all_that_is_known(ask: Ask) -> None:
    answer = ask(FILE + "{ file(pageId: 1) { ...All hashes { createdAt } } }")
    assert "errors" not in answer
    file = answer["data"]["file"]
    assert file["hashes"].pop("createdAt").startswith("20")
    assert file == {
        "pageId": 1,
        "title": "File:Älpler (1900).jpg",
        "url": "https://upload.wikimedia.org/wikipedia/commons/7/72/%C3%84lpler_%281900%29.jpg",
        "pageUrl": "https://commons.wikimedia.org/wiki/File:%C3%84lpler_(1900).jpg",
        "thumbnailUrl": (
            "https://upload.wikimedia.org/wikipedia/commons/thumb/7/72/%C3%84lpler_%281900%29.jpg/"
            "330px-%C3%84lpler_%281900%29.jpg"
        ),
        "width": 3000,
        "height": 2000,
        "mime": "image/jpeg",
        "sha1": f"{1:040x}",
        "uploadedAt": "2024-02-29T12:34:56+00:00",
        "status": "INDEXED",
        "deleted": False,
        "hashes": {
            "phash": f"{PHASH:016x}",
            "dhash": f"{DHASH:016x}",
            "phashDecimal": str(PHASH),
            "dhashDecimal": str(DHASH),
            "lowInformation": False,
        },
    }


@pytest.mark.parametrize(
    "title",
    [
        "File:Älpler (1900).jpg",
        "älpler_(1900).jpg",
        "IMAGE: älpler (1900).jpg",
        "https://commons.wikimedia.org/wiki/File:%C3%84lpler_(1900).jpg",
        "https://commons.m.wikimedia.org/w/index.php?title=File:%C3%84lpler_(1900).jpg&oldid=7#filehistory",
        "https://upload.wikimedia.org/wikipedia/commons/7/72/%C3%84lpler_%281900%29.jpg",
        "https://upload.wikimedia.org/wikipedia/commons/thumb/7/72/%C3%84lpler_%281900%29.jpg/330px-x.jpg",
    ],
)
def test_a_file_is_found_by_its_title(ask: Ask, title: str) -> None:
    found = ask("query ($title: String!) { file(title: $title) { pageId } }", title=title)
    assert found["data"]["file"] == {"pageId": 1}


def test_statuses_are_told_apart(ask: Ask) -> None:
    found = ask(
        "{ files(pageIds: [1, 7, 8, 6]) { pageId status deleted hashes { phash } matches { totalCount } } }"
    )
    known = found["data"]["files"]
    assert [(file["pageId"], file["status"], file["deleted"]) for file in known] == [
        (1, "INDEXED", False),
        (7, "FAILED", False),
        (8, "NOT_INDEXED", False),
        (6, "INDEXED", True),
    ]
    assert [file["matches"] for file in known] == [{"totalCount": 2}, None, None, {"totalCount": 0}]
    assert known[1]["hashes"] is None


def test_files_come_in_order_with_null_where_there_is_none(ask: Ask) -> None:
    found = ask('{ files(pageIds: [9, 5, 999, 5], titles: ["File:X.jpg", "b.jpg"]) { pageId } }')
    assert found["data"]["files"] == [None, {"pageId": 5}, None, {"pageId": 5}, None, {"pageId": 2}]
    assert ask("{ files { pageId } }")["data"]["files"] == []


def test_a_file_is_asked_for_in_one_way(ask: Ask) -> None:
    for arguments in ('pageId: 1, title: "B.jpg"', "pageId: null", ""):
        query = f"{{ file({arguments}) {{ pageId }} }}" if arguments else "{ file { pageId } }"
        (error,) = ask(query)["errors"]
        assert error["message"] == "give either pageId or title"
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_a_title_that_cannot_be_is_bad_input(ask: Ask) -> None:
    (error,) = ask('{ file(title: "File:a|b.jpg") { pageId } }')["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "'|'" in error["message"]


def test_matches_leave_out_the_file_itself_unless_asked_for(ask: Ask) -> None:
    query = """query ($self: Boolean, $first: Int, $after: String) {
      file(pageId: 2) { matches(includeSelf: $self, first: $first, after: $after) {
        totalCount pageInfo { hasNextPage endCursor }
        nodes { file { pageId } phashDistance dhashDistance } } } }"""
    others = ask(query, self=False)["data"]["file"]["matches"]
    assert [page_id for page_id, _, _ in matches(others)] == [1, 3]
    assert others["totalCount"] == 2
    both = ask(query, self=True)["data"]["file"]["matches"]
    assert matches(both) == [(2, 0, 0), (1, 2, 0), (3, 0, 3)]
    assert both["totalCount"] == 3
    first = ask(query, self=False, first=1)["data"]["file"]["matches"]
    assert [page_id for page_id, _, _ in matches(first)] == [1]
    assert first["pageInfo"]["hasNextPage"] is True
    rest = ask(query, self=False, first=1, after=first["pageInfo"]["endCursor"])["data"]["file"]["matches"]
    assert [page_id for page_id, _, _ in matches(rest)] == [3]
    assert rest["pageInfo"]["hasNextPage"] is False


def test_deleted_files_match_and_say_so(ask: Ask, hashes: Database) -> None:
    with hashes.write() as connection:
        results.bury(connection, {3: "C.jpg"}, deleted=True)
    query = SEARCH.replace("file { pageId }", "file { pageId deleted title }")
    wait_for(lambda: ask("{ file(pageId: 3) { deleted } }")["data"]["file"]["deleted"])
    found = ask(query, **HASHES)["data"]["search"]["nodes"]
    assert [(node["file"]["pageId"], node["file"]["deleted"]) for node in found] == [
        (1, False),
        (2, False),
        (3, True),
    ]
    with hashes.write() as connection:
        results.bury(connection, {3: "C.jpg"}, deleted=False)
    wait_for(lambda: not ask("{ file(pageId: 3) { deleted } }")["data"]["file"]["deleted"])


def test_new_rows_show_up_and_take_the_place_of_older_ones(ask: Ask, hashes: Database) -> None:
    with hashes.write() as connection:
        results.save(connection, [hashed(8, PHASH, DHASH), hashed(1, *FILES[6])])
    wait_for(lambda: ask("{ file(pageId: 8) { status } }")["data"]["file"]["status"] == "INDEXED")
    found = ask(SEARCH, **HASHES)["data"]["search"]
    assert [page_id for page_id, _, _ in matches(found)] == [8, 2, 3]


def test_matches_tell_whether_what_was_asked_for_is_plain(ask: Ask) -> None:
    query = "query ($p: [HashPair!]!) { searchMany(pictures: $p) { lowInformation } }"
    plain = {"phash": "8000000000000000", "dhash": "0000000000000000"}
    assert ask(query, p=[plain, HASHES])["data"]["searchMany"] == [
        {"lowInformation": True},
        {"lowInformation": False},
    ]
    assert ask("{ file(pageId: 1) { matches { lowInformation } } }")["data"]["file"]["matches"] == {
        "lowInformation": False
    }


def test_the_index_tells_what_is_searched(client: TestClient, ask: Ask) -> None:
    answer = ask("{ index { fileCount commonsFileCount engine indexedThrough liveCount } }")
    index = answer["data"]["index"]
    assert index.pop("indexedThrough").startswith("20")
    assert index == {
        "fileCount": 6,
        "commonsFileCount": 100,
        "engine": client.get("/readyz").json()["index"],
        "liveCount": 0,
    }
    assert answer["extensions"]["asOf"].startswith("20")
    assert "degraded" not in answer["extensions"]


def test_without_the_replica_matches_come_with_errors_on_what_it_would_tell(ask_without_replica: Ask) -> None:
    query = SEARCH.replace("file { pageId }", "file { pageId title pageUrl deleted status }")
    answer = ask_without_replica(query, **HASHES, first=2)
    files = [node["file"] for node in answer["data"]["search"]["nodes"]]
    assert files == [
        {
            "pageId": page_id,
            "title": None,
            "pageUrl": f"https://commons.wikimedia.org/w/index.php?curid={page_id}",
            "deleted": False,
            "status": "INDEXED",
        }
        for page_id in (1, 2)
    ]
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"REPLICA_UNAVAILABLE"}
    assert [error["path"][-1] for error in answer["errors"]] == ["title", "title"]
    index = ask_without_replica("{ index { commonsFileCount } }")
    assert index["data"]["index"] == {"commonsFileCount": None}


def test_without_the_replica_an_unknown_file_is_no_null(ask_without_replica: Ask) -> None:
    for query in ("{ file(pageId: 8) { pageId } }", '{ file(title: "H.jpg") { pageId } }'):
        (error,) = ask_without_replica(query)["errors"]
        assert error["extensions"]["code"] == "REPLICA_UNAVAILABLE"


def test_where_there_is_no_replica_a_file_that_is_not_hashed_is_no_null_either(
    settings: Settings, serve: Serve
) -> None:
    client = serve(replace(settings, commons_url=None))
    answer = asker(client)(
        '{ a: file(pageId: 8) { pageId } b: file(title: "B.jpg") { pageId } c: file(pageId: 2) { pageId } }'
    )
    assert answer["data"] == {"a": None, "b": None, "c": {"pageId": 2}}
    assert [error["extensions"] for error in answer["errors"]] == [{"code": "NOT_AVAILABLE"}] * 2
    response = client.get("/pagesearch?page_title=B.jpg")
    assert response.status_code == 503
    assert "retry-after" not in response.headers
    assert "IMAGEHASH_COMMONS_URL" in response.json()["error"]


def test_one_file_that_cannot_be_told_does_not_cost_the_others(ask_without_replica: Ask) -> None:
    answer = ask_without_replica("{ files(pageIds: [1, 8, 2]) { pageId } }")
    assert answer["data"]["files"] == [{"pageId": 1}, None, {"pageId": 2}]
    (error,) = answer["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["files", 1], "REPLICA_UNAVAILABLE")


def test_more_than_5000_matches_in_one_query_are_refused(ask: Ask) -> None:
    query = "query ($p: [HashPair!]!) { searchMany(pictures: $p, first: 11) { totalCount } }"
    (error,) = ask(query, p=[HASHES] * 500)["errors"]
    assert error["message"] == (
        "500 pictures with 11 matches each are more than the 5000 matches that one query lists: "
        "ask for first: 10"
    )


def test_reads_are_gathered_into_one_query_a_table(
    settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[int]] = []
    facts = files.facts

    def counted(service: Service, page_ids: Sequence[int]) -> dict[int, Facts | Refusal]:
        asked.append(sorted(page_ids))
        return facts(service, page_ids)

    monkeypatch.setattr(files, "facts", counted)
    answer = asker(serve(settings))(SEARCH.replace("pageId }", "pageId title url width deleted }"), **HASHES)
    assert "errors" not in answer
    assert asked == [[1, 2, 3]]


EVERYTHING = """query ($phash: Hash!, $dhash: Hash!, $first: Int) {
  search(phash: $phash, dhash: $dhash, first: $first) { nodes { file {
    pageId title url pageUrl thumbnailUrl width height mime sha1 uploadedAt status deleted
    hashes { phash dhash lowInformation createdAt } matches(first: 2) { nodes { file { pageId } } } } } } }"""


def test_each_table_is_asked_once_however_many_files_match(
    settings: Settings, hashes: Database, replica: Database
) -> None:
    page_ids = range(1000, 1090)
    with hashes.write() as connection:
        results.save(connection, [hashed(page_id, PHASH, DHASH) for page_id in page_ids])
    with replica.write() as connection:
        for page_id in page_ids:
            for row in wiki_file(page_id, f"{page_id}.jpg"):
                connection.exec_driver_sql(row)
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    make_snapshot(settings)
    # It polls once, and then no more.
    with TestClient(create_app(settings, poll_seconds=3600)) as client:
        ask = asker(client)
        wait_for(lambda: client.get("/readyz").json()["index"] != "loading")
        ask(EVERYTHING, **HASHES, first=1)
        event.listen(Engine, "before_cursor_execute", note)
        try:
            answer = ask(EVERYTHING, **HASHES, first=100)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
    assert "errors" not in answer
    files_found = [node["file"] for node in answer["data"]["search"]["nodes"]]
    assert len(files_found) == 93
    assert all(file["title"] and file["hashes"]["createdAt"] for file in files_found)
    tables = sorted(re.search(r"\bFROM (\w+)", statement)[1] for statement in statements)  # type: ignore[index]
    assert tables == ["page", "phash"]
