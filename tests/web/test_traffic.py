"""What goes over the wire while people look at the page and the explorer."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests import browser as browsers
from tests.gadget.commons import Commons
from tests.programs import Served

FIRST_VIEW = 300_000
"""Bytes that the page may have sent before it can be used."""


def test_the_page_is_light(site: Served) -> None:
    sent: list[int] = []
    with (
        browsers.launched() as browser,
        browsers.visit(browser, urlsplit(site.url).netloc, base_url=site.url) as visit,
    ):
        network = visit.page.context.new_cdp_session(visit.page)
        network.on("Network.loadingFinished", lambda told: sent.append(told["encodedDataLength"]))
        network.send("Network.enable")
        visit.page.goto("/", wait_until="networkidle")
    assert len(sent) >= 3
    assert sum(sent) < FIRST_VIEW


def test_nobody_but_the_tool_is_asked_where_there_is_no_wiki(site: Served, tmp_path: Path) -> None:
    log = tmp_path / "network.json"
    host = urlsplit(site.url).netloc
    with (
        browsers.launched(f"--log-net-log={log}") as browser,
        browsers.visit(browser, host, base_url=site.url) as visit,
    ):
        for path in ("/", "/?q=File:mural.jpg", "/?q=museovirasto.4878", "/graphql"):
            visit.page.goto(path, wait_until="networkidle")
    assert asked(log) == {host}


def test_nobody_but_the_tool_and_the_wiki_is_asked(commons: Commons, tmp_path: Path) -> None:
    log = tmp_path / "network.json"
    with (
        browsers.launched(f"--log-net-log={log}") as browser,
        browsers.visit(browser, *commons.hosts, base_url=commons.tool.url) as visit,
    ):
        page = visit.page
        page.goto("/", wait_until="networkidle")
        page.get_by_role("textbox").fill("File:Astronaut.jpg")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("button", name="Compare Astronaut, grey.jpg").click()
        expect(page.get_by_role("dialog").locator("img").nth(1)).not_to_have_js_property("naturalWidth", 0)
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Show as GraphQL").click()
        page.wait_for_load_state("networkidle")
    assert asked(log) == set(commons.hosts)


def asked(log: Path) -> set[str]:
    """The hosts that a browser asked on behalf of what it showed, as its own log of the network has it."""
    told = json.loads(log.read_text())
    started = told["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    jobs = [event.get("params", {}) for event in told["events"] if event["type"] == started]
    # Whatever it asks for on its own account has no site behind it.
    urls = [job["url"] for job in jobs if job.get("initiator", "").startswith("http")]
    assert len(urls) > 10
    return {urlsplit(url).netloc for url in urls}
