from playwright.sync_api import expect

from tests.browser import Visit


def test_the_explorer_knows_the_schema(visit: Visit) -> None:
    visit.page.goto("/graphql")
    visit.page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(visit.page.get_by_role("link", name="Query")).to_be_visible()
    visit.picture("explorer")
