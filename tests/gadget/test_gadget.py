"""The gadget in a real browser, on a real wiki with the policy of Commons, asking the real tool."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests import browser as browsers
from tests import mariadb, programs
from tests.browser import Visit
from tests.gadget.commons import HOSTILE, Commons
from tests.gadget.conftest import Visiting
from tests.programs import ROOT
from tests.waiting import wait_for

LINK = "#t-near-copies a"
MATCH = ".near-copies-match"
MESSAGE = ".near-copies .cdx-message"

MODULES = ROOT / "web" / "node_modules"
VUE = "vue/dist/vue.global.prod.js"
CODEX = "@wikimedia/codex/dist/codex.umd.cjs"
STYLE = "@wikimedia/codex/dist/codex.style.css"
DARK = "@wikimedia/codex-design-tokens/dist/theme-wikimedia-ui-mode-dark.css"
NEWER = """( [ vue, codex, style ] ) => {
    const module = ( name, code, css ) => mw.loader.implement( name, {
        main: 'main.js', files: { 'main.js': new Function( 'require', 'module', 'exports', code ) }
    }, css ? { css: [ css ] } : {} );
    module( 'vue', `${ vue }; module.exports = Object.assign( {}, Vue, { createMwApp: Vue.createApp } );` );
    module( '@wikimedia/codex', codex, style );
}"""
"""Gives a page the Vue and the Codex of today, as Wikimedia's wikis have them, in place of those of 1.39."""

NIGHT = "#content, h1 { background: #101418; color: #eaecf0 } #content a { color: var(--color-progressive) }"
"""What skins of today do in the dark, besides the colours of Codex; those of 1.39 know none."""


def panel(page: Page) -> Locator:
    """The gadget's part of the page."""
    return page.locator(".near-copies")


def ask(visit: Visit, commons: Commons, name: str, **parameters: str) -> Page:
    """Open a file's page, click on the link, and wait for the answer."""
    visit.page.goto(commons.page(f"File:{name}", **parameters))
    visit.page.locator(LINK).dispatch_event("click")  # which may be in a menu
    expect(visit.page.locator(f"{MATCH}, {MESSAGE}").first).to_be_visible()
    return visit.page


def told(visit: Visit, commons: Commons) -> list[str]:
    """What was asked of the tool so far: methods and paths."""
    return [
        f"{request.method} {request.url.removeprefix(commons.tool.url).partition('?')[0]}"
        for request in visit.requests
        if request.url.startswith(commons.tool.url)
    ]


class Match(NamedTuple):
    """A match as it is shown."""

    title: str
    tags: tuple[str, ...]
    facts: tuple[str, ...]
    proposal: str | None


def matches(page: Page) -> dict[str, Match]:
    """The matches by title."""
    return {match.title: match for match in map(_match, page.locator(MATCH).all())}


def _match(item: Locator) -> Match:
    lines = [line for line in item.locator(".near-copies-facts > p").all_inner_texts() if line]
    tags = item.locator(".near-copies-tag").all_inner_texts()
    form = item.locator("a[href*=nearcopies]")
    facts = tuple(line for line in lines[1:] if re.search("pixels|bits", line))
    return Match(lines[0], tuple(tags), facts, form.inner_text() if form.count() else None)


def test_nothing_is_sent_before_the_click(visit: Visit, commons: Commons) -> None:
    page = visit.page
    page.goto(commons.page("File:Astronaut.jpg"))
    expect(page.locator(LINK)).to_have_text("Find near copies")
    page.wait_for_load_state("networkidle")
    assert told(visit, commons) == []
    page.locator(LINK).click()
    expect(page.locator(MATCH)).to_have_count(5)
    page.wait_for_load_state("networkidle")
    assert told(visit, commons) == ["GET /graphql"]


def test_the_policy_is_that_of_commons(visit: Visit, commons: Commons) -> None:
    page = visit.page
    response = page.goto(commons.page("File:Astronaut.jpg"))
    assert response is not None
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in response.headers["content-security-policy"].split(";")
    )
    assert commons.tool.url in policy["default-src"]
    assert commons.tool.url not in policy["script-src"]
    assert "connect-src" not in policy
    # It is in force: whoever is not named cannot be asked.
    visit.expect("Content Security Policy|Fetch API cannot load")
    assert page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'went', () => 'stopped')") == "stopped"


