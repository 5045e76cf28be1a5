"""The examples for authors of gadgets, in a browser on a page of the wiki."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Page

from tests.browser import Visit
from tests.gadget.commons import Commons
from tests.programs import ROOT
from tests.waiting import wait_for

EXAMPLE = re.compile(r"```js\n(.*?)```\n\n```json\n(.*?)```", re.DOTALL)


def test_the_examples_for_authors_have_the_answers_that_the_page_says(
    visit: Visit, commons: Commons, tmp_path: Path
) -> None:
    text = (ROOT / "docs" / "gadgets.md").read_text()
    examples = EXAMPLE.findall(text)
    assert len(examples) == text.count("```js\n")
    page = visit.page
    page.goto(commons.page("Special:Upload"))
    page.set_input_files(
        "#wpUploadFile", shutil.copy(commons.pictures / "Chelsea.jpg", tmp_path / "Chosen.jpg")
    )
    for code, answer in examples:
        assert logged(page, code.replace("https://imagehash.toolforge.org", commons.tool.url)) == json.loads(
            answer
        )


def logged(page: Page, code: str) -> Any:
    """What a script writes to the console first."""
    messages: list[ConsoleMessage] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "log":
            messages.append(message)

    page.on("console", heard)
    page.add_script_tag(content=code)
    wait_for(lambda: page.wait_for_timeout(20) or bool(messages))  # type: ignore[func-returns-value]
    page.remove_listener("console", heard)
    return messages[0].args[0].json_value()
