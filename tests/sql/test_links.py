import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError

from sql.database import Database
from sql.hosts import readings
from sql.links import Links
from sql.replica import NoReplicaError, Replica
from tests import mariadb
from tests.wiki.wiki import Wiki

ON_THE_WIKI = {
    "A": "https://finna{}.fi/Record/1 https://finna{}.fi/Record/2",
    "B": "http://www.finna{}.fi/Record/30",
    "C": "https://finna{}nair.fi/Record/ https://finna{}.se/Record/ https://example.org/finna{}.fi/Record/",
    "D": "[//FINNA{}.fi:8080/x/Record/1?a=b#c a link]",
    "E": "https://finna{}.fi/Record/1, deleted",
    "F": "https://finna{}.fi/50%25_off https://finna{}.fi/Ääni https://näkki{}.fi/nix http://192.0.2.1/{}/",
}


def test_files_that_link_to_a_host(wiki: Wiki, one_form: Database, photos: Path) -> None:
    form = f"y{len(one_form.tables())}"
    names = {letter: f"{letter}_of_host_{form}.jpg" for letter in ON_THE_WIKI}
    wiki.upload(dict.fromkeys(names.values(), photos / "commons100" / "puffin.jpg"))
    for letter, words in ON_THE_WIKI.items():
        wiki.edit(names[letter], words.replace("{}", form))
    wiki.client.act("edit", title=f"No file {form}", text=f"https://finna{form}.fi/Record/1")
    wiki.delete(names["E"])
    page_ids = {name: file.page_id for name, file in Replica(one_form).by_names(names.values()).items()}
    links = Links(Replica(one_form))

    def found(domain: str, path: str) -> str:
        pages = links.find(readings(domain.replace("{}", form)), path.replace("{}", form), first=100).page_ids
        assert list(pages) == sorted(pages)
        return "".join(letter for letter, name in names.items() if page_ids.get(name) in pages)

    for domain in ("finna{}.fi", "fi.finna{}", "fi.finna{}.", "Finna{}.FI"):
        assert found(domain, "/Record/") == "ABD"
    assert found("www.finna{}.fi", "/Record/") == found("finna{}.fi", "/Record/3") == "B"
    assert found("finna{}.fi", "?a=b#c") == "D"
    assert found("finna{}.fi", "/50%25_off") == found("finna{}.fi", "%25_") == "F"
    assert found("finna{}.fi", "/Ääni") == found("finna{}.fi", "%C3%84%C3%A4ni") == "F"
    for path in ("/record/", "%Record%", "/Record_1", "Record/1 ", "5025"):
        assert found("finna{}.fi", path) == ""
    assert found("192.0.2.1", "/{}/") == "F"
    for domain in (f"näkki{form}.fi", f"fi.näkki{form}", f"näkki{form}.fi".encode("idna").decode()):
        assert found(domain, "/nix") == "F"


LINKS = [
    (10, "https://fi.finna.", "/Record/1"),
    (10, "https://fi.finna.", "/Record/2"),
    (10, "http://fi.finna.www.", "/Record/2"),
    (11, "http://fi.finna.:8080", "/fi/Record/1"),
    (12, "https://fi.finnair.", "/Record/1"),
    (13, "https://fi.", "/Record/1"),
    (14, "mailto:fi.finna.", "/Record/1"),
    (15, "ftp://fi.finna.", "/Record/1"),
    (16, "https://fi.finna.", None),
    (17, "https://fi.finna.ääni.", "/Record/1"),
    (18, "https://FI.FINNA.", "/Record/1"),
    (20, "https://fi.finna.", "/Record/1"),
    (21, "https://fi.finna.", "/Record/1"),
    (22, "https://fi.finna.", "/Record/1"),
]
HOSTILE = [
    "%_%",
    "50%",
    "___",
    "a_c",
    "abc",
    "\\\\\\",
    "a\\b",
    "\\%_",
    "\\' OR 1=1 -- ",
    "' OR ''='",
    '" OR ""="',
    "'; DROP TABLE page; --",
    "') OR (1=1",
    "${x}",
    "%s%(a)s",
    ":text",
    "???",
    "/**/",
    "a\nb",
    "%00",
    "Ääni",
    "%C3%84",
    "🦆🦆🦆",
    "\U0010ffff\U0010ffff\U0010ffff",
]
"""Of which each is the path of a page's link, and the host of another's."""