def test_matches_are_shown_with_all_that_is_known(visit: Visit, commons: Commons) -> None:
    page = ask(visit, commons, "Astronaut.jpg")
    expect(panel(page)).to_contain_text("5 files look like this one. The closest come first.")
    equal = "Of 64 bits differ: 0 in pHash, 0 in dHash"
    assert matches(page) == {
        match.title: match
        for match in (
            Match(
                "File:Astronaut again.jpg",
                ("The very same file",),
                ("512 × 512 pixels, like this file", equal),
                "Fill in {{Duplicate}} on this file",
            ),
            Match(
                'File:Astronaut & "quotes" it\'s.jpg',
                (),
                ("500 × 512 pixels, smaller than this file", equal),
                "Fill in a deletion request for this file",
            ),
            Match("File:Astronaut, deleted.jpg", ("Deleted",), (equal,), None),
            Match(
                "File:Astronaut, half as large.jpg",
                (),
                ("256 × 256 pixels, smaller than this file", equal),
                "Fill in {{Duplicate}} on that file",
            ),
            Match(
                "File:Astronaut, grey.jpg",
                (),
                ("512 × 512 pixels, like this file", equal),
                "Fill in a deletion request for this file",
            ),
        )
    }
    visit.expect(r"/images/thumb/\S+/117px-")  # the wiki's own, in a width that is not served
    link = page.get_by_role("link", name='File:Astronaut & "quotes" it\'s.jpg')
    link.click()
    expect(page.locator("h1")).to_have_text('File:Astronaut & "quotes" it\'s.jpg')


def test_pictures_come_from_the_wiki(visit: Visit, commons: Commons) -> None:
    page = ask(visit, commons, "Astronaut.jpg")
    pictures = page.locator(f"{MATCH} img")
    expect(pictures).to_have_count(4)
    sources = [picture.get_attribute("src") or "" for picture in pictures.all()]
    assert all(source.startswith(commons.wiki.uploads) for source in sources)
    wait_for(
        lambda: bool(
            page.evaluate(f"[...document.querySelectorAll('{MATCH} img')].every(i => i.naturalWidth)")
        )
    )
    visit.picture("gadget")


FORMS = {
    "File:Astronaut again.jpg": (
        "File:Astronaut.jpg",
        "{{Duplicate|1=Astronaut again.jpg|2=Exact duplicate (same SHA-1), uploaded later.}}",
        "Exact duplicate of [[:File:Astronaut again.jpg]]",
    ),
    "File:Astronaut, half as large.jpg": (
        "File:Astronaut, half as large.jpg",
        "{{Duplicate|1=Astronaut.jpg|2=Scaled-down duplicate. Of 64 bits differ: 0 in pHash, 0 in dHash.}}",
        "Scaled-down duplicate of [[:File:Astronaut.jpg]]",
    ),
    'File:Astronaut & "quotes" it\'s.jpg': (
        "File:Astronaut.jpg",
        '{{delete|reason=Near copy of [[:File:Astronaut & "quotes" it\'s.jpg]]. '
        "Of 64 bits differ: 0 in pHash, 0 in dHash.|subpage=File:Astronaut.jpg|DATE}}",
        'Requesting deletion: near copy of [[:File:Astronaut & "quotes" it\'s.jpg]]',
    ),
}


@pytest.mark.parametrize("match", FORMS)
def test_a_proposal_fills_in_the_form_and_saves_nothing(visit: Visit, commons: Commons, match: str) -> None:
    tagged, template, summary = FORMS[match]
    page = ask(visit, commons, "Astronaut.jpg")
    page.locator(MATCH).filter(has=page.get_by_text(match, exact=True)).locator("a[href*=nearcopies]").click()
    expect(page.locator(".near-copies-notice")).to_contain_text("nothing is saved")
    expect(page.locator("h1")).to_have_text(f"Editing {tagged}")
    filled = page.input_value("#wpTextbox1")
    shown = re.sub(r"year=20\d\d\|month=[A-Z][a-z]+\|day=\d+", "DATE", filled)
    assert shown == f"{template}\n{text_of(commons, tagged)}\n"
    assert page.input_value("#wpSummary") == summary
    visit.picture(f"gadget-form-{'request' if 'delete|' in template else 'duplicate'}")
    assert [request.method for request in visit.requests if request.method != "GET"] == []
    assert "{{" not in text_of(commons, tagged)


