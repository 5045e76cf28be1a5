import base64
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests import browser as browsers
from tests.browser import Visit, axe
from tests.programs import Served


def cards(page: Page) -> list[str]:
    return page.locator(".match h3").all_text_contents()


def search(page: Page, text: str) -> None:
    page.get_by_role("textbox").fill(text)
    page.get_by_role("button", name="Search").click()


def questions(visit: Visit) -> int:
    return sum(urlsplit(request.url).path == "/graphql" for request in visit.requests)


def test_the_first_visit_says_what_this_is(visit: Visit) -> None:
    visit.page.goto("/")
    expect(visit.page.get_by_role("heading", level=1)).to_contain_text("Wikimedia Commons")
    expect(visit.page.get_by_text("files are hashed")).to_be_visible()
    assert axe(visit.page) == []


def test_what_may_be_tried_is_there(visit: Visit) -> None:
    page = visit.page
    examples = page.locator(".first-visit button")
    page.goto("/")
    # Records of Finna and links are of no use where there is no wiki.
    expect(examples).to_have_count(2)
    for number in range(2):
        examples.nth(number).click()
        expect(page.locator(".results")).to_be_focused()
        expect(
            page.get_by_role("heading", name=re.compile("Files near it|No file is this near"))
        ).to_be_visible()
        page.go_back()


def test_files_near_one_are_shown_with_what_they_are(visit: Visit) -> None:
    page = visit.page
    page.goto("/")
    search(page, "File:mural.jpg")
    expect(page.get_by_role("status")).to_have_text("4 files, closest first")
    again = page.locator(".match", has_text="mural again.jpg")
    expect(again.get_by_text("The very same file")).to_be_visible()
    expect(again.get_by_text("pHash 0, dHash 0 of 64 bits differ")).to_be_visible()
    expect(
        page.locator(".match", has_text="mural smaller.jpg").get_by_text("The same picture")
    ).to_be_visible()
    expect(page.locator(".match .note", has_text="pixels")).to_have_count(4)
    expect(page.locator(".match img").first).to_have_js_property("naturalWidth", 250)
    assert axe(page) == []


def test_a_link_holds_the_search_and_back_goes_back(visit: Visit) -> None:
    page = visit.page
    page.goto("/?q=File:mural.jpg&phash=4")
    expect(page.locator(".match")).to_have_count(4)
    page.get_by_role("button", name="Files near this: mural grey.jpg").click()
    expect(page.locator(".subject__name")).to_contain_text("mural grey.jpg")
    assert "as=pageId" in page.url
    page.go_back()
    expect(page.locator(".subject__name")).to_have_text("mural.jpg")
    expect(page.get_by_label("pHash (shapes)")).to_have_value("4")


def test_a_picture_is_hashed_and_the_same_file_named(visit: Visit, photos: Path) -> None:
    page = visit.page
    page.goto("/")
    expect(page.get_by_text("not kept")).to_be_visible()
    page.locator("input[type=file]").set_input_files(photos / "commons100" / "mural.jpg")
    expect(page.get_by_text("The very same file", exact=True)).to_have_count(2)
    expect(page.locator(".subject__name")).to_have_text("mural.jpg")
    assert "sha1=" in page.url


def test_a_slider_that_moves_while_a_picture_is_hashed_holds_for_it(visit: Visit, photos: Path) -> None:
    page = visit.page
    held: list[Route] = []
    page.route("**/hash", lambda route: held.append(route))  # noqa: PLW0108  (Playwright wants a function)
    page.goto("/")
    page.locator("input[type=file]").set_input_files(photos / "commons100" / "mural.jpg")
    page.get_by_label("pHash (shapes)").fill("4")
    page.wait_for_timeout(500)  # longer than a slider has to rest
    held[0].continue_()
    expect(page.get_by_text("The very same file", exact=True)).to_have_count(2)
    assert "phash=4" in page.url


def test_pictures_of_a_finna_record_are_chosen_from_and_shown_through_the_tool(visit: Visit) -> None:
    page = visit.page
    page.goto("/?q=museovirasto.4878&as=finna")
    expect(page.locator(".match", has_text="mural again.jpg")).to_be_visible()
    expect(page.locator(".picker img")).to_have_count(2)
    expect(page.locator(".picker img").first).not_to_have_js_property("naturalWidth", 0)
    page.locator(".picker button").nth(1).click()
    expect(page.locator(".match", has_text="gourds.jpg")).to_be_visible()
    assert "pick=1" in page.url
    assert axe(page) == []


