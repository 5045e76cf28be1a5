"""What an attacker sends: it is refused with a code, nothing happens, and the service goes on."""

import json
import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from graphql import get_introspection_query
from sqlalchemy import func, select

from sql import results, schema
from sql.database import Database
from sql.tables import phash
from tests import finna as finnas
from tests import mariadb, programs
from tests.api.data import FILES, NAMES, WIKI, hashed, wiki_file, wiki_link
from tests.commons.serving import serving
from tests.finna import Finna
from tests.programs import Served

HASHES, REPLICA = "security_hashes", "security_replica"
PAIR = {"phash": "aaaaaaaa55555555", "dhash": "0f0f0f0f0f0f0f0f"}
JSON = {"Content-Type": "application/json"}

CLIENTS_FAULT = {"BAD_USER_INPUT", "BAD_REQUEST", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}

INJECTIONS = (
    "' OR '1'='1",
    "'; DROP TABLE phash; -- ",
    '" OR 1=1 -- ',
    "\\' OR 1=1 -- ",
    "x' AND SLEEP(20) AND '1'='1",
    "') UNION SELECT 1, user(), 3 -- ",
    "%",
    "%%%%",
    "____",
    "B%",
    "%(x)s :x ? {0} ${jndi:ldap://127.0.0.1/}",
    "B.jpg\x00.png",
    "\x00\x00\x00\x00",
    "\U0001f600" * 100,
    "ﬀ" * 300,
    "B.jpg\r\nSet-Cookie: stolen=1",
    "../../../etc/passwd",
    "x" * 100_000,
    "\ud800",
)


class Target(NamedTuple):
    """The service over MariaDB, as users have it, and the Finna that it asks."""

    served: Served
    finna: Finna
    client: httpx2.Client

    def post(self, query: str, variables: Mapping[str, object] | None = None) -> httpx2.Response:
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        return self.client.post("/graphql", content=body, headers=JSON)

    def codes(self, query: str, variables: Mapping[str, object] | None = None) -> set[str]:
        answer = self.post(query, variables).json()
        return {error["extensions"]["code"] for error in answer.get("errors", ())}


@pytest.fixture(scope="module")
def service(mariadb_server: mariadb.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    mariadb_server.execute(f"CREATE DATABASE {HASHES} CHARACTER SET utf8mb4", f"CREATE DATABASE {REPLICA}")
    database, replica = Database(mariadb_server.url(HASHES)), Database(mariadb_server.url(REPLICA))
    schema.prepare(database)
    with database.write() as connection:
        results.save(connection, [hashed(page_id, *pair) for page_id, pair in FILES.items()])
    files = [row for page_id, name in NAMES.items() for row in wiki_file(page_id, name)]
    with replica.write() as connection:
        for statement in (*WIKI, *files, wiki_link(2, "https://fi.finna.", "/Record/museum.1")):
            connection.exec_driver_sql(statement)
    replica.close()
    database.close()
    folder = tmp_path_factory.mktemp("security")
    with finnas.running() as finna:
        settings = finna.settings | {
            "IMAGEHASH_DATABASE_URL": mariadb_server.url(HASHES),
            "IMAGEHASH_COMMONS_URL": mariadb_server.url(REPLICA),
        }
        with programs.api(folder, **settings) as served:
            with httpx2.Client(base_url=served.url, timeout=60) as client:
                yield Target(served, finna, client)
            assert served.process.poll() is None
    mariadb_server.execute(f"DROP DATABASE {HASHES}", f"DROP DATABASE {REPLICA}")


@pytest.fixture
def target(service: Target, mariadb_server: mariadb.Server) -> Iterator[Target]:
    """The service, which afterwards answers as before, over tables as before, and had no fault of its own."""
    yield service
    answer = service.post('{ file(title: "B.jpg") { pageId matches { totalCount } } }').json()
    assert answer["data"] == {"file": {"pageId": 2, "matches": {"totalCount": 2}}}
    database = Database(mariadb_server.url(HASHES))
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(phash)) == len(FILES)
    database.close()
    assert "incident" not in service.served.log.read_text()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{" + " ".join(f"a{n}: index {{ engine }}" for n in range(900)) + "}", "GRAPHQL_VALIDATION_FAILED"),
        ("{" + " ".join(f"a{n}: index {{ engine }}" for n in range(9000)) + "}", "GRAPHQL_PARSE_FAILED"),
        ("{" + "index { engine } " * 1400 + "}", "GRAPHQL_VALIDATION_FAILED"),
        ("{ index { engine " + "@include(if: true) " * 800 + "} }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ index { engine " + "@x" * 2900 + "} }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ index { engine " + "@include(if: true) " * 8000 + "} }", "GRAPHQL_PARSE_FAILED"),
        (
            "{ file(pageId: 1) { " + "matches { nodes { file { " * 50 + "pageId" + " } } }" * 50 + " } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("{" * 5000, "GRAPHQL_PARSE_FAILED"),
        ("{ ...A } fragment A on Query { ...A }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "{ ...A } fragment A on Query { index { engine } ...B } fragment B on Query { ...A }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "{ ...F0 } fragment F300 on Query { index { engine } }"
            + "".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }} " for n in range(300)),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "query(" + " ".join(f"$v{n}: Int" for n in range(1400)) + ") { index { engine } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("{ searchMany(pictures: " + "[" * 5000 + ") { totalCount } }", "GRAPHQL_PARSE_FAILED"),
        (
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "{"
            + " ".join(
                f"a{n}: __schema {{ types {{ fields {{ type {{ fields {{ args {{ name }} }} }} }} }} }}"
                for n in range(40)
            )
            + "}",
            "BAD_USER_INPUT",
        ),
        ("mutation { drop }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { all }", "GRAPHQL_VALIDATION_FAILED"),
        ("\x00", "GRAPHQL_PARSE_FAILED"),
        ("{ index { engine } } " + "#" * 400_000 + "\n {", "GRAPHQL_PARSE_FAILED"),
    ],
    ids=[
        "aliases",
        "more aliases",
        "one field",
        "directives",
        "unknown directives",
        "more directives",
        "deep",
        "brackets",
        "circle",
        "circle of two",
        "exponential",
        "variables",
        "lists",
        "circular introspection",
        "introspection by aliases",
        "mutation",
        "subscription",
        "no text",
        "comment",
    ],
)
def test_floods_and_loops_are_refused(target: Target, query: str, code: str) -> None:
    response = target.post(query)
    assert "data" not in response.json()
    assert code in target.codes(query) <= CLIENTS_FAULT | {"OPERATION_RESOLUTION_FAILURE"}


