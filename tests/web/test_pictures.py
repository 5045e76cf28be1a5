"""What the page looks like, over photos that may be shown: `make screenshots` keeps the pictures."""

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, expect

import demo
from tests import browser as browsers
from tests import programs


def test_the_page_is_looked_at(browser: Browser, tmp_path: Path) -> None:
    photos = demo.make_photos(tmp_path / "photos")
    assert programs.run("index", "folder", photos, folder=tmp_path).returncode == 0
    with programs.api(tmp_path) as served:
        host = urlsplit(served.url).netloc
        with browsers.visit(
            browser, host, base_url=served.url, viewport={"width": 1100, "height": 1180}
        ) as visit:
            visit.page.goto("/", wait_until="networkidle")
            expect(visit.page.get_by_role("heading", name="Try one of these")).to_be_visible()
            visit.picture("page-first", "main")
            visit.page.goto("/?q=File:original/coffee.png", wait_until="networkidle")
            expect(visit.page.locator(".match")).to_have_count(3)
            visit.picture("page")
            visit.page.get_by_role("button", name="Compare grey/coffee.jpg").click()
            visit.page.get_by_role("button", name="Wipe").click()
            expect(visit.page.get_by_role("slider", name="Where the second picture begins")).to_be_visible()
            visit.picture("page-compare")
        narrow = {"width": 360, "height": 900}
        with browsers.visit(
            browser, host, base_url=served.url, viewport=narrow, color_scheme="dark", locale="fi-FI"
        ) as visit:
            visit.page.goto("/?q=File:original/coffee.png", wait_until="networkidle")
            expect(visit.page.get_by_role("heading", name="Samankaltaiset tiedostot")).to_be_visible()
            visit.picture("page-narrow")
