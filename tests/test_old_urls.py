"""The old tool's URLs over 10,000 files in MariaDB: as its SQL answers, and as GraphQL does."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
import pytest
from sqlalchemy import insert, text
from starlette.testclient import TestClient

from api.app import create_app
from benchmarks import hashes
from benchmarks.hashes import Sample
from commons.pictures import hash_picture
from commons.settings import Settings
from sql import results, schema
from sql.database import Database
from sql.tables import dhash, phash
from tests import finna as finnas
from tests import mariadb
from tests.api.conftest import make_snapshot
from tests.waiting import wait_for

FILES = 10_000
HASHES, REPLICA = "old_urls_hashes", "old_urls_replica"
PAGE = Path(__file__).parents[1] / "docs" / "old-urls.md"
STATEMENTS = Path(__file__).parents[1] / "benchmarks" / "serving" / "replica.sql"

NEWEST = """
    CREATE TEMPORARY TABLE newest_{table} (KEY (commons), KEY (hash))
    SELECT commons, hash FROM {table} WHERE hash IS NOT NULL AND NOT (thumb_type <=> 'error')
    AND id IN (SELECT MAX(id) FROM {table} GROUP BY commons)
"""
PRESENT = (
    "SELECT page_id, page_title FROM {replica}.page WHERE page_namespace = 6 AND page_id NOT IN ({buried})"
)
PAIRS = """
    SELECT mine.commons, theirs.commons
    FROM newest_{one} AS mine
    JOIN newest_{other} AS my_other ON my_other.commons = mine.commons
    JOIN newest_{one}_again AS theirs ON theirs.hash = mine.hash
    JOIN newest_{other}_again AS their_other ON their_other.commons = theirs.commons
    WHERE BIT_COUNT(my_other.hash ^ their_other.hash) < :maxdifference
"""
EQUAL = """
    SELECT newest_phash.commons FROM newest_phash JOIN newest_dhash USING (commons)
    WHERE newest_phash.hash = :phash OR newest_dhash.hash = :dhash
"""
"""The old tool's rules, over the newest rows."""


