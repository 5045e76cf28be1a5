import asyncio
import json
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest
from PIL import Image

from api import wiki
from api.wiki import Wiki
from commons.settings import Settings
from commons.sites import COMMONS
from tests.api.conftest import Serve, asker
from tests.commons.serving import Request, Server, serving
from tests.waiting import wait_for
from tests.wiki.wiki import Wiki as MediaWiki

QUERY = "{ file(pageId: 2) { url pageUrl thumbnailUrl } }"


def located(server: Server) -> bytes:
    told = {
        "general": {"server": f"http://{server.host}", "articlepath": "/wiki/$1", "script": "/w/index.php"},
        "repos": [{"name": "local", "url": f"http://{server.host}/images"}],
    }
    return json.dumps({"query": told}).encode()


def test_commons_is_not_asked(settings: Settings) -> None:
    assert Wiki(settings).site == COMMONS


def test_another_wiki_is_asked_until_it_answers(
    settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(wiki, "AGAIN", 0.05)
    up = False

    def answer(request: Request) -> None:
        request.answer(200, located(server)) if up else request.answer(503)

    with serving(answer) as server:
        ask = asker(serve(replace(settings, wiki_api=f"http://{server.host}/w/api.php")))
        wait_for(lambda: len(server.requests) > 2)
        down = ask(QUERY)
        assert down["data"]["file"] == {"url": None, "pageUrl": None, "thumbnailUrl": None}
        assert [missing["code"] for missing in down["extensions"]["degraded"]] == ["WIKI_UNAVAILABLE"]
        up = True
        wait_for(lambda: ask(QUERY)["data"]["file"]["url"] == f"http://{server.host}/images/5/56/B.jpg")
        told = ask(QUERY)
        assert told["data"]["file"]["pageUrl"] == f"http://{server.host}/wiki/File:B.jpg"
        assert told["data"]["file"]["thumbnailUrl"] == (
            f"http://{server.host}/images/thumb/5/56/B.jpg/330px-B.jpg"
        )
        assert "degraded" not in told["extensions"]
    told_in_log = [record.message for record in caplog.records if record.name == "api.wiki"]
    assert told_in_log == ["the addresses of the wiki are not known: The server answered 503 Said."]


def test_a_wiki_that_may_not_be_asked_is_told_of(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = Wiki(replace(settings, wiki_api="https://wiki.example/api.php"))
    asyncio.run(stranger.ask())
    assert stranger.site is None
    assert "IMAGEHASH_USER_AGENT" in caplog.text


def test_addresses_lead_to_the_wikis_files_and_pages(
    settings: Settings, serve: Serve, wiki: MediaWiki, photos: Path
) -> None:
    picture = photos / "commons100" / "mural.jpg"
    name = 'Addressed & 100 % "+" ä.jpg'
    wiki.upload({name: picture}, text="The page of it.")
    ask = asker(serve(replace(settings, commons_url=wiki.replica, wiki_api=wiki.api)))
    wait_for(lambda: "degraded" not in ask("{ index { fileCount } }")["extensions"])
    query = "query ($name: String) { file(title: $name) { pageId url pageUrl thumbnailUrl(width: 100) } }"
    file = ask(query, name=name)["data"]["file"]
    by_id = Wiki(replace(settings, wiki_api=wiki.api))
    asyncio.run(by_id.ask())
    assert by_id.site is not None
    for page in (file["pageUrl"], by_id.site.page_by_id(file["pageId"])):
        with urlopen(page, timeout=60) as response:
            assert "The page of it." in response.read().decode()
    with urlopen(file["url"], timeout=60) as response:
        assert response.read() == picture.read_bytes()
    with urlopen(file["thumbnailUrl"], timeout=60) as response, Image.open(response) as thumbnail:
        assert thumbnail.width == 120