def text_of(commons: Commons, title: str) -> str:
    """A page's text as it is saved."""
    (page,) = commons.wiki.client.ask(titles=title, prop="revisions", rvprop="content", rvslots="main")[
        "pages"
    ]
    text: str = page["revisions"][0]["slots"]["main"]["content"]
    return text


def test_what_has_such_a_template_gets_no_second_one(visit: Visit, commons: Commons) -> None:
    commons.wiki.edit("Chelsea.jpg", "{{Duplicate|Another cat.jpg}}\nA cat.")
    page = visit.page
    page.goto(
        commons.page(
            "File:Chelsea.jpg",
            action="edit",
            nearcopies="same",
            nearcopiesof="File:Coffee.jpg",
            nearcopiesat="0,0",
        )
    )
    expect(page.locator(".near-copies-notice")).to_contain_text("has such a template already")
    assert page.input_value("#wpTextbox1") == "{{Duplicate|Another cat.jpg}}\nA cat.\n"
    commons.wiki.edit("Chelsea.jpg", "A cat.")


@pytest.mark.parametrize(
    "crafted",
    [
        {"nearcopies": "other", "nearcopiesof": "File:Coffee.jpg", "nearcopiesat": "0,0"},
        {"nearcopies": "same", "nearcopiesof": "File:Coffee.jpg}}{{evil", "nearcopiesat": "0,0"},
        {"nearcopies": "same", "nearcopiesof": "User:Evil", "nearcopiesat": "0,0"},
        {"nearcopies": "near", "nearcopiesof": "File:Coffee.jpg", "nearcopiesat": "0,evil"},
    ],
)
def test_an_address_that_somebody_made_up_fills_in_nothing(
    visit: Visit, commons: Commons, crafted: dict[str, str]
) -> None:
    page = visit.page
    page.goto(commons.page("File:Chelsea.jpg", action="edit", **crafted))
    page.wait_for_load_state("networkidle")
    assert page.evaluate("mw.loader.getState('jquery.textSelection')") == "ready"
    assert page.input_value("#wpTextbox1") == f"{text_of(commons, 'File:Chelsea.jpg')}\n"
    expect(page.locator(".near-copies-notice")).to_have_count(0)


STATES = {
    "none": ("Coffee.jpg", "No other file looks like this one.", "try a search by its subject"),
    "not-indexed": ("Coins.jpg", "The tool has not looked at this file yet.", "try again then"),
    "failed": ("Broken.jpg", "The tool could not hash this file", "Compare by eye"),
    "plain": ("Blank.jpg", "One file looks like this one.", "so plain that different pictures"),
}


@pytest.mark.parametrize("state", STATES)
def test_each_state_says_what_to_do(visit: Visit, commons: Commons, state: str) -> None:
    name, *words = STATES[state]
    page = ask(visit, commons, name)
    for said in words:
        expect(panel(page)).to_contain_text(said)
    assert faults(page) == []
    visit.picture(f"gadget-{state}")


def test_plain_pictures_are_marked_and_not_proposed(visit: Visit, commons: Commons) -> None:
    (match,) = matches(ask(visit, commons, "Blank.jpg")).values()
    assert (match.title, match.tags, match.proposal) == ("File:Blank too.jpg", ("Plain picture",), None)


def test_it_says_that_it_is_looking_and_what_to_do_where_the_tool_is_gone(
    visit: Visit, commons: Commons
) -> None:
    visit.expect("ERR_CONNECTION_REFUSED|ERR_FAILED")
    page = visit.page
    held: list[Route] = []
    page.route(f"{commons.tool.url}/**", lambda route: held.append(route))  # noqa: PLW0108  (Playwright wants a function)
    page.goto(commons.page("File:Astronaut.jpg"))
    page.locator(LINK).click()
    expect(panel(page)).to_contain_text("Looking for near copies…")
    expect(page.get_by_role("progressbar")).to_be_visible()
    assert len(held) == 1
    held[0].abort("connectionrefused")
    expect(panel(page)).to_contain_text("The tool could not be reached.")
    expect(panel(page)).to_contain_text("blocks 127.0.0.1")
    assert faults(page) == []
    visit.picture("gadget-unreachable")
    page.unroute(f"{commons.tool.url}/**")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(MATCH)).to_have_count(5)