Tables = tuple[Database, list[tuple[int, str, str | None]]]


@pytest.fixture(params=["mariadb", "sqlite-bytes", "sqlite-text"])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tables]:
    """A replica's tables and the links in them: 20 is no file's page, 21 a redirect, and 22 is gone."""
    kind = request.param
    url = request.getfixturevalue("mariadb_url") if kind == "mariadb" else f"sqlite:///{tmp_path / 'x.db'}"
    database = Database(url)
    links = LINKS + [(100 + n, "https://org.x.", f"/x{words}y") for n, words in enumerate(HOSTILE)]
    links += [(200 + n, f"https://{words}.", "/host") for n, words in enumerate(HOSTILE)]

    def stored(value: str | None) -> Any:
        return value.encode() if value is not None and kind != "sqlite-text" else value

    with database.write() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE page (page_id int PRIMARY KEY, page_namespace int, page_is_redirect int)"
        )
        connection.exec_driver_sql(
            "CREATE TABLE externallinks (el_from int, el_to_domain_index varbinary(255), el_to_path blob)"
        )
        for page in {page for page, *_ in links} - {22}:
            row = {"a": page, "b": 0 if page == 20 else 6, "c": page == 21}
            connection.execute(text("INSERT INTO page VALUES (:a, :b, :c)"), row)
        for page_id, index, path in links:
            linked = {"a": page_id, "b": stored(index), "c": stored(path)}
            connection.execute(text("INSERT INTO externallinks VALUES (:a, :b, :c)"), linked)
    yield database, links
    database.close()


def test_what_matches(tables: Tables) -> None:
    links = Links(Replica(tables[0]))

    def found(host: str, path: str) -> list[int]:
        return list(links.find([host], path, first=100).page_ids)

    assert found("fi.finna.", "/Record/") == [10, 11, 17]
    assert found("fi.finna", "/Record/") == [10, 11, 12, 17]
    assert found("fi.", "/Record/") == [10, 11, 12, 13, 17]
    assert found("fi.finna.www.", "/Record/") == found("fi.finna.", "/Record/2") == [10]
    assert found("fi.finna.:8080", "fi/Rec") == found("fi.finna.", "fi/Rec") == [11]
    assert found("fi.finna.ä", "ord") == [17]
    assert list(links.find(["fi.finnair.", "fi.finna.www."], "/Record", first=9).page_ids) == [10, 12]


def test_pages_of_an_answer_make_it_up(tables: Tables) -> None:
    links = Links(Replica(tables[0]))
    for size in (1, 2, 3, 4):
        page_ids: list[int] = []
        more, after = True, 0
        while more:
            listed, more = links.find(["fi.finna"], "Record", first=size, after=after)
            assert len(listed) == size or not more
            page_ids += listed
            after = page_ids[-1]
        assert page_ids == [10, 11, 12, 17]
    assert links.find(["fi.finna"], "Record", first=0) == ([], True)
    assert links.find(["fi.finna"], "Record", first=5, after=17) == ([], False)
    assert links.count(["fi.finna"], "Record") == 4
    assert links.count(["fi.nothing"], "Record") == 0


def test_every_character_stands_for_itself(tables: Tables) -> None:
    database, rows = tables
    links = Links(Replica(database))
    for words in HOSTILE:
        spellings = {words, quote(words, safe="!#$%&'()*+,/:;=?@")}
        having = [page for page, _, path in rows if path and any(spelling in path for spelling in spellings)]
        found = links.find(["org.x."], words, first=100)
        assert list(found.page_ids) == having != [], words
        leading = [page for page, index, _ in rows if index.startswith(f"https://{words}")]
        found = links.find([words], "/host", first=100)
        assert list(found.page_ids) == leading != [], words
        assert links.count([words], words) == 0