def test_what_the_schema_is_may_be_asked(target: Target) -> None:
    assert target.codes(get_introspection_query()) == set()


@pytest.mark.parametrize(
    "variables",
    [
        {"p": [PAIR] * 501},
        {"p": [PAIR] * 5000},
        {"p": {"phash": [[[]]] * 1000, "dhash": {}}},
        {"p": [PAIR], "unknown": ["x" * 100] * 1000},
        {"p": ["x"] * 50_000},
        {"p": None},
        {},
    ],
)
def test_huge_variables_are_refused_or_without_effect(target: Target, variables: dict[str, Any]) -> None:
    query = "query($p: [HashPair!]!) { searchMany(pictures: $p) { totalCount } }"
    assert target.codes(query, variables) <= {"BAD_USER_INPUT"}
    assert bool(target.codes(query, variables)) == ("unknown" not in variables)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"query": "{ index { engine } }", "variables": {"x": "' + b"x" * 600_000 + b'"}}', 413),
        (b'{"query": "{ index { engine } }", "variables": {"x": ' + b"[" * 200_000, 400),
        (b'{"query": "{ index { engine } }", "variables": {"x": ' + b"9" * 100_000 + b"}}", 400),
        (b'[{"query": "{ index { engine } }"}]', 400),
    ],
)
def test_bodies_that_are_too_much_are_refused(target: Target, body: bytes, status: int) -> None:
    assert target.client.post("/graphql", content=body, headers=JSON).status_code == status


def test_a_mutation_by_get_is_refused(target: Target) -> None:
    response = target.client.get("/graphql", params={"query": "mutation { drop }"})
    assert response.status_code == 405
    assert "data" not in response.json()


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""]
)
def test_forms_of_other_sites_are_refused(target: Target, kind: str) -> None:
    body = b"query=%7B+index+%7B+engine+%7D+%7D"
    response = target.client.post("/graphql", content=body, headers={"Content-Type": kind} if kind else {})
    assert response.status_code == 415
    assert "access-control-allow-credentials" not in response.headers


