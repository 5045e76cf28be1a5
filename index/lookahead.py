"""The next thing is looked for while the last one is worked on."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

_PAUSE = 0.05
"""Seconds after which others have their turn while something is looked for."""

_T = TypeVar("_T")


def look_ahead(steps: Iterable[_T]) -> Iterator[_T | None]:
    """The steps one by one, of which each is looked for in a thread; None as long as one is not found."""
    # In lists, since a step can be anything, and the end has to be told from it.
    found = ([step] for step in steps)
    with ThreadPoolExecutor(1) as thread:
        coming: Future[list[_T]] = thread.submit(next, found, [])
        while True:
            while wait([coming], _PAUSE).not_done:
                yield None
            step = coming.result()
            if not step:
                return
            coming = thread.submit(next, found, [])
            yield from step
