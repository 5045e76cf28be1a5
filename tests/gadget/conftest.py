"""The gadget on a wiki, as people see it in a browser."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests import browser as browsers
from tests.browser import Visit
from tests.gadget.commons import Commons
from tests.wiki.installation import ADMIN

Visiting = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture(scope="module")
def account(browser: Browser, commons: Commons) -> Any:
    """What the browser keeps of somebody who is logged in and has the gadget."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(commons.page("Special:UserLogin"))
        page.fill("#wpName1", ADMIN[0])
        page.fill("#wpPassword1", ADMIN[1])
        page.click("#wpLoginAttempt")
        page.wait_for_selector("#pt-logout", state="attached")
        return context.storage_state()


@pytest.fixture
def visiting(browser: Browser, commons: Commons, account: Any) -> Visiting:
    """Opens visits, with options of Playwright's ``new_context``, and more hosts that may be asked."""

    @contextmanager
    def opened(*, hosts: tuple[str, ...] = (), **options: Any) -> Iterator[Visit]:
        given = {"storage_state": account, "viewport": {"width": 1000, "height": 640}} | options
        with browsers.visit(browser, *commons.hosts, *hosts, **given) as visited:
            yield visited

    return opened


@pytest.fixture
def visit(visiting: Visiting) -> Iterator[Visit]:
    """A visit during which nobody but the wiki and the tool is asked, and nothing goes amiss."""
    with visiting() as visited:
        yield visited