def test_it_says_when_to_ask_again_where_one_asks_too_often(
    visiting: Visiting, commons: Commons, tmp_path: Path
) -> None:
    settings = commons.settings | {"IMAGEHASH_RATE_LIMIT": "1/hour"}
    serve = ("api", "serve", "--port", str(commons.spare))
    with (
        programs.serving(serve, tmp_path, commons.spare, **settings) as strict,
        visiting(hosts=(urlsplit(strict.url).netloc,)) as visit,
    ):
        visit.expect("status of 429")
        page = visit.page
        page.goto(commons.page("File:Astronaut.jpg"))
        expect(page.locator(LINK)).to_be_attached()
        page.evaluate("url => { window.imagehashTool = url; }", strict.url)
        strict.ask("{ index { fileCount } }")
        page.locator(LINK).click()
        expect(panel(page)).to_contain_text("The tool has too much to do just now")
        expect(panel(page)).to_contain_text(re.compile(r"Try again in \d+ seconds\."))
        assert faults(page) == []
        visit.picture("gadget-busy")


def test_what_could_not_be_read_is_told_and_nothing_is_proposed(
    visit: Visit, commons: Commons, mariadb_server: mariadb.Server
) -> None:
    mariadb_server.execute("RENAME TABLE gadgetwiki_p.page TO gadgetwiki_p.gone")
    try:
        page = ask(visit, commons, "Astronaut.jpg")
        expect(panel(page)).to_contain_text("Part of what is known could not be read just now")
        shown = matches(page)
        assert len(shown) == 5
        assert {match.proposal for match in shown.values()} == {None}
        visit.picture("gadget-degraded")
        page.locator(f"{MATCH} a", has_text="Page").first.click()
        expect(page.locator("h1")).to_contain_text("File:Astronaut")
    finally:
        mariadb_server.execute("RENAME TABLE gadgetwiki_p.gone TO gadgetwiki_p.page")


def test_all_matches_can_be_shown_and_titles_are_text(visit: Visit, commons: Commons, tmp_path: Path) -> None:
    for name in (HOSTILE, *(f"{number}.jpg" for number in range(22))):
        (tmp_path / name).write_bytes((commons.pictures / "Moon.jpg").read_bytes())
    commons.index("folder", tmp_path)
    visit.page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page = ask(visit, commons, "Moon.jpg")
    expect(panel(page)).to_contain_text("23 files look like this one.")
    expect(page.locator(MATCH)).to_have_count(20)
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(MATCH)).to_have_count(23)
    expect(page.locator(MATCH).nth(20)).to_be_focused()
    expect(page.get_by_role("button", name="Show more")).to_have_count(0)
    match = page.locator(MATCH).filter(has_text="onerror")
    expect(match.locator("p").first).to_have_text(f"File:{HOSTILE}")
    # What is not the wiki's has no link to it, and no picture.
    assert (match.locator("a").count(), match.locator("img").count()) == (0, 0)


# On pages for uploads.


def check(page: Page, picture: Path | None = None, chooser: str = "#wpUploadFile") -> None:
    """Choose a picture, and press the button."""
    if picture:
        page.set_input_files(chooser, picture)
    page.get_by_role("button", name="Check for near copies").click()
    expect(page.locator(f"{MATCH}, {MESSAGE}").first).to_be_visible()


@pytest.fixture
def upload(visit: Visit, commons: Commons) -> Page:
    """The form for uploads."""
    visit.page.goto(commons.page("Special:Upload"))
    expect(panel(visit.page)).to_contain_text("Nothing is sent before you press the button.")
    return visit.page


