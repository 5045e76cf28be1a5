"""The next thing is looked for while the last one is worked on."""

from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

_PAUSE = 0.05
"""Seconds after which others have their turn while something is looked for."""

_T = TypeVar("_T")


def look_ahead(steps: Iterable[_T]) -> Iterator[_T | None]:
    """The steps one by one, which are looked for in a thread; None as long as the next is not found."""
    found: Queue[_T | _End] = Queue(1)
    left = Event()
    # Whoever leaves does not wait for what is just being looked for.
    Thread(target=_look, args=(steps, found, left), daemon=True).start()
    try:
        while True:
            try:
                step = found.get(timeout=_PAUSE)
            except Empty:
                yield None
                continue
            if isinstance(step, _End):
                if step.error is not None:
                    raise step.error
                return
            yield step
    finally:
        left.set()


class _End:
    """There are no more, because of an error or simply so."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error


def _look(steps: Iterable[_T], found: "Queue[_T | _End]", left: Event) -> None:
    end = _End()
    try:
        for step in steps:
            _put(step, found, left)
            if left.is_set():
                return
    except Exception as error:
        end = _End(error)
    _put(end, found, left)


def _put(step: "_T | _End", found: "Queue[_T | _End]", left: Event) -> None:
    while not left.is_set():
        try:
            found.put(step, timeout=_PAUSE)
        except Full:
            continue
        return
