"""A wiki's ``api.php``, asked through pywikibot (https://doc.wikimedia.org/pywikibot/stable/).

pywikibot is made for people at a terminal, with settings and a log-in of their own. Here it asks as
nobody, tells nothing but what it is asked for, and leaves no file behind.
"""

import atexit
import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

MOST = 50
"""Pages that a wiki lets anyone ask about at once."""

_ITS_OWN_FAULT = ("internal_api_error", "readonly")
"""How the API's names for what is wrong with the wiki itself begin."""

_OLDER_VERSIONS = "iistart"
"""What the API would go on with where a single file was asked for, and that has older versions."""

_FOLDER = "PYWIKIBOT_DIR"
_NO_SETTINGS = "PYWIKIBOT_NO_USER_CONFIG"
_NO_FORMAT = str.maketrans("{}", "()")


class NoAnswerError(Exception):
    """The wiki does not answer, or not as a wiki: asking again later may help."""


class RefusedError(Exception):
    """The wiki refuses the question: ``code`` is the API's for the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"the wiki refuses to answer: {message} ({code})")
        self.code = code


class MediaWiki:
    """Asks the wiki whose ``api.php`` is at an address.

    A question is put ``retries`` times more where there is no answer, after ``wait`` seconds, twice as
    many and so on: by default for half a minute. The User-Agent and both numbers are those of the one
    made last, whatever wiki is asked. Nothing is asked before the first question.
    """

    def __init__(self, api: str, user_agent: str, *, retries: int = 5, wait: float = 1) -> None:
        self._api = api
        settings = library(user_agent).config
        settings.max_retries, settings.retry_wait = retries, wait
        self._site: Any = None

    def pages(self, **parameters: str | int | list[str]) -> list[dict[str, Any]]:
        """The pages that ``action=query`` tells of (https://www.mediawiki.org/wiki/API:Query).

        Of files it tells the newest versions, as many as ``iilimit`` says.

        Raises NoAnswerError and RefusedError.
        """
        told: dict[Any, dict[str, Any]] = {}
        asked: dict[str, Any] = dict(parameters)
        while True:
            answer = self._submit(asked)
            for page in _pages(answer):
                told.setdefault(page.get("pageid", page.get("title")), page).update(page)
            more = answer.get("continue", {})
            if not more or _OLDER_VERSIONS in more:
                return list(told.values())
            if more.items() <= asked.items():
                raise NoAnswerError(f"the wiki at {self._api} does not come to an end of its answer")
            asked |= more

    def about_itself(self, kind: str) -> Any:
        """What the wiki tells of itself as ``meta`` of a kind (https://www.mediawiki.org/wiki/API:Meta).

        Raises NoAnswerError and RefusedError.
        """
        return self._submit({"meta": kind}).get("query", {})

    def _submit(self, parameters: dict[str, Any]) -> dict[str, Any]:
        pywikibot = _pywikibot()
        try:
            self._site = self._site or pywikibot.Site(url=self._api, fam=_name(self._api))
            request = self._site.simple_request(action="query", formatversion=2, **parameters)
            answer: dict[str, Any] = request.submit()
        except Exception as error:
            # The library has errors of its own, those of HTTP, and trips over answers that are no wiki's.
            if isinstance(error, pywikibot.exceptions.APIError) and not error.code.startswith(_ITS_OWN_FAULT):
                raise RefusedError(error.code, error.info) from error
            problem = str(error).rstrip(".")
            raise NoAnswerError(f"the wiki at {self._api} does not answer: {problem}") from error
        return answer


def _pages(answer: dict[str, Any]) -> list[dict[str, Any]]:
    match answer.get("query", {}):
        case {"pages": [*pages]} if all(isinstance(page, dict) for page in pages):
            return pages
    raise NoAnswerError("the wiki does not tell of the pages that it was asked about")


def library(user_agent: str) -> ModuleType:
    """pywikibot, quiet and under a name of ours, whatever it asks."""
    pywikibot = _pywikibot()
    # It is taken for a format, and what comes of that for another.
    pywikibot.config.user_agent_format = user_agent.translate(_NO_FORMAT)
    return pywikibot


def _name(api: str) -> str:
    """A name by which pywikibot tells wikis apart; its own goes by the last parts of the host alone."""
    return "wiki" + hashlib.sha256(api.encode()).hexdigest()[:16]


@cache
def _pywikibot() -> ModuleType:
    """The library, with a folder of its own that is gone when the program ends."""
    logging.getLogger("pywiki").addFilter(lambda _: False)
    with _environment():
        import pywikibot  # noqa: PLC0415  (it reads the environment, and takes its time)
    library: ModuleType = pywikibot
    return library


@contextmanager
def _environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in (_FOLDER, _NO_SETTINGS)}
    # The folder is taken only if there are settings in it.
    (_folder() / "user-config.py").touch()
    os.environ |= {_FOLDER: str(_folder()), _NO_SETTINGS: "2"}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@cache
def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="imagehash-wiki-")
    # Before the library asks for the same, which is then called first, and may write once more.
    atexit.register(folder.cleanup)
    return Path(folder.name)
