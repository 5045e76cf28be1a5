"""Where a wiki's files and its pages are, as it tells.

Its answers are those of https://www.mediawiki.org/wiki/API:Siteinfo and API:Filerepoinfo. Asked without
pywikibot, which would cost a service that asks this once more memory than all its answers.
"""

import json
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urljoin, urlsplit

from commons import thumbnails
from commons.fetching import Fetcher, Limits, Unfetchable
from commons.pictures import Reason
from commons.settings import is_web_address

LIMITS = Limits(size=2**20, whole=10, quiet=10, connect=5, tries=1)

_QUESTION = {
    "action": "query",
    "meta": "siteinfo|filerepoinfo",
    "siprop": "general",
    "friprop": "name|url",
    "format": "json",
}

_KEPT = "/:;@$!*(),~"
"""What MediaWiki leaves as it is in the address of a page (wfUrlencode), though a URL would not have to."""


class Site(NamedTuple):
    """The addresses of a wiki: of its files, of a page (with ``$1`` for the title), and of its script."""

    files: str
    article: str
    script: str

    def page(self, name: str) -> str:
        """The page of a file, by its name as databases have it.

        ``File:`` is understood by wikis of all languages, which lead on to their own word for it.
        """
        title = "File:" + name.replace(" ", "_")
        return self.article.replace("$1", quote(title, safe=_KEPT))

    def page_by_id(self, page_id: int) -> str:
        """The page with an id, whatever its title."""
        return f"{self.script}?{urlencode({'curid': page_id})}"


COMMONS = Site(
    thumbnails.COMMONS,
    "https://commons.wikimedia.org/wiki/$1",
    "https://commons.wikimedia.org/w/index.php",
)


def known(api: str) -> Site | None:
    """The wiki with this ``api.php``, if it need not be asked."""
    return COMMONS if urlsplit(api).hostname == urlsplit(COMMONS.script).hostname else None


def told(api: str, agent: str | None) -> Site:
    """The same as the wiki tells it; raises Unfetchable, and ValueError as `Fetcher` does."""
    with Fetcher([urlsplit(api).netloc], agent, at_once=1, limits=LIMITS) as fetcher:
        answer = fetcher.fetch(f"{api}?{urlencode(_QUESTION)}")
    try:
        return _site(api, json.loads(answer))
    except (ValueError, RecursionError) as error:
        raise Unfetchable(
            Reason.UNEXPECTED_ANSWER, f"The wiki at {api} does not tell where its files and pages are."
        ) from error


def _site(api: str, answer: Any) -> Site:
    """Addresses may lack their beginning."""
    match answer:
        case {
            "query": {
                "general": {"server": str(server), "articlepath": str(article), "script": str(script)},
                "repos": list(repositories),
            }
        }:
            server = urljoin(api, server)
            site = Site(
                urljoin(api, _own(repositories)).rstrip("/"),
                urljoin(server, article),
                urljoin(server, script),
            )
            # Browsers will follow them: none may be a script.
            if all(map(is_web_address, site)):
                return site
    raise ValueError("no answer of a wiki")


def _own(repositories: list[Any]) -> str:
    """The address of the repository that is the wiki's own; of others it shows files, too."""
    for repository in repositories:
        match repository:
            case {"name": "local", "url": str(url)}:
                return url
    raise ValueError("no repository of its own")
