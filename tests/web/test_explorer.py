from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.browser import Visit

EXAMPLES = {
    "Files like a file": "LikeAFile",
    "The same, by page id": "LikeAPage",
    "Files near two hashes": "NearHashes",
    "Many pictures at once": "ManyPictures",
    "What is known of files": "KnownFiles",
    "A record of Finna": "FinnaPictures",
    "Files that link to a site": "LinkedFiles",
    "What is searched": "WhatIsSearched",
}


def query(page: Page) -> str:
    """The text in the editor, once it is there."""
    editor = page.locator(".graphiql-query-editor .view-lines")
    expect(editor).to_contain_text("query", timeout=60_000)
    return editor.inner_text().replace("\xa0", " ")


def answer(page: Page) -> dict[str, Any]:
    """What there is to the editor's query, begun."""
    with page.expect_response(lambda response: response.request.method == "POST") as responded:
        page.get_by_role("button", name="Execute query").click()
    expect(page.locator(".result-window .view-lines")).to_contain_text("{")
    told: dict[str, Any] = responded.value.json()
    return told


def test_it_opens_with_an_example_about_a_file_that_is_indexed(visit: Visit) -> None:
    visit.page.goto("/graphql")
    assert "LikeAFile" in query(visit.page)
    data = answer(visit.page)["data"]
    assert {match["file"]["title"] for match in data["file"]["matches"]["nodes"]} == {
        "File:smaller/moon.jpg",
        "File:recompressed/moon.jpg",
        "File:grey/moon.jpg",
    }
    expect(visit.page.locator(".result-window .view-lines")).to_contain_text("File:grey/moon.jpg")
    visit.picture("explorer")


@pytest.mark.parametrize("label", EXAMPLES)
def test_each_example_has_an_answer(visit: Visit, label: str) -> None:
    visit.page.goto("/graphql")
    query(visit.page)
    visit.page.get_by_role("button", name=label, exact=True).click()
    expect(visit.page.get_by_role("tab", selected=True)).to_contain_text(EXAMPLES[label])
    # The photos of a folder have no pages that could link anywhere.
    codes = ["NOT_AVAILABLE"] if label == "Files that link to a site" else []
    assert [error["extensions"]["code"] for error in answer(visit.page).get("errors", ())] == codes


def test_a_link_holds_a_query(visit: Visit) -> None:
    asked = "query FromALink($p: Hash!) {\n  search(phash: $p, dhash: 0) {\n    totalCount\n  }\n}"
    linked = urlencode({"query": asked, "variables": '{"p":"8000000000000000"}'})
    visit.page.goto(f"/graphql?{linked}")
    assert "FromALink" in query(visit.page)
    assert answer(visit.page)["data"] == {"search": {"totalCount": 0}}


def test_it_knows_the_schema(visit: Visit) -> None:
    visit.page.goto("/graphql")
    query(visit.page)
    visit.page.get_by_role("button", name="Show Documentation Explorer").click()
    visit.page.get_by_role("link", name="Query", exact=True).click()
    expect(visit.page.get_by_text("Files whose hashes lie near the two given.")).to_be_visible()


def test_it_completes_names(visit: Visit) -> None:
    visit.page.goto("/graphql?query=query+A+{+}")
    query(visit.page)
    visit.page.locator(".graphiql-query-editor .view-lines").click()
    visit.page.keyboard.press("Control+End")
    visit.page.keyboard.press("ArrowLeft")
    visit.page.keyboard.type("searchM")
    visit.page.keyboard.press("Control+Space")
    expect(visit.page.locator(".suggest-widget")).to_contain_text("searchMany")


def test_it_is_dark_where_the_browser_is(visit: Visit) -> None:
    def background() -> str:
        told: str = visit.page.evaluate(
            "getComputedStyle(document.querySelector('.graphiql-container')).backgroundColor"
        )
        return told

    visit.page.goto("/graphql")
    query(visit.page)
    light = background()
    visit.page.emulate_media(color_scheme="dark")
    assert background() != light
