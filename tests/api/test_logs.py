import json
import logging
import logging.config
import sys
from collections.abc import Iterator
from io import StringIO

import pytest

from api import logs
from api.requests import Current, current


@pytest.fixture(autouse=True)
def request_under_way() -> Iterator[None]:
    token = current.set(Current(b"mine"))
    yield
    current.reset(token)


def record(message: str, *arguments: object) -> logging.LogRecord:
    try:
        raise RuntimeError("no one knows")
    except RuntimeError:
        trace = sys.exc_info()
    return logging.LogRecord("api.test", logging.WARNING, "", 1, message, arguments, trace)


def test_an_event_is_one_line_of_json_with_its_trace() -> None:
    line = logs.JsonFormatter().format(record("two\nlines of %s", "Älpler"))
    assert "\n" not in line
    told = json.loads(line)
    assert told["message"] == "two\nlines of Älpler"
    assert (told["level"], told["logger"], told["request"]) == ("WARNING", "api.test", "mine")
    assert told["at"].endswith("+00:00")
    assert told["trace"].endswith("RuntimeError: no one knows")


def test_what_there_is_not_is_left_out() -> None:
    current.set(None)
    plain = logging.LogRecord("api.test", logging.INFO, "", 1, "plain", (), None)
    assert json.loads(logs.JsonFormatter().format(plain)).keys() == {
        "at",
        "level",
        "logger",
        "process",
        "message",
    }


def test_words_are_for_people() -> None:
    assert logs.WordsFormatter().format(record("it %s", "is")).startswith("WARNING: [mine] it is\nTraceback")
    current.set(None)
    plain = logging.LogRecord("api.test", logging.INFO, "", 1, "plain", (), None)
    assert logs.WordsFormatter().format(plain) == "INFO: plain"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "formatter"), [(Terminal(), logs.WordsFormatter), (StringIO(), logs.JsonFormatter)]
)
def test_it_is_json_unless_somebody_looks_on(
    stream: StringIO, formatter: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    assert logs.configuration()["formatters"]["line"]["()"] is formatter
