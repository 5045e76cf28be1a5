from playwright.sync_api import expect

from tests.browser import Visit, axe


def test_the_page_says_what_it_is_for(visit: Visit) -> None:
    visit.page.goto("/")
    expect(visit.page.get_by_role("heading", level=1)).to_contain_text("Wikimedia Commons")


def test_the_page_is_for_everybody(visit: Visit) -> None:
    visit.page.goto("/")
    assert axe(visit.page) == []