def test_what_is_no_picture_is_told_until_something_else_is_asked(visit: Visit, tmp_path: Path) -> None:
    visit.expect("status of 422")
    page = visit.page
    page.goto("/")
    (tmp_path / "text.txt").write_text("no picture")
    page.locator("input[type=file]").set_input_files(tmp_path / "text.txt")
    expect(page.get_by_text("That was no picture file")).to_be_visible()
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")
    page.locator("input[type=file]").set_input_files(tmp_path / "cut.jpg")
    expect(page.locator(".state h2")).to_have_text("This picture could not be read")
    expect(page.get_by_text("That was no picture file")).to_have_count(0)
    page.locator("input[type=file]").set_input_files(tmp_path / "text.txt")
    search(page, "File:mural.jpg")
    expect(page.locator(".match")).to_have_count(4)
    expect(page.get_by_text("That was no picture file")).to_have_count(0)


def test_the_same_search_again_is_the_same(visit: Visit, photos: Path) -> None:
    page = visit.page
    page.goto("/")
    page.locator("input[type=file]").set_input_files(photos / "commons100" / "mural.jpg")
    expect(page.locator(".match")).to_have_count(5)
    # The picture is gone then, and its SHA-1 is not.
    page.reload()
    told = page.url
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("The very same file", exact=True)).to_have_count(2)
    assert page.url == told


HANDED = """([bytes, kind]) => {
    const picture = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([picture], 'mural.jpg', { type: 'image/jpeg' }));
    const how = { bubbles: true, cancelable: true };
    const events = kind === 'drop'
        ? ['dragenter', 'drop'].map((name) => new DragEvent(name, { ...how, dataTransfer: data }))
        : [new ClipboardEvent('paste', { ...how, clipboardData: data })];
    events.forEach((event) => document.querySelector('main').dispatchEvent(event));
}"""


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_is_taken_that_is_dropped_or_pasted(visit: Visit, photos: Path, kind: str) -> None:
    page = visit.page
    page.goto("/")
    expect(page.get_by_text("not kept")).to_be_visible()
    picture = base64.b64encode((photos / "commons100" / "mural.jpg").read_bytes()).decode()
    page.evaluate(HANDED, [picture, kind])
    expect(page.get_by_text("The very same file", exact=True)).to_have_count(2)
    assert "sha1=" in page.url


def test_the_results_are_reached_by_keyboard(visit: Visit) -> None:
    page = visit.page
    page.goto("/?q=File:mural.jpg")
    expect(page.locator(".match")).to_have_count(4)
    asked = questions(visit)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the results")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="The answer")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".subject__name a")).to_be_focused()
    assert questions(visit) == asked


def test_two_pictures_are_compared_by_keyboard(visit: Visit) -> None:
    page = visit.page
    page.goto("/?q=File:mural.jpg")
    page.get_by_role("button", name="Compare mural grey.jpg").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("figure img")).to_have_count(2)
    assert axe(page) == []
    dialog.get_by_role("button", name="Overlay").click()
    slider = dialog.get_by_role("slider")
    slider.press("ArrowLeft")
    expect(slider).to_have_value("49")
    expect(dialog.locator(".compare__over img").nth(1)).to_have_css("opacity", "0.49")
    dialog.get_by_role("button", name="Wipe").click()
    expect(dialog.locator(".compare__over img").nth(1)).to_have_css("clip-path", "inset(0px 0px 0px 49%)")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Compare mural grey.jpg")).to_be_focused()


def test_going_back_closes_a_comparison(visit: Visit) -> None:
    page = visit.page
    page.goto("/?q=File:mural.jpg")
    page.get_by_role("button", name="Files near this: mural grey.jpg").click()
    page.get_by_role("button", name="Compare mural smaller.jpg").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.locator(".subject__name")).to_have_text("mural.jpg")
    expect(page.get_by_role("button", name="Compare mural grey.jpg")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_answer_follows_the_sliders(visit: Visit) -> None:
    page = visit.page
    page.goto("/?q=File:mural.jpg&phash=32&dhash=32")
    expect(page.get_by_role("button", name="Show more")).to_be_visible()
    shown = len(cards(page))
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(".match")).not_to_have_count(shown)
    for name in ("pHash (shapes)", "dHash (brightness)"):
        page.get_by_label(name).fill("0")
    expect(page.locator(".match")).to_have_count(4)
    assert "phash=0&dhash=0" in page.url
    back = page.get_by_role("button", name="Back to 8 and 8")
    back.press("Enter")
    page.wait_for_url(re.compile("mural.jpg$"))
    expect(page.get_by_label("pHash (shapes)")).to_have_value("8")
    expect(back).to_be_focused()


