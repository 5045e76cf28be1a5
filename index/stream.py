"""The source ``stream``: what happens to files, as it happens."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from commons.events import Event, Events
from index.selection import Selection, Step
from index.sources import InPageOrder, Source, failed_before
from sql.pages import Pages

SWEEP = " sweep"
"""What the keyword of a stream's sweep has in addition."""

NO_SWEEP = -1
"""The position of a sweep that is over."""

HELD = timedelta(days=7)
"""For how long Wikimedia's streams hold events at least (https://wikitech.wikimedia.org/wiki/EventStreams)."""

_SETTLING = timedelta(seconds=10)
"""How old an event is when the wiki is asked, whose servers do not all know of it at once."""

_AT_ONCE = 50
"""Events at which to ask, where more are coming."""

_FAILURES_EVERY = timedelta(minutes=10)
_POSITION_EVERY = timedelta(minutes=1)


class Stream(Source):
    """Files that are uploaded, get a new version, are moved, deleted or restored; positions are moments.

    Where more time has passed since the last run than the stream holds, all files are looked through
    meanwhile, in page order; ``swept`` is how far that had come.
    """

    unit = "files"

    def __init__(
        self,
        selection: Selection,
        pages: Pages,
        keyword: str,
        listen: Callable[[datetime], Events],
        *,
        swept: int = NO_SWEEP,
    ) -> None:
        super().__init__(selection, pages, keyword)
        self._listen = listen
        self._swept = swept
        self._sweeping = keyword + SWEEP

    def end(self) -> None:
        """There is none."""

    def position(self, since: int | datetime) -> int:
        """A moment in milliseconds since 1970."""
        return round(since.timestamp() * 1000) if isinstance(since, datetime) else since

    def steps(self, position: int) -> Iterator[Step | None]:
        """What happens to files from a moment on."""
        since, oldest = moment_of(position), datetime.now(UTC) - HELD
        if position > 0 and since < oldest:
            self._swept = 0
            yield _reached({self._sweeping: 0})
        sweep = self._sweep()
        with self._listen(max(since, oldest)) as events:
            for step in self._happenings(events):
                yield step
                yield next(sweep, None)

    def _happenings(self, events: Events) -> Iterator[Step | None]:
        """What to do about events, some at a time; None where there are none to look at yet."""
        waiting: list[Event] = []
        told_at = tried_at = datetime.now(UTC)
        for event in events:
            now = datetime.now(UTC)
            waiting += [event] if event else []
            ripe = [event for event in waiting if event.at <= now - _SETTLING]
            if len(ripe) >= _AT_ONCE or now - told_at > (_SETTLING if ripe else _POSITION_EVERY):
                waiting, told_at = [event for event in waiting if event not in ripe], now
                yield self._step(ripe, min(events.since, now - _SETTLING))
            elif event is None:
                yield None
            if now - tried_at > _FAILURES_EVERY:
                tried_at = now
                yield from failed_before(self._selection)

    def _step(self, events: Sequence[Event], reached: datetime) -> Step:
        return self._selection.of_pages(
            {event.page_id: event.name for event in events if event.page_id is not None},
            {self._keyword: self.position(reached)},
            names={event.name for event in events if event.page_id is None and event.name is not None},
        )

    def _sweep(self) -> Iterator[Step]:
        if self._swept == NO_SWEEP:
            return
        yield from InPageOrder(self._selection, self._pages, self._sweeping).steps(self._swept)
        yield _reached({self._sweeping: NO_SWEEP})


def moment_of(position: int) -> datetime:
    """The moment that a position of a stream means."""
    return datetime.fromtimestamp(position / 1000, UTC)


def _reached(positions: Mapping[str, int]) -> Step:
    return Step([], {}, {}, positions, 0)