class Commons(NamedTuple):
    """The service over both databases, what it is made of, and what a Finna has."""

    client: TestClient
    database: Database
    sample: Sample
    present: dict[int, str]
    finna_pages: list[int]

    def old(self, url: str) -> list[int]:
        response = self.client.get(url)
        assert response.status_code == 200, response.text
        return [item["page_id"] for item in response.json()]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return hashes.load(FILES, queries=400, cache=tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def commons(
    mariadb_server: mariadb.Server, sample: Sample, photos: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Commons]:
    mariadb_server.execute(f"CREATE DATABASE {HASHES}", f"CREATE DATABASE {REPLICA}")
    settings = Settings.from_environment(
        {
            "IMAGEHASH_DATABASE_URL": mariadb_server.url(HASHES),
            "IMAGEHASH_COMMONS_URL": mariadb_server.url(REPLICA),
            "IMAGEHASH_SNAPSHOT_DIR": str(tmp_path_factory.mktemp("snapshots")),
            "IMAGEHASH_RATE_LIMIT": "off",
        }
    )
    picture = photos / "commons100" / "mural.jpg"
    database = Database(settings.database_url)
    buried, on_finna = fill(database, sample, picture)
    make_replica(mariadb_server, sample, buried)
    with finnas.running() as finna:
        finna.records["museum.1"] = [picture]
        make_snapshot(settings)
        app = create_app(replace(settings, finna_api=finna.url, finna_site=finna.url))
        with TestClient(app) as client:
            wait_for(lambda: client.get("/readyz").json()["index"] == "multi-index")
            yield Commons(client, database, sample, present(database, buried), on_finna)
    database.close()
    mariadb_server.execute(f"DROP DATABASE {HASHES}", f"DROP DATABASE {REPLICA}")


def fill(database: Database, sample: Sample, picture: Path) -> tuple[list[int], list[int]]:
    """Write the sample's files, and what makes them a real database's; returns deleted and Finna's pages."""
    schema.prepare(database)
    random = np.random.default_rng(7)
    page_ids = sample.page_id.tolist()
    columns = {phash: sample.phash.tolist(), dhash: sample.dhash.tolist()}
    again, failed, broken, buried, finna = np.split(random.permutation(FILES)[:1210], [600, 800, 1000, 1200])
    own = hash_picture(picture.read_bytes()).hashes
    with database.write() as connection:
        for (table, values), value in zip(columns.items(), own, strict=True):
            for place, other in enumerate(random.permutation(FILES)[:600].tolist()):
                # Rows of before, which are other files' hashes and do not count any more.
                values_before = {"commons": page_ids[again[place]], "hash": values[other]}
                connection.execute(insert(table).values(values_before))
            for place in finna.tolist():
                values[place] = value
            rows = [{"commons": page, "hash": value} for page, value in zip(page_ids, values, strict=True)]
            connection.execute(insert(table), rows)
        for place in failed.tolist():
            connection.execute(insert((phash, dhash)[place % 2]).values(commons=page_ids[place], hash=None))
        for place in broken.tolist():
            row = {"commons": page_ids[place], "hash": 0, "thumb_type": "error"}
            connection.execute(insert(dhash).values(row))
        results.bury(connection, {page_ids[place]: None for place in buried.tolist()}, deleted=True)
    return [page_ids[place] for place in buried.tolist()], [page_ids[place] for place in finna.tolist()]


def make_replica(server: mariadb.Server, sample: Sample, buried: list[int]) -> None:
    """Pages of all files but some, of which others are no file's; every 50th links to Finna."""
    statements = STATEMENTS.read_text().format(hashes=HASHES).rstrip().removesuffix(";").split(";\n")
    server.execute(
        f"USE {REPLICA}",
        *statements,
        "DELETE FROM page WHERE page_id % 41 = 0",
        "UPDATE page SET page_namespace = 0 WHERE page_id % 43 = 0",
        f"DELETE FROM page WHERE page_id IN ({', '.join(map(str, buried[:50]))})",
        "CREATE TABLE externallinks (el_from INT, el_to_domain_index VARBINARY(255), el_to_path BLOB)",
        "INSERT INTO externallinks SELECT page_id, 'https://fi.finna.', CONCAT('/Record/a_b.', page_id) "
        "FROM page WHERE page_id % 700 < 4",
        "COMMIT",
    )


def present(database: Database, buried: list[int]) -> dict[int, str]:
    """The files that Commons has, by page id."""
    statement = PRESENT.format(replica=REPLICA, buried=", ".join(map(str, buried)))
    with database.read() as connection:
        return {page_id: bytes(title).decode() for page_id, title in connection.exec_driver_sql(statement)}


def newest(connection: Any) -> None:
    """Gather the rows that count; MariaDB takes no temporary table twice in a statement."""
    for table in ("phash", "dhash"):
        connection.exec_driver_sql(NEWEST.format(table=table))
        connection.exec_driver_sql(
            f"CREATE TEMPORARY TABLE newest_{table}_again (KEY (commons), KEY (hash)) "
            f"SELECT * FROM newest_{table}"
        )


@pytest.fixture(scope="module")
def rows(commons: Commons) -> Iterator[Any]:
    """A connection with the newest rows."""
    with commons.database.read() as connection:
        newest(connection)
        yield connection


@pytest.mark.parametrize("maxdifference", [1, 3, 4, 12, 65])
def test_pagesearch_answers_as_the_old_tools_sql(commons: Commons, rows: Any, maxdifference: int) -> None:
    expected: dict[int, set[int]] = {}
    for one, other in (("phash", "dhash"), ("dhash", "phash")):
        found = rows.execute(text(PAIRS.format(one=one, other=other)), {"maxdifference": maxdifference})
        for mine, theirs in found:
            expected.setdefault(mine, set()).add(theirs)
    several = [page_id for page_id, others in expected.items() if len(others) > 1]
    alone = [page_id for page_id, others in expected.items() if len(others) == 1]
    assert len(several) > 20
    page_ids = commons.sample.page_id.tolist()
    unhashed = [page_id for page_id in page_ids if page_id not in expected]
    assert len(unhashed) > 300
    for page_id in (*several[:150], *alone[:50], *unhashed[:50]):
        response = commons.client.get(f"/pagesearch?page_id={page_id}&maxdifference={maxdifference}")
        listed = [item["page_id"] for item in response.json()]
        assert listed == sorted(expected.get(page_id, set()) & commons.present.keys())
        assert (response.headers.get("X-Imagehash-Status") == "not-indexed") == (page_id not in expected)
        names = [item["page_title"] for item in response.json()]
        assert names == [f"File:{commons.present[found]}" for found in listed]


def test_search_answers_as_the_old_tools_sql(commons: Commons, rows: Any) -> None:
    asked = list(zip(commons.sample.query_phash.tolist(), commons.sample.query_dhash.tolist(), strict=True))
    asked += list(
        zip(commons.sample.phash[::97].tolist(), commons.sample.dhash[5::97].tolist(), strict=False)
    )
    matched = 0
    for one, other in asked:
        expected = set(rows.scalars(text(EQUAL), {"phash": one, "dhash": other})) & commons.present.keys()
        assert commons.old(f"/search?phash={one}&dhash={other}") == sorted(expected)
        matched += len(expected)
    assert matched > 100


def table() -> list[tuple[str, str]]:
    """The old URLs of the documentation, each with its query."""
    return re.findall(r"^\| `(/[^`]+)` \| `(\{[^`]+\})` \|$", PAGE.read_text(), re.MULTILINE)


def files(found: Any) -> list[int]:
    """The pages of an answer's files that are not deleted, wherever in it they are."""
    if isinstance(found, list):
        return [page_id for each in found for page_id in files(each)]
    if not isinstance(found, dict):
        return []
    if "pageId" in found:
        return [] if found["deleted"] else [found["pageId"]]
    return [page_id for each in found.values() for page_id in files(each)]


def values(commons: Commons) -> list[dict[str, str]]:
    """What is put in place of the words in capitals: of files that others are near to, and of some others."""
    random = np.random.default_rng(3)
    places = random.permutation(FILES)[:60].tolist()
    finna = [commons.sample.page_id.tolist().index(page_id) for page_id in commons.finna_pages]
    picked = []
    for place in places + finna:
        page_id = int(commons.sample.page_id[place])
        if page_id in commons.present:
            picked.append(
                {
                    "PHASH": str(commons.sample.phash[place]),
                    "DHASH": str(commons.sample.dhash[place]),
                    "PAGE_ID": str(page_id),
                    "TITLE": f"File:{commons.present[page_id]}",
                    "FINNA_ID": "museum.1",
                    "PATH": "/Record/a_b.",
                }
            )
    return picked


def filled(form: str, asked: dict[str, str]) -> str:
    for name, value in asked.items():
        form = re.sub(rf"\b{name}\b", value, form)
    return form


@pytest.mark.parametrize(("url", "query"), table(), ids=lambda form: form.partition("?")[0])
def test_graphql_finds_the_same_files(commons: Commons, url: str, query: str) -> None:
    (fragment,) = re.findall(r"```graphql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    found = 0
    for asked in values(commons):
        old = commons.old(filled(url, {name: quote(value) for name, value in asked.items()}))
        whole = filled(query, asked) + (fragment if "...Files" in query else "")
        answer = commons.client.post("/graphql", json={"query": whole}).json()
        assert "errors" not in answer
        assert sorted(files(answer["data"])) == old
        found = max(found, len(old))
    assert found > 1


def test_every_old_url_is_in_the_table() -> None:
    assert {url.partition("?")[0] for url, _ in table()} == {
        "/search",
        "/pagesearch",
        "/finnasearch",
        "/externallinks",
    }
