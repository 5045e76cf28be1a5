"""What goes over the wire while people look at the page and the explorer."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from tests import browser as browsers
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


def test_nobody_else_is_asked(site: Served, tmp_path: Path) -> None:
    """On behalf of what it shows, as its own log of the network has it."""
    log = tmp_path / "network.json"
    host = urlsplit(site.url).netloc
    with (
        browsers.launched(f"--log-net-log={log}") as browser,
        browsers.visit(browser, host, base_url=site.url) as visit,
    ):
        for path in ("/", "/graphql"):
            visit.page.goto(path, wait_until="networkidle")
    told = json.loads(log.read_text())
    started = told["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    jobs = [event.get("params", {}) for event in told["events"] if event["type"] == started]
    # Whatever it asks for on its own account has no site behind it.
    asked = [job["url"] for job in jobs if job.get("initiator", "").startswith("http")]
    assert len(asked) > 10
    assert {urlsplit(url).netloc for url in asked} == {host}
