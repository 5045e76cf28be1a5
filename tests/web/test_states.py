"""Each state of the page, most of them over a real wiki: what it says, and whether all can use it."""

import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from commons.hashes import Hashes
from sql import results
from sql.database import Database
from tests import browser as browsers
from tests import mariadb, programs
from tests.api.data import hashed
from tests.browser import Visit, axe
from tests.gadget.commons import Commons, shipped
from tests.mariadb import free_port
from tests.programs import Served
from tests.waiting import wait_for

SOURCE = "esahubble.org/images/heic0611b/"
"""Where parts of a picture say that they come from."""

SCREEN = {"width": 1100, "height": 900}


@pytest.fixture
def visit(browser: Browser, commons: Commons) -> Iterator[Visit]:
    """A visit during which nobody but the tool and the wiki is asked."""
    with browsers.visit(browser, *commons.hosts, base_url=commons.tool.url, viewport=SCREEN) as visited:
        yield visited


@pytest.fixture(scope="module")
def linked(commons: Commons, tmp_path_factory: pytest.TempPathFactory) -> Commons:
    """The wiki with 24 files that link to SOURCE, and one beside it that is like one of them."""
    folder = tmp_path_factory.mktemp("parts")
    picture = shipped("hubble_deep_field.jpg")
    width, height = picture.width // 4, picture.height // 6
    parts = {}
    for number in range(24):
        left, top = number % 4 * width, number // 4 * height
        part = picture.crop((left, top, left + width, top + height))
        name = f"Hubble deep field, part {number + 1:02}.jpg"
        part.save(folder / name, quality=92)
        parts[name] = folder / name
    smaller = folder / "Hubble deep field, smaller part.jpg"
    picture.crop((0, 0, width, height)).resize((width // 2, height // 2)).save(smaller, quality=92)
    commons.wiki.upload(parts, text=f"https://{SOURCE}")
    commons.wiki.upload({smaller.name: smaller}, text="https://esahubble.org/images/elsewhere/")
    commons.index("externallinks", "--domain", "org.esahubble")
    known = "query ($title: String) { file(title: $title) { status } }"
    for name in (*parts, smaller.name):
        wait_for(lambda: commons.tool.ask(known, title=name)["data"]["file"] == {"status": "INDEXED"})  # noqa: B023
    return commons


def look(visit: Visit, name: str, heading: str | None = None, part: str | None = ".results") -> None:
    """Have axe look at what a state says, in the dark and in the light, and take a picture of it."""
    if heading:
        expect(visit.page.locator(".state h2")).to_have_text(heading)
    for scheme in ("dark", "light"):
        visit.page.emulate_media(color_scheme=scheme)
        assert axe(visit.page) == []
    visit.picture(f"page-{name}", part)


def cards(page: Page) -> Locator:
    return page.locator(".match")


def card(page: Page, name: str) -> Locator:
    return cards(page).filter(has=page.get_by_role("heading", name=name, exact=True))


def page_id(commons: Commons, name: str) -> int:
    (page,) = commons.wiki.client.ask(titles=f"File:{name}")["pages"]
    found: int = page["pageid"]
    return found


def test_matches_of_a_wiki_have_its_pictures_and_lead_to_its_pages(visit: Visit, commons: Commons) -> None:
    page = visit.page
    page.goto("/?q=File:Astronaut.jpg")
    expect(cards(page)).to_have_count(5)
    name = 'Astronaut & "quotes" it\'s.jpg'
    thumbnail = card(page, name).locator("img")
    expect(thumbnail).to_have_js_property("naturalWidth", 250)
    expect(thumbnail).to_have_attribute("src", re.compile(re.escape(commons.wiki.uploads)))
    visit.expect("status of 400 .*/117px-")  # what the wiki's page has besides
    card(page, name).get_by_role("link").click()
    expect(page.locator("h1")).to_have_text(f"File:{name}")


def test_a_search_under_way_says_so(visit: Visit) -> None:
    page = visit.page
    held: list[Route] = []
    page.route("**/graphql", lambda route: held.append(route))  # noqa: PLW0108  (Playwright wants a function)
    page.goto("/?q=File:Astronaut.jpg")
    expect(page.get_by_role("progressbar", name="Searching…")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Searching…")
    look(visit, "loading")
    held[0].continue_()
    expect(page.get_by_role("status")).to_have_text("5 files, closest first")


def test_deleted_files_are_marked_and_lead_to_why(visit: Visit) -> None:
    page = visit.page
    page.goto("/?q=File:Astronaut.jpg", wait_until="networkidle")
    deleted = card(page, "Astronaut, deleted.jpg")
    expect(deleted.get_by_text("Deleted", exact=True)).to_be_visible()
    expect(deleted.get_by_text("No preview")).to_be_visible()
    look(visit, "deleted")
    visit.expect("status of 404")
    deleted.get_by_role("link").click()
    expect(page.locator("#mw-content-text")).to_contain_text("deleted page File:Astronaut, deleted.jpg")


def test_a_deleted_file_is_found_by_its_page_id(visit: Visit, commons: Commons) -> None:
    query = "query ($name: String) { file(title: $name) { matches { nodes { file { pageId deleted } } } } }"
    nodes = commons.tool.ask(query, name="Astronaut.jpg")["data"]["file"]["matches"]["nodes"]
    (deleted,) = (node["file"]["pageId"] for node in nodes if node["file"]["deleted"])
    visit.page.goto(f"/?q={deleted}")
    expect(visit.page.locator(".subject__name")).to_contain_text("Astronaut, deleted.jpg")
    expect(visit.page.locator(".subject__name").get_by_text("Deleted", exact=True)).to_be_visible()
    expect(cards(visit.page)).to_have_count(5)


def test_plain_pictures_are_marked(visit: Visit) -> None:
    page = visit.page
    page.goto("/?q=File:Blank.jpg", wait_until="networkidle")
    expect(page.locator(".subject").get_by_text("so plain that its hashes say little")).to_be_visible()
    match = card(page, "Blank too.jpg")
    expect(match.get_by_text("Low information")).to_be_visible()
    expect(match.get_by_text("Too plain to tell")).to_be_visible()
    look(visit, "plain")


def test_typed_hashes_are_told_to_say_little(visit: Visit) -> None:
    page = visit.page
    page.goto("/?q=8000000000000000+0000000000000000")
    expect(page.locator(".subject").get_by_text("so plain that its hashes say little")).to_be_visible()
    expect(card(page, "Blank too.jpg").get_by_text("Too plain to tell")).to_be_visible()


@pytest.mark.parametrize(
    ("state", "name", "heading", "advice"),
    [
        ("not-indexed", "Coins.jpg", "This file is not hashed yet", "Download it and drop it here"),
        ("failed", "Broken.jpg", "This file could not be hashed", "Save a preview of it as JPEG or PNG"),
    ],
)
def test_what_is_not_hashed_is_no_file_without_matches(
    visit: Visit, commons: Commons, state: str, name: str, heading: str, advice: str
) -> None:
    page = visit.page
    page.goto(f"/?q=File:{name}", wait_until="networkidle")
    expect(page.locator(".state")).to_contain_text(advice)
    original = page.get_by_role("link", name="Open the file")
    expect(original).to_have_attribute("href", re.compile(re.escape(commons.wiki.uploads)))
    look(visit, state, heading)


def test_no_match_and_no_file_say_what_to_do(visit: Visit) -> None:
    page = visit.page
    page.goto("/?q=File:Coffee.jpg", wait_until="networkidle")
    look(visit, "no-match", "No file is this near")
    page.get_by_role("button", name="Let 12 bits differ").click()
    expect(page.get_by_label("pHash (shapes)")).to_have_value("12")
    expect(page.get_by_role("region", name="The answer")).to_be_focused()
    page.goto("/?q=999999")
    expect(page.locator(".state")).to_contain_text("Check the number.")
    look(visit, "no-file", "There is no such file")


def test_files_that_link_somewhere_are_chosen_from(visit: Visit, linked: Commons) -> None:
    page = visit.page
    page.goto("/")
    page.get_by_role("textbox").fill(SOURCE)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="24 files link there")).to_be_visible()
    choices = page.locator(".picker li button")
    expect(choices).to_have_count(20)
    page.get_by_role("button", name="More files that link there").press("Enter")
    expect(choices).to_have_count(24)
    expect(choices.nth(20)).to_be_focused()
    choices.filter(has_text="part 01.jpg").click()
    expect(card(page, "Hubble deep field, smaller part.jpg")).to_be_visible()
    picked = page.locator(".picker button[aria-pressed=true]")
    expect(picked).to_contain_text("part 01.jpg")
    expect(picked.locator("img")).not_to_have_js_property("naturalWidth", 0)
    page.wait_for_load_state("networkidle")
    look(visit, "links")
    page.goto("/?q=esahubble.org/images/nowhere")
    look(visit, "no-links", "No file links there")


def test_more_files_that_link_somewhere_do_not_hide_trouble(visit: Visit, linked: Commons) -> None:
    page = visit.page
    visit.expect("status of 503")
    failing = ["query NearFile"]

    def answer(route: Route) -> None:
        if any(query in (route.request.post_data or "") for query in failing):
            route.fulfill(status=503, json={"error": "no"})
        else:
            route.continue_()

    page.route("**/graphql", answer)
    page.goto(f"/?q={SOURCE}")
    trouble = page.locator(".state h2")
    again = page.get_by_role("button", name="Try again")
    choices = page.locator(".picker li button")
    more = page.get_by_role("button", name="More files that link there")
    expect(trouble).to_have_text("The service cannot answer at the moment")
    expect(choices).to_have_count(20)
    expect(more).to_be_disabled()
    failing[:] = ["query Linked"]
    choices.filter(has_text="part 01.jpg").click()
    expect(card(page, "Hubble deep field, smaller part.jpg")).to_be_visible()
    more.click()
    expect(trouble).to_be_visible()
    expect(more).to_be_disabled()
    failing.clear()
    again.click()
    expect(choices).to_have_count(24)
    expect(card(page, "Hubble deep field, smaller part.jpg")).to_be_visible()


def test_without_the_replica_there_are_page_ids(
    visit: Visit, commons: Commons, mariadb_server: mariadb.Server
) -> None:
    page = visit.page
    mariadb_server.execute("RENAME TABLE gadgetwiki_p.page TO gadgetwiki_p.gone")
    try:
        page.goto("/")
        expect(page.locator(".first-visit .note")).to_contain_text("are hashed")
        page.goto(f"/?q={page_id(commons, 'Astronaut.jpg')}", wait_until="networkidle")
        expect(cards(page)).to_have_count(5)
        expect(page.get_by_text("Some things cannot be told at the moment")).to_be_visible()
        look(visit, "degraded")
        link = card(page, f"Page {page_id(commons, 'Astronaut again.jpg')}").get_by_role("link")
        link.click()
        expect(page.locator("h1")).to_have_text("File:Astronaut again.jpg")
    finally:
        mariadb_server.execute("RENAME TABLE gadgetwiki_p.gone TO gadgetwiki_p.page")


def coffees(folder: Path) -> None:
    """Index versions of a photo, each a little worse."""
    photo = shipped("coffee.png")
    (folder / "photos").mkdir()
    for quality in range(37, 100, 3):
        photo.save(folder / "photos" / f"Coffee, {quality} %.jpg", quality=quality)
    indexed = programs.run("index", "folder", folder / "photos", folder=folder)
    assert indexed.returncode == 0, indexed.stderr


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Served]:
    """A service that knows of more pictures near one than it walks through."""
    coffees(tmp_path)
    with programs.api(tmp_path) as served:
        file = served.ask('{ file(title: "Coffee, 97 %.jpg") { hashes { phash dhash } } }')["data"]["file"]
        phash, dhash = (int(file["hashes"][name], 16) for name in Hashes._fields)
        flips = [sum(1 << bit for bit in bits) for bits in combinations(range(24), 4)]
        database = Database(f"sqlite:///{tmp_path / 'imagehash.db'}")
        with database.write() as connection:
            rows = (
                hashed(number, phash ^ flip << 20, dhash ^ 0b1111 << 30)
                for number, flip in enumerate(flips, 1)
            )
            results.save(connection, list(rows))
        database.close()
        wait_for(lambda: served.ask("{ index { liveCount } }")["data"]["index"]["liveCount"] >= len(flips))
        yield served


