import gzip
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from api import web
from api.wiki import Wiki
from commons.settings import Settings
from commons.sites import COMMONS

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


def client(built: Path, wiki: Wiki | None = None) -> TestClient:
    wiki = wiki or Wiki(Settings.from_environment({}))
    routes = web.routes(wiki, PlainTextResponse("GraphQL"), built)
    return TestClient(Starlette(routes=routes))


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("the page")
    (tmp_path / "explorer.html").write_text("the explorer")
    (tmp_path / "assets" / "app-1234.js").write_text("plain")
    (tmp_path / "assets" / "app-1234.js.gz").write_bytes(gzip.compress(b"compressed"))
    return tmp_path


def directives(policy: str) -> dict[str, str]:
    return dict(directive.split(" ", 1) for directive in policy.split("; "))


def test_where_nothing_was_built_that_is_told(tmp_path: Path) -> None:
    answer = client(tmp_path).get("/", headers={"Accept": BROWSER})
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "/graphql" in answer.text
    assert "make web" in answer.text
    assert client(tmp_path).get("/graphql", headers={"Accept": BROWSER}).text == "GraphQL"


def test_people_get_the_page(built: Path) -> None:
    answer = client(built).get("/", headers={"Accept": BROWSER})
    assert (answer.text, answer.headers["content-type"]) == ("the page", "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    assert client(built).get("/", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    policy = directives(answer.headers["content-security-policy"])
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"


def pictures(client: TestClient) -> set[str]:
    policy = directives(client.get("/").headers["content-security-policy"])
    return set(policy["img-src"].split()) - {"'self'", "data:", "blob:"}


def test_pictures_of_the_page_are_those_of_commons(built: Path) -> None:
    assert pictures(client(built)) == {"https://upload.wikimedia.org", "https://thumb.wikimedia.org"}


def test_pictures_of_another_wiki_are_let_in_once_it_has_told_where_they_are(built: Path) -> None:
    wiki = Wiki(Settings.from_environment({"IMAGEHASH_WIKI_API": "https://wiki.example/w/api.php"}))
    asked = client(built, wiki)
    assert pictures(asked) == set()
    wiki.site = COMMONS._replace(files="https://files.wiki.example:8080/images")
    assert pictures(asked) == {"https://files.wiki.example:8080"}


def test_browsers_get_the_explorer_and_programs_answers(built: Path) -> None:
    explorer = client(built).get("/graphql?query={index{engine}}", headers={"Accept": BROWSER})
    assert explorer.text == "the explorer"
    policy = directives(explorer.headers["content-security-policy"])
    assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self'")
    for accept in ("*/*", "application/json", "application/graphql-response+json"):
        assert client(built).get("/graphql", headers={"Accept": accept}).text == "GraphQL"
    assert client(built).post("/graphql", headers={"Accept": BROWSER}).text == "GraphQL"


@pytest.mark.parametrize(
    ("accepted", "sent", "encoding"),
    [("gzip, deflate, br", "compressed", "gzip"), ("br", "plain", None), ("gzip;q=0", "plain", None)],
)
def test_what_they_load_is_compressed_and_kept(
    built: Path, accepted: str, sent: str, encoding: str | None
) -> None:
    answer = client(built).get("/assets/app-1234.js", headers={"Accept-Encoding": accepted})
    assert (answer.text, answer.headers.get("content-encoding")) == (sent, encoding)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"] == "Accept-Encoding"


def test_nothing_else_is_to_be_had(built: Path) -> None:
    (built.parent / "secret").write_text("a secret")
    for path in ("/assets/", "/assets/nothing.js", "/assets/..%2f..%2fsecret", "/explorer.html"):
        assert client(built).get(path).status_code == 404