def test_a_chosen_file_is_not_sent_before_it_is_asked(
    visit: Visit, upload: Page, commons: Commons, tmp_path: Path
) -> None:
    picture = tmp_path / "Chosen.jpg"
    picture.write_bytes((commons.pictures / "Astronaut, deleted.jpg").read_bytes())
    upload.set_input_files("#wpUploadFile", picture)
    upload.wait_for_load_state("networkidle")
    assert told(visit, commons) == []
    expect(panel(upload)).to_contain_text("is sent to 127.0.0.1")
    check(upload)
    expect(panel(upload)).to_contain_text("6 files look like your picture.")
    assert told(visit, commons) == ["POST /hash", "GET /graphql"]
    visit.picture("gadget-upload")
    deleted = upload.locator(MATCH).filter(has_text="Astronaut, deleted.jpg")
    expect(deleted.locator(".near-copies-tag")).to_have_text("Deleted")
    assert {match.proposal for match in matches(upload).values()} == {None}


def test_what_the_wiki_has_is_not_sent_to_the_tool(
    visit: Visit, upload: Page, commons: Commons, tmp_path: Path
) -> None:
    picture = tmp_path / "Chosen.jpg"
    picture.write_bytes((commons.pictures / "Coffee.jpg").read_bytes())
    check(upload, picture)
    expect(panel(upload)).to_contain_text("This very file is here already. Nothing was sent to the tool.")
    (match,) = matches(upload).values()
    assert (match.title, match.tags) == ("File:Coffee.jpg", ("The very same file",))
    expect(upload.locator(f"{MATCH} img")).to_have_attribute(
        "src", re.compile(re.escape(commons.wiki.uploads))
    )
    assert told(visit, commons) == []


def test_a_form_is_not_sent_by_checking(visit: Visit, upload: Page, commons: Commons) -> None:
    check(upload)
    expect(panel(upload)).to_contain_text("No picture is chosen.")
    assert upload.url == commons.page("Special:Upload")
    assert told(visit, commons) == []


def test_what_is_no_picture_or_too_large_is_told_so(
    visit: Visit, upload: Page, commons: Commons, tmp_path: Path
) -> None:
    visit.expect("status of 415")
    (tmp_path / "text.jpg").write_text("no picture")
    check(upload, tmp_path / "text.jpg")
    expect(panel(upload)).to_contain_text("It takes JPEG, PNG, WebP, TIFF and GIF")
    (tmp_path / "large.jpg").write_bytes(bytes(20_000_001))
    upload.set_input_files("#wpUploadFile", tmp_path / "large.jpg")
    expect(upload.locator(MESSAGE)).to_have_count(0)  # what was said was about the other
    check(upload)
    expect(panel(upload)).to_contain_text("The tool takes up to 20 MB")
    assert told(visit, commons) == ["POST /hash"]


def test_the_upload_wizard_gets_a_place_to_check_before(
    visit: Visit, commons: Commons, tmp_path: Path
) -> None:
    # MediaWiki's own packages lack the wizard: it is an empty page of its name here.
    page = visit.page
    page.goto(commons.page("Special:UploadWizard"))
    check(page, commons.pictures / "Astronaut, deleted.jpg", chooser=".near-copies input[type=file]")
    expect(page.locator(MATCH)).to_have_count(6)
    assert told(visit, commons) == ["POST /hash", "GET /graphql"]


# For everyone.


def test_it_speaks_finnish(visit: Visit, commons: Commons) -> None:
    page = ask(visit, commons, "Astronaut.jpg", uselang="fi")
    expect(page.locator(LINK)).to_have_text("Etsi lähes samat kuvat")
    expect(panel(page)).to_have_attribute("lang", "fi")
    expect(panel(page)).to_contain_text("5 tiedostoa muistuttaa tätä. Lähimmät ovat ensin.")
    expect(panel(page)).to_contain_text("Täsmälleen sama tiedosto")
    visit.picture("gadget-finnish")


def test_it_speaks_english_where_it_lacks_a_language(visit: Visit, commons: Commons) -> None:
    page = ask(visit, commons, "Coffee.jpg", uselang="ar")
    expect(panel(page)).to_contain_text("No other file looks like this one.")
    assert [panel(page).get_attribute(name) for name in ("lang", "dir")] == ["en", "ltr"]


def test_all_messages_are_in_both_languages() -> None:
    code = (ROOT / "gadget" / "near-copies.js").read_text()
    english, finnish = (
        dict(re.findall(r"^\t\t\t'?([a-z-]+)'?: '(.*)',?$", block, re.MULTILINE))
        for block in re.findall(r"^\t\t(?:en|fi): \{\n(.*?)^\t\t\}", code, re.MULTILINE | re.DOTALL)
    )
    assert english.keys() == finnish.keys()
    for name, text in english.items():
        assert sorted(set(re.findall(r"\$\d", text))) == sorted(set(re.findall(r"\$\d", finnish[name]))), name


