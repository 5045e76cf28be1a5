"""A run over the files of a wiki, from its source to the database."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice

from commons.imageinfo import Version
from commons.progress import Progress
from commons.workers import Workers
from index import pipeline
from index.cluster import Cluster
from index.download import Download
from index.hashing import Outcome
from index.ledger import Graves, Ledger
from index.lookahead import look_ahead
from index.plan import Plan
from index.selection import Step
from index.sources import failed_before
from index.wiki import Wiki

_THREADS = 1024
"""Each waits for a file, and is made when there is need."""


class Crawl:
    """Takes up the files that a plan names: ``run`` does it, ``tell`` only says what it would do.

    Raises what Wiki, Cluster and Ledger do.
    """

    def __init__(self, wiki: Wiki, ledger: Ledger, plan: Plan) -> None:
        self._wiki = wiki
        self._ledger = ledger
        self._plan = plan

    def run(self, downloads: int) -> None:
        """Hash what is due, bury what is gone; the ledger knows what was done, however it ends."""
        start, end = self._wiki.start, self._wiki.source.end()
        left = None if end is None else max(0, end - start)
        with (
            Progress(left, self._plan.source, self._wiki.source.unit) as progress,
            ThreadPoolExecutor(_THREADS) as threads,
            self._executor() as executor,
            self._wiki.fetcher() as fetcher,
        ):

            def write(outcomes: Sequence[Outcome[Version]]) -> None:
                self._ledger.write(outcomes)
                reached = self._ledger.positions.get(self._plan.keyword, start)
                done = self._ledger.seen if left is None else reached - start
                failed = self._ledger.reasons.total()
                progress.reach(done, hashed=self._ledger.hashed, failed=failed)

            jobs = self._ledger.jobs(look_ahead(self._steps(start)))
            # Twice as many as are fetched and hashed at a time, so that nobody waits for work.
            ahead = 2 * (downloads + executor.jobs)
            pipeline.run(jobs, Download(fetcher, executor).take, threads, write, ahead=ahead)

    def tell(self) -> Iterator[str]:
        """What a run would do, a line for each file."""
        steps = filter(None, self._steps(self._wiki.start))
        lines = (line for step in steps for line in _lines(step.versions, self._ledger.graves(step)))
        first = next(lines, "nothing to do")
        return islice(chain([first], lines), self._plan.limit)

    def _steps(self, start: int) -> Iterator[Step | None]:
        return chain(failed_before(self._wiki.selection), self._wiki.source.steps(start))

    def _executor(self) -> Workers | Cluster:
        return Workers(self._plan.jobs) if self._plan.dask is None else Cluster(self._plan.dask)


def _lines(versions: Iterable[Version], graves: Graves) -> Iterator[str]:
    for version in versions:
        if version.address is None:
            name = version.name or f"page {version.page_id}"
            yield f"note that there is no picture ({version.reason}): {name}"
        else:
            yield f"hash {version.address.url}"
    for what, titles in (("mark as deleted", graves.gone), ("mark as there again", graves.back)):
        for page_id, title in titles.items():
            yield f"{what}: {title or f'page {page_id}'}"
