"""Where files are found: in page order, among recent changes, by the links on their pages.

Each source goes on from a position that is kept under its keyword, to the newest there is.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from index.selection import Selection, Step
from sql.pages import Pages, Stretch
from sql.patience import patiently

logger = logging.getLogger(__name__)

_UNSETTLED = timedelta(minutes=10)
"""For how long a change may appear after later ones: those are looked at again."""

_AT_ONCE = 500
"""Failures that are looked up at once."""

_FAILURES = 20_000
"""Failures that one run takes up again."""


class Source(ABC):
    """Finds files after a position, which counts ``unit``."""

    unit = "pages"

    def __init__(self, selection: Selection, pages: Pages, keyword: str) -> None:
        self._selection = selection
        self._pages = pages
        self._keyword = keyword

    @abstractmethod
    def steps(self, position: int) -> Iterator[Step | None]:
        """What to do, step by step; None where there is nothing at the moment."""

    def end(self) -> int | None:
        """The newest position, None where there is no end."""
        return patiently(self._pages.last)

    def position(self, since: int | datetime) -> int:
        """The position that a person names; ValueError where it cannot be a moment."""
        if isinstance(since, datetime):
            raise ValueError(f"this source goes by {self.unit}, not by time")
        return since


class InPageOrder(Source):
    """All files, by page id; also finds hashed files that are gone, or back."""

    def steps(self, position: int) -> Iterator[Step]:
        """The files after a page."""
        while stretch := _next(self._pages.after, position):
            yield self._selection.of_stretch(stretch, {self._keyword: stretch.through}, after=position)
            position = stretch.through


class Links(Source):
    """Files whose pages link to a domain (``finna.fi`` or ``fi.finna``) or one below it, by page id."""

    def __init__(self, selection: Selection, pages: Pages, keyword: str, domain: str) -> None:
        super().__init__(selection, pages, keyword)
        self._domain = domain

    def steps(self, position: int) -> Iterator[Step]:
        """The files after a page."""
        while stretch := _next(lambda after: self._pages.linking(self._domain, after), position):
            position = stretch.through
            yield self._selection.of_stretch(stretch, {self._keyword: position})


class RecentChanges(Source):
    """Files that were uploaded, or got a new version, by change (``rc_id``)."""

    unit = "changes"

    def steps(self, position: int) -> Iterator[Step]:
        """The files that were changed after a change."""
        self._tell_of_gap(position)
        settled = max(position, self.position(datetime.now(UTC) - _UNSETTLED))
        while stretch := _next(self._pages.changed, position):
            position = stretch.through
            yield self._selection.of_stretch(stretch, {self._keyword: min(position, settled)})

    def end(self) -> int:
        """The newest change."""
        return patiently(self._pages.changes)[1]

    def position(self, since: int | datetime) -> int:
        """The change after which lie those of a moment and later."""
        if isinstance(since, datetime):
            return patiently(lambda: self._pages.change_before(since))
        return since

    def _tell_of_gap(self, position: int) -> None:
        first, _ = patiently(self._pages.changes)
        if 0 < position < first - 1:
            logger.warning(
                "the wiki no longer lists the changes before %s, of which those after %s were not seen yet: "
                "run `imagehash-index page --since 0` to find what they were",
                first,
                position,
            )


def failed_before(selection: Selection) -> Iterator[Step]:
    """The files whose next try is due, those longest due first."""
    page_ids = patiently(lambda: selection.due_again(_FAILURES))
    for start in range(0, len(page_ids), _AT_ONCE):
        yield selection.of_pages(dict.fromkeys(page_ids[start : start + _AT_ONCE]), {})


def _next(find: Callable[[int], Stretch | None], position: int) -> Stretch | None:
    return patiently(lambda: find(position))
