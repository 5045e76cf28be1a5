import json
from typing import Any

import pytest

from commons import uploads
from commons.fetching import Unfetchable
from commons.thumbnails import COMMONS
from tests.commons.serving import serving
from tests.mariadb import free_port
from tests.wiki.wiki import Wiki


def test_commons_need_not_be_asked() -> None:
    assert uploads.known("https://commons.wikimedia.org/w/api.php") == COMMONS
    assert uploads.known("https://commons.wikimedia.beta.wmflabs.org/w/api.php") is None


def test_a_wiki_tells_where_its_files_are(wiki: Wiki) -> None:
    assert uploads.told(wiki.api, None) == wiki.uploads


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("//files.example/x/", "http://files.example/x"),
        ("/images", "http://{host}/images"),
        ("https://files.example", "https://files.example"),
    ],
)
def test_an_address_may_lack_its_beginning(url: str, expected: str) -> None:
    shared = {"name": "shared", "url": "https://elsewhere.example/"}
    answer = {"query": {"repos": [shared, {"name": "local", "url": url}]}}
    with serving(lambda request: request.answer(200, json.dumps(answer).encode())) as server:
        found = uploads.told(f"http://{server.host}/w/api.php", None)
        assert found == expected.format(host=server.host)
    assert server.requests[0].path == (
        "/w/api.php?action=query&meta=filerepoinfo&friprop=name%7Curl&format=json"
    )


@pytest.mark.parametrize("answer", [[], {"query": {"repos": [{"name": "local"}]}}, {"error": {}}, "x" * 9])
def test_what_is_no_wikis_answer_is_told(answer: Any) -> None:
    with (
        serving(lambda request: request.answer(200, json.dumps(answer).encode())) as server,
        pytest.raises(Unfetchable, match="does not tell where its files are"),
    ):
        uploads.told(f"http://{server.host}/w/api.php", None)


def test_a_wiki_that_is_gone_is_told() -> None:
    with pytest.raises(Unfetchable, match="cannot be reached"):
        uploads.told(f"http://127.0.0.1:{free_port()}/api.php", None)


def test_strangers_are_not_asked_without_a_contact() -> None:
    with pytest.raises(ValueError, match="IMAGEHASH_USER_AGENT"):
        uploads.told("https://wiki.example/api.php", None)
