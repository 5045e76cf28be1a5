import json
import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"


def messages(language: str) -> dict[str, str]:
    file: dict[str, str] = json.loads((WEB / "i18n" / f"{language}.json").read_text())
    return {key: message for key, message in file.items() if not key.startswith("@")}


@pytest.mark.parametrize("language", ["fi", "qqq"])
def test_every_message_is_translated_and_explained(language: str) -> None:
    assert list(messages(language)) == list(messages("en"))
    assert all(messages(language).values())


def test_translations_take_the_same_values() -> None:
    translated = messages("fi")
    for key, message in messages("en").items():
        assert set(re.findall(r"\$\d", translated[key])) == set(re.findall(r"\$\d", message)), key


def test_every_message_that_is_named_exists() -> None:
    sources = [
        path.read_text() for path in (WEB / "src" / "page").rglob("*") if path.suffix in {".ts", ".vue"}
    ]
    named = {key for source in sources for key in re.findall(r"'(page-[a-z][\w-]*\w)'", source)}
    assert len(named) > 50
    assert named <= messages("en").keys()