@pytest.mark.parametrize("short", ["", "a", "ab", "🦆", "ä\u0308"])
def test_what_is_too_short(tmp_path: Path, short: str) -> None:
    links = Links(Replica(Database(f"sqlite:///{tmp_path / 'x.db'}")))
    for hosts, path in ((["fi.finna."], short), ([short], "/Record"), (["fi.finna.", short], "/Record")):
        for ask in (links.count, lambda *asked: links.find(*asked, first=1)):
            with pytest.raises(ValueError, match="is too short to look for in links: give 3 characters"):
                ask(hosts, path)


def test_half_characters(tmp_path: Path) -> None:
    links = Links(Replica(Database(f"sqlite:///{tmp_path / 'x.db'}")))
    for host, path in (("fi.finna.", "ab\ud83e"), ("fi.\udcff", "/Record")):
        with pytest.raises(ValueError, match="holds halves of characters"):
            links.count([host], path)


def test_tables_that_are_not_there(empty_database: Database) -> None:
    with pytest.raises(NoReplicaError, match="IMAGEHASH_COMMONS_URL"):
        Links(Replica(None)).count(["fi.finna."], "/Record")
    with pytest.raises(NoReplicaError, match="IMAGEHASH_COMMONS_URL"):
        Links(Replica(empty_database)).count(["fi.finna."], "/Record")
    with empty_database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE page (page_id int)")
    with pytest.raises(NoReplicaError, match="no table 'externallinks'"):
        Links(Replica(empty_database)).find(["fi.finna."], "/Record", first=1)


def test_a_replica_that_cannot_be_reached() -> None:
    with pytest.raises(SQLAlchemyError):
        Links(Replica(Database("sqlite:////nowhere/x.db"))).count(["fi.finna."], "/Record")


PAGES, DOUBLED = 800, 6
"""Pages of four links each, and how often they are doubled."""

REAL_TABLES = """
    CREATE TABLE real_page (page_id int unsigned PRIMARY KEY, page_namespace int, page_title varbinary(255),
        page_is_redirect int);
    CREATE TABLE real_links (el_id int unsigned PRIMARY KEY, el_from int unsigned NOT NULL,
        el_to_domain_index varbinary(255) NOT NULL, el_to_path blob)
"""
DOUBLING = """
    INSERT INTO real_page SELECT page_id + {n}, page_namespace, page_id + {n}, 0 FROM real_page;
    INSERT INTO real_links SELECT el_id + 4 * {n}, el_from + {n}, el_to_domain_index, el_to_path
        FROM real_links
"""
KEYS_AND_VIEWS = """
    CREATE UNIQUE INDEX page_name_title ON real_page (page_namespace, page_title);
    CREATE INDEX el_from ON real_links (el_from);
    CREATE INDEX el_to_domain_index_to_path ON real_links (el_to_domain_index, el_to_path{sixty});
    CREATE VIEW page AS SELECT * FROM real_page;
    CREATE VIEW externallinks AS SELECT el_id, el_from, el_to_domain_index, el_to_path FROM real_links;
    ANALYZE {tables}
"""
FINNA = {1: "https://fi.finna.", 5: "http://fi.finna.www.", 9: "https://fi.finna."}
"""Links to Finna: of the pages 1, 2 and 3, the last of which is no file's."""

FINNA_LINKS = len(FINNA) << DOUBLED
FINNA_PAGES = [page for page in range(1, PAGES << DOUBLED) if page % PAGES in {1, 2}]


def host_of(link: int) -> str:
    return "https://org.creativecommons." if link % 2 == 0 else FINNA.get(link, f"https://org.x{link}.")