def test_more_of_an_answer_is_not_asked_for_once_a_slider_moves(visit: Visit) -> None:
    page = visit.page
    page.goto("/?q=File:mural.jpg&phash=32&dhash=32")
    more = page.get_by_role("button", name=re.compile("Show more|Loading"))
    expect(more).to_be_enabled()
    held: list[Route] = []
    page.route("**/graphql", lambda route: held.append(route))  # noqa: PLW0108  (Playwright wants a function)
    page.get_by_label("pHash (shapes)").fill("31")
    assert more.is_disabled()
    expect(page.get_by_role("status")).to_have_text("Searching…")


def test_a_link_may_go_further_than_the_sliders(visit: Visit) -> None:
    page = visit.page
    page.goto("/?q=File:mural.jpg&phash=40&dhash=64")
    expect(page.locator(".match")).to_have_count(20)
    slider = page.get_by_label("pHash (shapes)")
    expect(slider).to_have_value("40")
    slider.press("ArrowLeft")
    expect(slider).to_have_value("39")
    expect(page.get_by_label("dHash (brightness)")).to_have_value("64")
    page.wait_for_url("**phash=39&dhash=64")


def test_the_query_is_shown_in_the_explorer(visit: Visit) -> None:
    visit.page.goto("/?q=File:mural.jpg")
    link = visit.page.get_by_role("link", name="Show as GraphQL")
    asked = parse_qs(urlsplit(link.get_attribute("href") or "").query)
    assert "query NearFile" in asked["query"][0]
    assert "File:mural.jpg" in asked["variables"][0]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("q=File:nothing.jpg", "There is no such file"),
        ("q=ffffffff00000000 0123456789abcdef&phash=0&dhash=0", "No file is this near"),
        ("q=bf48c0b71c4b6d92", "It takes two hashes"),
        ("q=cat&as=pageId", "This is no page id"),
        ("q=0", "This is no page id"),
        ("q=finna.fi", "It takes a host and at least three characters of a path"),
        ("q=File:a|b", "This cannot be answered"),
    ],
)
def test_what_is_not_there_is_told(visit: Visit, query: str, told: str) -> None:
    visit.page.goto(f"/?{query}")
    expect(visit.page.locator(".state h2")).to_contain_text(told)
    assert axe(visit.page) == []


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (429, "Too many requests"),
        (503, "The service cannot answer"),
        (502, "A service that this one asks"),
        (500, "Something went wrong"),
        (None, "The service could not be reached"),
    ],
)
def test_trouble_is_told_and_can_be_tried_again(visit: Visit, status: int | None, told: str) -> None:
    visit.expect("Failed to load resource")

    def fail(route: Route) -> None:
        if status is None:
            route.abort()
        else:
            route.fulfill(status=status, json={"error": "no"}, headers={"Retry-After": "1"})

    page = visit.page
    page.route("**/graphql", fail)
    page.goto("/?q=File:mural.jpg")
    expect(page.locator(".state h2")).to_contain_text(told)
    page.unroute("**/graphql")
    page.get_by_role("button", name=re.compile("^Try again$")).click()
    expect(page.locator(".match")).to_have_count(4)


def test_what_is_not_offered_is_told_and_not_to_be_tried_again(visit: Visit) -> None:
    # The photos of a folder have no pages that could link anywhere.
    visit.page.goto("/?q=www.flickr.com/photos/nasa")
    expect(visit.page.locator(".state h2")).to_have_text("This is not offered here")
    expect(visit.page.locator(".state")).to_contain_text("IMAGEHASH_COMMONS_URL")
    expect(visit.page.get_by_role("button", name="Try again")).to_have_count(0)


def test_finnish_is_spoken(visit: Visit) -> None:
    page = visit.page
    page.goto("/?q=File:mural.jpg")
    page.get_by_role("link", name="Suomi").click()
    expect(page.get_by_role("heading", level=2, name="Samankaltaiset tiedostot")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "fi"
    page.reload()
    expect(page.get_by_role("button", name="Etsi", exact=True)).to_be_visible()
    page.get_by_role("link", name="Imagehash").click()
    expect(page.get_by_role("heading", name="Mitä tämä tekee")).to_be_visible()


def test_narrow_and_dark_screens_are_served(browser: Browser, site: Served) -> None:
    options = {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark", "base_url": site.url}
    with browsers.visit(browser, urlsplit(site.url).netloc, **options) as visit:
        for path in ("/", "/?q=File:mural.jpg"):
            visit.page.goto(path, wait_until="networkidle")
            assert visit.page.evaluate("document.documentElement.scrollWidth") == 320
            assert axe(visit.page) == []