NUMBERS = (
    -1,
    2**31 - 1,
    2**31,
    -(2**31),
    -(2**31) - 1,
    2**53,
    2**63 - 1,
    2**63,
    2**64 - 1,
    2**64,
    -(2**63),
    10**400,
)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: str(number)[:25])
def test_no_number_is_too_large_to_be_refused(target: Target, number: int) -> None:
    near = f'phash: "{PAIR["phash"]}", dhash: "{PAIR["dhash"]}"'
    for query in (
        "{ file(pageId: %s) { pageId status title deleted } }",
        "{ files(pageIds: [1, %s]) { pageId status hashes { phash } } }",
        f"{{ search({near}, first: %s) {{ totalCount }} }}",
        f"{{ search({near}, tolerance: {{phash: %s}}) {{ totalCount }} }}",
        f"{{ search({near}, tolerance: {{dhash: %s}}) {{ totalCount }} }}",
        f"{{ search({near}, tolerance: {{closest: %s}}) {{ totalCount }} }}",
        "{ search(phash: %s, dhash: 1) { totalCount } }",
        "{ file(pageId: 1) { thumbnailUrl(width: %s) } }",
        '{ externalLinks(domain: "finna.fi", path: "/Record", first: %s) { totalCount } }',
    ):
        assert target.codes(query % number) <= CLIENTS_FAULT, query
        kind = "Hash!" if "search(phash" in query % "" and near not in query else "Int"
        asked = f"query($n: {kind}) " + query % "$n"
        assert target.codes(asked, {"n": number}) <= CLIENTS_FAULT, query
    for url in (
        f"/search?phash={number}&dhash=1",
        f"/search?phash=1&dhash={number}",
        f"/search?phash=1&dhash=1&maxdifference={number}",
        f"/pagesearch?page_id={number}",
        f"/pagesearch?page_id=1&maxdifference={number}",
    ):
        assert target.client.get(url).status_code in {200, 400}, url


def test_both_ends_of_64_bits_are_hashes(target: Target) -> None:
    query = "query($h: Hash!) { search(phash: $h, dhash: $h) { totalCount } }"
    for number in (0, 2**64 - 1):
        assert target.codes(f"{{ search(phash: {number}, dhash: {number}) {{ totalCount }} }}") == set()
        assert target.codes(query, {"h": f"{number:016x}"}) == set()
        assert target.client.get(f"/search?phash={number}&dhash={number}").json() == []
    wrongs: tuple[Any, ...] = ("1" + "0" * 16, "", "0x", "g" * 16, 1.5, True, [], {}, None, "\uff11" * 16)
    for wrong in wrongs:
        assert target.codes(query, {"h": wrong}) == {"BAD_USER_INPUT"}, wrong


@pytest.mark.parametrize("text", INJECTIONS, ids=lambda text: repr(text[:20]))
def test_no_text_is_taken_for_sql_or_a_pattern(target: Target, text: str) -> None:
    near = f'phash: "{PAIR["phash"]}", dhash: "{PAIR["dhash"]}"'
    for query, found in (
        ("query($t: String) { file(title: $t) { pageId } }", {"file": None}),
        ("query($t: String!) { files(titles: [$t]) { pageId } }", {"files": [None]}),
        (
            'query($t: String!) { externalLinks(domain: $t, path: "/Record") { totalCount } }',
            {"externalLinks": {"totalCount": 0}},
        ),
        (
            'query($t: String!) { externalLinks(domain: "finna.fi", path: $t) { totalCount } }',
            {"externalLinks": {"totalCount": 0}},
        ),
        ("query($t: String!) { finna(id: $t) { id } }", {"finna": None}),
        (f"query($t: String) {{ search({near}, after: $t) {{ totalCount }} }}", None),
        ("query($t: String) { file(pageId: 1) { matches(after: $t) { totalCount } } }", None),
        (
            'query($t: String) { externalLinks(domain: "x.fi", path: "/Record", after: $t) { totalCount } }',
            None,
        ),
    ):
        answer = target.post(query, {"t": text}).json()
        codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
        assert codes <= {"BAD_USER_INPUT"}, (query, answer)
        assert codes or answer["data"] == found, (query, answer)


@pytest.mark.parametrize("text", INJECTIONS[:-2], ids=lambda text: repr(text[:20]))
def test_no_text_is_taken_for_sql_at_the_old_addresses(target: Target, text: str) -> None:
    for path, parameters in (
        ("/pagesearch", {"page_title": text}),
        ("/pagesearch", {"page_id": text}),
        ("/search", {"phash": text, "dhash": "1"}),
        ("/finnasearch", {"finna_id": text}),
        ("/externallinks", {"el_to_domain_index": text, "el_to_path": "/Record"}),
        ("/externallinks", {"el_to_domain_index": "fi.finna", "el_to_path": text}),
    ):
        response = target.client.get(path, params=parameters)
        assert response.status_code in {200, 400, 404, 414}, (path, response.text)
        assert response.status_code != 200 or response.json() == [], (path, response.text)
        assert "set-cookie" not in response.headers
        assert "SQL" not in response.text