@pytest.fixture(scope="module", params=["mariadb", "sqlite"])
def large(
    request: pytest.FixtureRequest, mariadb_server: mariadb.Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """Views of a wiki's tables, with the keys that MediaWiki's have."""
    name = f"links_{uuid.uuid4().hex}"
    mariadb_server.execute(f"CREATE DATABASE {name}")
    file = f"sqlite:///{tmp_path_factory.mktemp('links') / 'wiki.db'}"
    database = Database(file if request.param == "sqlite" else mariadb_server.url(name), pool=1)
    make(database)
    yield database
    database.close()
    mariadb_server.execute(f"DROP DATABASE {name}")


def make(database: Database) -> None:
    """Fill a replica of 204,800 links."""
    sixty, tables = ("", "") if database.embedded else ("(60)", "TABLE real_page, real_links")
    doubling = [DOUBLING.format(n=PAGES << times) for times in range(DOUBLED)]
    keys = KEYS_AND_VIEWS.format(sixty=sixty, tables=tables)
    pages = [{"a": page, "b": 0 if page % 10 == 3 else 6} for page in range(1, PAGES + 1)]
    links = [{"a": link, "b": link // 4 + 1, "c": host_of(link).encode()} for link in range(PAGES * 4)]
    with database.write() as connection:
        for statement in REAL_TABLES.split(";"):
            connection.exec_driver_sql(statement)
        connection.execute(text("INSERT INTO real_page VALUES (:a, :b, :a, 0)"), pages)
        connection.execute(text("INSERT INTO real_links VALUES (:a, :b, :c, '/Record/1')"), links)
        for statement in ";".join([*doubling, keys]).split(";"):
            connection.exec_driver_sql(statement)


HOSTS = readings("finna.fi")
Ask = Callable[[Links], Any]
ASKED: list[tuple[Ask, Any]] = [
    (lambda links: links.find(HOSTS, "/Record/", first=20), (FINNA_PAGES[:20], True)),
    (lambda links: links.find(["fi.finna"], "ord", first=20, after=801), (FINNA_PAGES[3:23], True)),
    (lambda links: links.find(HOSTS, "ord", first=100, after=FINNA_PAGES[-2]), (FINNA_PAGES[-1:], False)),
    (lambda links: links.find(HOSTS, "nothing", first=100), ([], False)),
    (lambda links: links.count(HOSTS, "/Record/"), len(FINNA_PAGES)),
]
SLOW: list[Ask] = [
    lambda links: links.find(["org."], "nowhere", first=1).page_ids,
    lambda links: links.count(["org."], "nowhere"),
]


@pytest.mark.parametrize(("ask", "answer"), ASKED)
def test_links_are_found_through_their_key(large: Database, ask: Ask, answer: Any) -> None:
    links = Links(Replica(large))
    assert ask(links) == answer
    plan = explain(large, lambda: ask(links))
    if large.embedded:
        details = [step["detail"] for step in plan if "real_links" in step["detail"]]
        assert {"USING INDEX el_to_domain_index_to_path" in detail for detail in details} == {True}
        return
    ways = {(step["table"], step["type"], step["key"]) for step in plan if step["table"].startswith("real")}
    assert ways == {
        ("real_links", "range", "el_to_domain_index_to_path"),
        ("real_page", "eq_ref", "PRIMARY"),
    }
    assert FINNA_LINKS <= rows_read(large, lambda: ask(links)) < 5 * FINNA_LINKS


def explain(database: Database, ask: Callable[[], Any]) -> list[dict[str, Any]]:
    """How the database does the last thing that it is asked."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, arguments: object, *_: object) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, arguments))

    event.listen(database._engine, "before_cursor_execute", note)
    ask()
    event.remove(database._engine, "before_cursor_execute", note)
    statement, arguments = asked[-1]
    how = "EXPLAIN QUERY PLAN " if database.embedded else "EXPLAIN "
    with database.read() as connection:
        return [dict(row) for row in connection.exec_driver_sql(how + statement, arguments).mappings()]


def rows_read(database: Database, ask: Callable[[], Any]) -> int:
    """How many rows MariaDB reads, of tables and of keys, through the only connection."""
    with database.read() as connection:
        connection.exec_driver_sql("FLUSH STATUS")
    ask()
    with database.read() as connection:
        told = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_read%%'").all()
    return sum(int(rows) for _, rows in told)


@pytest.mark.parametrize("ask", SLOW)
def test_how_long_a_search_may_take(large: Database, ask: Ask) -> None:
    with pytest.raises(TimeoutError, match=r"longer than 0\.001 seconds"):
        ask(Links(Replica(large), seconds=0.001))
    assert not ask(Links(Replica(large)))