def test_it_can_be_used_by_keyboard(visit: Visit, commons: Commons) -> None:
    page = visit.page
    page.goto(commons.page("File:Astronaut.jpg"))
    page.locator(LINK).focus()
    page.keyboard.press("Enter")
    expect(page.locator(MATCH)).to_have_count(5)
    expect(page.get_by_role("heading", name="Near copies")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(f"{MATCH} a").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel(page)).to_have_count(0)
    expect(page.locator(LINK)).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Close").press("Enter")
    expect(panel(page)).to_have_count(0)


@pytest.mark.parametrize("skin", ["vector", "vector-2022", "minerva", "monobook", "timeless"])
def test_it_is_accessible_and_fits_in_every_skin(visiting: Visiting, commons: Commons, skin: str) -> None:
    with visiting(viewport={"width": 360, "height": 700}) as visit:
        page = ask(visit, commons, "Astronaut.jpg", useskin=skin)
        assert wider_than_the_panel(page) == []
        assert faults(page) == []


def test_the_form_for_uploads_is_accessible(upload: Page) -> None:
    assert faults(upload) == []


def wider_than_the_panel(page: Page) -> list[str]:
    """Whatever sticks out of the panel."""
    found: list[str] = page.evaluate(
        """() => {
            const panel = document.querySelector('.near-copies');
            const right = panel.getBoundingClientRect().right;
            const wider = part => part.getBoundingClientRect().right > right;
            return [...panel.querySelectorAll('*')].filter(wider).map(part => part.outerHTML);
        }"""
    )
    return found


def faults(page: Page) -> list[str]:
    """What axe finds amiss in the gadget's part of the page."""
    return browsers.axe(page, ".near-copies")


def test_it_works_with_the_codex_of_today_and_in_the_dark(visit: Visit, commons: Commons) -> None:
    page = visit.page
    page.goto(commons.page("File:Astronaut.jpg"))
    expect(page.locator(LINK)).to_be_attached()
    page.evaluate(NEWER, [(MODULES / path).read_text() for path in (VUE, CODEX, STYLE)])
    page.add_style_tag(path=MODULES / DARK)
    page.add_style_tag(content=NIGHT)
    page.locator(LINK).click()
    expect(page.locator(MATCH)).to_have_count(5)
    assert page.evaluate("mw.loader.require('@wikimedia/codex').CdxDialog") is not None  # 1.39 has none
    expect(page.get_by_role("button", name="Close")).to_have_class(re.compile("cdx-button--weight-quiet"))
    assert faults(page) == []
    visit.picture("gadget-dark")
    page.keyboard.press("Escape")
    expect(panel(page)).to_have_count(0)


def test_its_language_is_that_of_2017() -> None:
    code = (ROOT / "gadget" / "near-copies.js").read_text()
    assert lowered(code, "es2017") == lowered(code, "esnext")
    assert lowered("let { ...a } = b;", "es2017") != lowered("let { ...a } = b;", "esnext")


def lowered(code: str, target: str) -> str:
    """A script, with whatever is newer than ``target`` written in older terms."""
    command = [str(MODULES / ".bin" / "esbuild"), f"--target={target}"]
    done = subprocess.run(command, input=code, capture_output=True, text=True, check=True)
    return done.stdout


# As it is installed.


def test_it_works_as_a_gadget(visiting: Visiting, commons: Commons) -> None:
    client = commons.wiki.client
    lines = text_of(commons, "User:Admin/common.js")
    client.act("edit", title="User:Admin/common.js", text=lines.splitlines()[0])
    client.act("options", change="gadget-near-copies=1")
    try:
        with visiting() as visit:
            page = ask(visit, commons, "Astronaut.jpg")
            assert page.evaluate("mw.loader.getState('ext.gadget.near-copies')") == "ready"
            expect(page.locator(MATCH)).to_have_count(5)
    finally:
        client.act("options", change="gadget-near-copies")
        client.act("edit", title="User:Admin/common.js", text=lines)
