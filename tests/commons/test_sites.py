import json
from typing import Any

import pytest

from commons import sites, thumbnails
from commons.fetching import Unfetchable
from commons.sites import COMMONS, Site
from tests.commons.serving import serving
from tests.mariadb import free_port
from tests.wiki.wiki import Wiki

GENERAL = {"server": "//wiki.example", "articlepath": "/wiki/$1", "script": "/w/index.php"}
OWN = {"name": "local", "url": "/images"}

ODD_NAMES = [
    "Cat on a mat.jpg",
    "Is it? & 100% \"+\" or '1' = 1.jpg",
    "A, b; c: d@e!f*g(h) $i~j^k`l\\m.jpg",
    "Äiti_ja_kissa/🦆.jpg",
    "صورة قطة.jpg",
]


def test_commons_need_not_be_asked() -> None:
    assert sites.known("https://commons.wikimedia.org/w/api.php") == COMMONS
    assert sites.known("https://commons.wikimedia.beta.wmflabs.org/w/api.php") is None
    assert COMMONS.files == thumbnails.COMMONS
    assert COMMONS.page("A_b.jpg") == "https://commons.wikimedia.org/wiki/File:A_b.jpg"
    assert COMMONS.page_by_id(5) == "https://commons.wikimedia.org/w/index.php?curid=5"


def test_a_wiki_tells_where_its_files_and_pages_are(wiki: Wiki) -> None:
    assert sites.told(wiki.api, None) == Site(wiki.uploads, f"{wiki.url}/wiki/$1", f"{wiki.url}/w/index.php")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_pages_have_the_addresses_that_the_wiki_gives_them(wiki: Wiki, name: str) -> None:
    (page,) = wiki.client.ask(titles=f"File:{name}", prop="info", inprop="url")["pages"]
    assert sites.told(wiki.api, None).page(name.replace(" ", "_")) == page["fullurl"]


def test_titles_may_be_in_the_query_of_an_address() -> None:
    plain = COMMONS._replace(article="https://wiki.example/index.php?title=$1")
    assert plain.page("A_&_b?.jpg") == "https://wiki.example/index.php?title=File:A_%26_b%3F.jpg"


@pytest.mark.parametrize(
    ("general", "files", "expected"),
    [
        ({}, "//files.example/x/", ("http://files.example/x", "http://wiki.example/wiki/$1")),
        (
            {"server": "https://wiki.example"},
            "/images",
            ("http://{host}/images", "https://wiki.example/wiki/$1"),
        ),
        (
            {"articlepath": "https://pages.example/$1"},
            "https://files.example",
            ("https://files.example", "https://pages.example/$1"),
        ),
    ],
)
def test_an_address_may_lack_its_beginning(
    general: dict[str, str], files: str, expected: tuple[str, str]
) -> None:
    shared = {"name": "shared", "url": "https://elsewhere.example/"}
    answer = {"query": {"general": GENERAL | general, "repos": [shared, OWN | {"url": files}]}}
    with serving(lambda request: request.answer(200, json.dumps(answer).encode())) as server:
        found = sites.told(f"http://{server.host}/w/api.php", None)
        assert found[:2] == tuple(address.format(host=server.host) for address in expected)
    assert server.requests[0].path == (
        "/w/api.php?action=query&meta=siteinfo%7Cfilerepoinfo&siprop=general&friprop=name%7Curl&format=json"
    )


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"query": {"general": GENERAL, "repos": [{"name": "local"}]}},
        {"query": {"general": {}, "repos": [OWN]}},
        {"query": {"repos": [OWN]}},
        {"query": {"general": GENERAL | {"articlepath": "javascript:alert(1)//$1"}, "repos": [OWN]}},
        {"query": {"general": GENERAL | {"script": "data:text/html,"}, "repos": [OWN]}},
        {"query": {"general": GENERAL, "repos": [OWN | {"url": "file:///etc"}]}},
        {"error": {}},
        "x" * 9,
    ],
)
def test_what_is_no_wikis_answer_is_told(answer: Any) -> None:
    with (
        serving(lambda request: request.answer(200, json.dumps(answer).encode())) as server,
        pytest.raises(Unfetchable, match="does not tell where its files and pages are"),
    ):
        sites.told(f"http://{server.host}/w/api.php", None)


def test_a_wiki_that_is_gone_is_told() -> None:
    with pytest.raises(Unfetchable, match="cannot be reached"):
        sites.told(f"http://127.0.0.1:{free_port()}/api.php", None)


def test_strangers_are_not_asked_without_a_contact() -> None:
    with pytest.raises(ValueError, match="IMAGEHASH_USER_AGENT"):
        sites.told("https://wiki.example/api.php", None)
