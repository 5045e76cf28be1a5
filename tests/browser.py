"""A real browser, Debian's Chromium, that tells of all that goes amiss in it."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

AXE = Path(__file__).parents[1] / "web" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

SETTLED = """Promise.allSettled(
    document.getAnimations().filter((each) => each instanceof CSSTransition).map((each) => each.finished)
)"""
"""What a page evaluates to once colours are what they are to be."""

LOADED = """Array.from(document.images).every(
    (each) => each.complete || (each.loading === 'lazy' && each.getBoundingClientRect().top > innerHeight)
)"""
"""What a page evaluates to once all pictures are there that can be seen."""

# A page may wait for a wiki that makes a thumbnail, or for a service that has just begun.
expect.set_options(timeout=30_000)

PICTURES = os.environ.get("PICTURES")
"""The folder that ``make screenshots`` has pictures put into."""


@contextmanager
def launched(*flags: str) -> Iterator[Browser]:
    """Run the browser, with more flags than it has anyway, until the block ends.

    Until then this thread belongs to Playwright: nothing else can run an event loop in it.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, *flags], chromium_sandbox=False
        )
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """A visitor's tab, with nothing kept from an earlier one, and all ``requests`` and ``errors`` there were.

    Only ``hosts`` may be asked for anything, each written as in an address, with its port.
    """

    def __init__(self, context: BrowserContext, hosts: Sequence[str]) -> None:
        self.requests: list[Request] = []
        self.errors: list[str] = []
        self._hosts = set(hosts)
        self._expected: list[re.Pattern[str]] = []
        context.on("request", self._requested)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self.page = context.new_page()

    def expect(self, pattern: str) -> None:
        """Let errors be that match a regular expression, such as those of a request that is to fail."""
        self._expected.append(re.compile(pattern))

    def picture(self, name: str, part: str | None = None) -> None:
        """Take a picture of what a user sees now, or of a part of the page, where pictures are wanted.

        They go into the documentation: let them show photos of the demo only, which are free.
        """
        if PICTURES:
            self.page.wait_for_function(LOADED)
            shown = self.page.locator(part) if part else self.page
            shown.screenshot(path=Path(PICTURES) / f"{name}.png", animations="disabled")

    def check(self) -> None:
        """Fail where anything went amiss, or anyone else was asked."""
        errors = [error for error in self.errors if not any(known.search(error) for known in self._expected)]
        assert errors == [], errors
        elsewhere = [request.url for request in self.requests if not self._is_ours(request.url)]
        assert elsewhere == [], elsewhere

    def _is_ours(self, url: str) -> bool:
        address = urlsplit(url)
        return address.scheme in {"data", "blob"} or address.netloc in self._hosts

    def _requested(self, request: Request) -> None:
        self.requests.append(request)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")


@contextmanager
def visit(browser: Browser, *hosts: str, **options: object) -> Iterator[Visit]:
    """A visit that has to go well, with options of Playwright's ``new_context`` such as ``color_scheme``."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    try:
        visited = Visit(context, hosts)
        yield visited
        visited.check()
    finally:
        context.close()


def axe(page: Page, part: str = "html") -> list[str]:
    """What keeps people from using a page, or a part of it, as axe finds it: a line for each finding.

    https://github.com/dequelabs/axe-core/blob/develop/doc/rule-descriptions.md
    """
    page.evaluate(SETTLED)
    page.evaluate(AXE.read_text())
    found = page.evaluate("part => axe.run(part)", part)
    return [
        f"{violation['id']}: {violation['help']}: {node['html']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