def test_a_search_that_stopped_early_says_so(browser: Browser, many: Served) -> None:
    host = urlsplit(many.url).netloc
    with browsers.visit(browser, host, base_url=many.url, viewport=SCREEN) as visit:
        visit.page.goto(f"/?q={quote('File:Coffee, 97 %.jpg')}", wait_until="networkidle")
        expect(visit.page.locator(".matches")).to_contain_text(re.compile("At least 10,[0-9]{3} files"))
        expect(visit.page.get_by_role("status")).to_contain_text("the search stopped")
        look(visit, "truncated", part=None)


def test_a_service_that_is_gone_is_told_and_asked_again(browser: Browser, tmp_path: Path) -> None:
    coffees(tmp_path)
    port = free_port()
    serve = ("api", "serve", "--port", str(port))
    with browsers.visit(browser, f"127.0.0.1:{port}", viewport=SCREEN) as visit:
        page = visit.page
        visit.expect("ERR_CONNECTION_REFUSED")
        with programs.serving(serve, tmp_path, port) as served:
            page.goto(served.url)
            expect(page.get_by_text("files are hashed")).to_be_visible()
            served.stop()
        page.get_by_role("textbox").fill("File:Coffee, 97 %.jpg")
        page.get_by_role("button", name="Search").click()
        look(visit, "unreachable", "The service could not be reached")
        with programs.serving(serve, tmp_path, port):
            page.get_by_role("button", name="Try again").press("Enter")
            expect(cards(page)).to_have_count(20)
            expect(page.get_by_role("region", name="The answer")).to_be_focused()


def test_a_service_without_its_database_is_told_and_asked_again(browser: Browser, tmp_path: Path) -> None:
    coffees(tmp_path)
    database = Database(f"sqlite:///{tmp_path / 'imagehash.db'}")
    with (
        programs.api(tmp_path, IMAGEHASH_ENGINE="sql") as served,
        browsers.visit(browser, urlsplit(served.url).netloc, base_url=served.url, viewport=SCREEN) as visit,
    ):
        visit.expect("status of 503")
        page = visit.page
        with database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE phash RENAME TO gone")
        page.goto(f"/?q={quote('File:Coffee, 97 %.jpg')}", wait_until="networkidle")
        look(visit, "unanswered", "The service cannot answer at the moment")
        with database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE gone RENAME TO phash")
        again = page.get_by_role("button", name="Try again", exact=True)
        again.click(timeout=60_000)
        expect(cards(page)).to_have_count(20)
    database.close()
