"""A wiki as a plan has it: where its files are found, what is known of them, and how they are fetched."""

from contextlib import ExitStack, closing
from datetime import datetime
from functools import partial
from typing import Self
from urllib.parse import urlsplit

from commons.events import WIKIMEDIA, Events
from commons.fetching import Fetcher
from commons.imageinfo import WIKIMEDIAS, ImageInfo
from commons.manners import user_agent
from commons.mediawiki import MediaWiki
from commons.pictures import FULL_SIZE_PIXELS
from commons.settings import WIKI_API, Settings
from index.plan import Plan
from index.selection import Selection
from index.sources import InPageOrder, Links, RecentChanges, Source
from index.stream import NO_SWEEP, SWEEP, Stream
from sql import positions
from sql.database import Database
from sql.pages import Pages
from sql.patience import patiently
from sql.replica import Replica

_SILENCE = 600.0
"""Seconds after which a replica that says nothing counts as gone; it ends queries after 300 or 10,800."""


class Wiki:
    """To be used as a context: ``source`` finds files after ``start``, ``selection`` what to do about them.

    Raises ValueError where a setting is missing, NoReplicaError, NoAnswerError, RefusedError and
    SQLAlchemyError as the replica, the wiki and the database do.
    """

    def __init__(self, database: Database, settings: Settings, plan: Plan) -> None:
        self._settings = settings
        self._plan = plan
        self._name = urlsplit(settings.wiki_api).hostname or ""
        asked = [urlsplit(url).netloc for url in (settings.wiki_api, plan.events) if url]
        self._agent = user_agent(settings.user_agent, asked)
        self._info = ImageInfo(
            MediaWiki(settings.wiki_api, self._agent), full_size=0 if plan.thumbnails else FULL_SIZE_PIXELS
        )
        self._stack = ExitStack()
        self._reached = patiently(lambda: _known(database))
        self.selection = Selection(database, self._info, shard=plan.shard)

    def __enter__(self) -> Self:
        url = self._settings.commons_url
        shown = self._stack.enter_context(closing(Database(url, pool=1, patience=_SILENCE))) if url else None
        self.source = self._source(Pages(Replica(shown), shard=self._plan.shard))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def start(self) -> int:
        """The position from which to go on."""
        since = self._plan.since
        return self._reached.get(self._plan.keyword, 0) if since is None else self.source.position(since)

    def fetcher(self) -> Fetcher:
        """What fetches the wiki's files, and nothing from elsewhere."""
        return Fetcher(self._info.hosts(), self._settings.user_agent, at_once=self._settings.downloads)

    def _source(self, pages: Pages) -> Source:
        keyword = self._plan.keyword
        match self._plan.source:
            case "page":
                return InPageOrder(self.selection, pages, keyword)
            case "recentchanges":
                return RecentChanges(self.selection, pages, keyword)
            case "externallinks":
                return Links(self.selection, pages, keyword, self._plan.domain or "")
        swept = self._reached.get(keyword + SWEEP, NO_SWEEP)
        url = self._plan.events or self._wikimedias()
        return Stream(self.selection, pages, keyword, partial(self._events, url), swept=swept)

    def _wikimedias(self) -> str:
        """The stream that tells of all of Wikimedia's wikis, if this is one."""
        if not self._info.hosts() & WIKIMEDIAS:
            raise ValueError(
                f"{self._name} is none of Wikimedia's wikis ({WIKI_API}): --events has to say where it tells "
                "of its changes"
            )
        return WIKIMEDIA

    def _events(self, url: str, since: datetime) -> Events:
        return Events(self._name, self._agent, since=since, url=url)


def _known(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return positions.known(connection)
