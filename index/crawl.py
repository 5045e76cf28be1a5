"""A run over the files of a wiki, from its source to the database."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from itertools import chain, islice
from urllib.parse import urlsplit

from commons.fetching import Fetcher
from commons.imageinfo import ImageInfo, Version
from commons.manners import user_agent
from commons.mediawiki import MediaWiki
from commons.pictures import FULL_SIZE_PIXELS
from commons.progress import Progress
from commons.settings import Settings
from commons.workers import Workers
from index import pipeline
from index.download import Download
from index.hashing import Outcome
from index.ledger import Ledger
from index.plan import Plan
from index.selection import Selection, Step
from index.sources import InPageOrder, Links, RecentChanges, Source, failed_before
from sql import positions
from sql.database import Database
from sql.pages import Pages
from sql.patience import patiently
from sql.replica import Replica

_SILENCE = 600.0
"""Seconds after which a replica that says nothing counts as gone; it ends queries after 300 or 10,800."""


class Crawl:
    """Takes up the files that a plan names: ``run`` does it, ``tell`` only says what it would do.

    Raises ValueError where a setting is missing, NoReplicaError, NoAnswerError and RefusedError as the
    replica and the wiki do, and RefusedRunError where files are refused time after time.
    """

    def __init__(self, database: Database, settings: Settings, plan: Plan) -> None:
        self._database = database
        self._settings = settings
        self._plan = plan
        self.ledger = Ledger(database, limit=plan.limit)

    def run(self) -> None:
        """Hash what is due, bury what is gone; ``ledger`` tells what was done, however it ends."""
        ledger = self.ledger
        with self._source() as (selection, source, info):
            position = self._start(source)
            ahead = 2 * (self._settings.downloads + self._plan.jobs)
            with (
                self._progress(source, position) as progress,
                ThreadPoolExecutor(ahead) as threads,
                self._executor() as executor,
                self._fetcher(info) as fetcher,
            ):
                done = position

                def write(outcomes: Sequence[Outcome[Version]]) -> None:
                    nonlocal done
                    ledger.write(outcomes)
                    reached = ledger.positions.get(self._plan.keyword, done)
                    failed = ledger.reasons.total()
                    progress.advance(reached - done, hashed=ledger.hashed, failed=failed)
                    done = reached

                steps = chain(failed_before(selection), source.steps(position))
                pipeline.run(
                    ledger.jobs(steps), Download(fetcher, executor).take, threads, write, ahead=ahead
                )

    def tell(self) -> Iterator[str]:
        """What a run would do, a line for each file."""
        with self._source() as (selection, source, _):
            steps = chain(failed_before(selection), source.steps(self._start(source)))
            yield from islice((line for step in steps if step for line in _lines(step)), self._plan.limit)

    @contextmanager
    def _source(self) -> Iterator[tuple[Selection, Source, ImageInfo]]:
        api = self._settings.wiki_api
        wiki = MediaWiki(api, user_agent(self._settings.user_agent, [urlsplit(api).netloc]))
        info = ImageInfo(wiki, full_size=0 if self._plan.thumbnails else FULL_SIZE_PIXELS)
        url = self._settings.commons_url
        with ExitStack() as stack:
            shown = stack.enter_context(closing(Database(url, pool=1, patience=_SILENCE))) if url else None
            pages = Pages(Replica(shown), shard=self._plan.shard)
            selection = Selection(self._database, info, shard=self._plan.shard)
            yield selection, self._found(selection, pages), info

    def _found(self, selection: Selection, pages: Pages) -> Source:
        keyword = self._plan.keyword
        if self._plan.source == "page":
            return InPageOrder(selection, pages, keyword)
        if self._plan.source == "recentchanges":
            return RecentChanges(selection, pages, keyword)
        return Links(selection, pages, keyword, self._plan.domain or "")

    def _start(self, source: Source) -> int:
        """The position from which to go on."""
        since = self._plan.since
        return self._reached() if since is None else source.position(since)

    def _reached(self) -> int:
        def known() -> int:
            with self._database.read() as connection:
                return positions.known(connection).get(self._plan.keyword, 0)

        return patiently(known)

    def _executor(self) -> Executor:
        return Workers(self._plan.jobs)

    def _fetcher(self, info: ImageInfo) -> Fetcher:
        return Fetcher(info.hosts(), self._settings.user_agent, at_once=self._settings.downloads)

    def _progress(self, source: Source, position: int) -> Progress:
        end = source.end()
        return Progress(None if end is None else max(0, end - position), self._plan.source, source.unit)


def _lines(step: Step) -> Iterator[str]:
    for version in step.versions:
        if version.address is None:
            yield f"note that there is no picture ({version.reason}): {version.name}"
        else:
            yield f"hash {version.address.url}"
    for what, titles in (("mark as deleted", step.gone), ("mark as there again", step.back)):
        for page_id, title in titles.items():
            yield f"{what}: {title or f'page {page_id}'}"
