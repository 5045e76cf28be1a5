"""Where a wiki's files are, as it tells (https://www.mediawiki.org/wiki/API:Filerepoinfo).

Asked without pywikibot, which would cost a service that asks this once more memory than all its answers.
"""

import json
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from commons.fetching import Fetcher, Limits, Unfetchable
from commons.pictures import Reason
from commons.thumbnails import COMMONS

LIMITS = Limits(size=2**20, whole=10, quiet=10, connect=5, tries=1)

_COMMONS = "commons.wikimedia.org"
_QUESTION = {"action": "query", "meta": "filerepoinfo", "friprop": "name|url", "format": "json"}


def known(api: str) -> str | None:
    """The address below which are the files of the wiki with this ``api.php``, if it need not be asked."""
    return COMMONS if urlsplit(api).hostname == _COMMONS else None


def told(api: str, agent: str | None) -> str:
    """The same as the wiki tells it; raises Unfetchable, and ValueError as `Fetcher` does."""
    with Fetcher([urlsplit(api).netloc], agent, at_once=1, limits=LIMITS) as fetcher:
        answer = fetcher.fetch(f"{api}?{urlencode(_QUESTION)}")
    try:
        return urljoin(api, _own(json.loads(answer))).rstrip("/")
    except (ValueError, RecursionError) as error:
        raise Unfetchable(
            Reason.UNEXPECTED_ANSWER, f"The wiki at {api} does not tell where its files are."
        ) from error


def _own(answer: Any) -> str:
    """The address of the repository that is the wiki's own; of others it shows files, too."""
    match answer:
        case {"query": {"repos": list(repositories)}}:
            for repository in repositories:
                match repository:
                    case {"name": "local", "url": str(url)}:
                        return url
    raise ValueError("no repository of its own")