@pytest.mark.parametrize(
    "record_id",
    [
        "../../../admin",
        "http://169.254.169.254/latest/meta-data/",
        "//169.254.169.254/",
        "x&id=other&field[]=fullRecord",
        "x#fragment",
        "x@127.0.0.1:1/",
        "x?y=/v1/search",
        "x\\..\\y",
        "file:///etc/passwd",
    ],
)
def test_a_finna_id_leads_nowhere_else(target: Target, record_id: str) -> None:
    before = len(target.finna.server.requests)
    assert target.post("query($id: String!) { finna(id: $id) { id } }", {"id": record_id}).json()["data"] == {
        "finna": None
    }
    (request,) = target.finna.server.requests[before:]
    address = httpx2.URL(target.finna.url + request.path)
    assert (address.path, address.params.get_list("id")) == ("/v1/record", [record_id])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_to_elsewhere_are_not_followed(target: Target, photos: Path, status: int) -> None:
    picture = f"picture.{status}"
    target.finna.records[picture] = [photos / "commons100" / "mural.jpg"]
    with serving(lambda request: request.answer(200, b"{}")) as elsewhere:
        for place in (f"http://{elsewhere.host}/", "file:///etc/passwd", "http://169.254.169.254/"):
            for part in ("id=record", f"Cover/Show?id={picture}"):
                target.finna.trouble[part] = lambda request, to=place: request.answer(status, Location=to)  # type: ignore[misc]
            record = target.post(f'{{ finna(id: "record.{status}.{len(place)}") {{ id }} }}').json()
            shown = target.post(
                f'{{ finna(id: "{picture}") {{ pictures {{ hashes {{ phash }} }} }} }}'
            ).json()
            for answer in (record, shown):
                (error,) = answer["errors"]
                assert error["extensions"]["code"] not in {"INTERNAL_SERVER_ERROR", "BAD_USER_INPUT"}
                assert place not in error["message"]
        assert elsewhere.requests == []
    target.finna.trouble.clear()


def test_nothing_that_is_sent_becomes_a_header(target: Target) -> None:
    cookie = "x\r\nSet-Cookie: stolen=1\r\n\r\n"
    for response in (
        target.post("query($t: String) { file(title: $t) { pageId } }", {"t": cookie}),
        target.client.get("/pagesearch", params={"page_title": cookie}),
        target.client.get("/" + "%0d%0aSet-Cookie:%20stolen=1"),
        target.client.get("/finna/picture", params={"id": cookie, "index": "0"}),
        target.client.get("/graphql", params={"query": cookie}),
        target.client.get(
            "/search", params={"phash": "1", "dhash": "1"}, headers={"X-Request-Id": "x" * 5000}
        ),
        target.client.get("/healthz", headers={"X-Request-Id": "a; Set-Cookie: b"}),
    ):
        assert "set-cookie" not in response.headers
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", response.headers["x-request-id"])


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\rSet-Cookie: b\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
    ids=["carriage return", "smuggled", "length", "address", "tls"],
)
def test_what_is_no_http_is_refused(target: Target, request_: bytes) -> None:
    address = httpx2.URL(target.served.url)
    with socket.create_connection((address.host, address.port or 0), timeout=60) as connection:
        connection.sendall(request_)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert b"set-cookie" not in answer.lower()


def test_strangers_cannot_say_who_they_are(tmp_path: Path) -> None:
    settings = {"IMAGEHASH_RATE_LIMIT": "2/hour", "IMAGEHASH_TRUSTED_PROXIES": "192.0.2.1"}
    with programs.api(tmp_path, IMAGEHASH_ENGINE="sql", **settings) as served:
        asked = [_asked(served, f"198.51.100.{number}") for number in range(4)]
        assert asked == [404, 404, 429, 429]


def test_a_proxy_that_is_trusted_tells_who_asks_and_nobody_writes_it_down(tmp_path: Path) -> None:
    with programs.api(tmp_path, IMAGEHASH_ENGINE="sql", IMAGEHASH_RATE_LIMIT="1/hour") as served:
        assert [_asked(served, f"198.51.100.{number}") for number in range(3)] == [404] * 3
        # What comes before the address that the proxy saw is the client's own invention.
        assert _asked(served, "203.0.113.7, 198.51.100.1") == 429
        assert [_asked(served, f"2001:db8::{number}") for number in range(1, 3)] == [404, 429]
        assert served.stop() == 0
        log = served.log.read_text()
    assert not re.search(r"198\.51\.100|203\.0\.113|2001:db8", log)


def _asked(served: Served, forwarded: str) -> int:
    return httpx2.get(served.url + "/nothing", headers={"X-Forwarded-For": forwarded}, timeout=60).status_code
