"""A lock that many readers or one writer may hold (Courtois, Heymans and Parnas 1971, second problem)."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock


class SharedLock:
    """Readers run side by side, a writer alone. Not re-entrant.

    A writer that waits keeps new readers out, so that a busy server still takes in new rows.
    """

    def __init__(self) -> None:
        self._changed = Condition(Lock())
        self._readers = 0
        self._waiting = 0
        self._writing = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold the lock along with other readers."""
        with self._changed:
            self._changed.wait_for(lambda: not self._writing and not self._waiting)
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock alone."""
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: not self._writing and not self._readers)
            self._waiting -= 1
            self._writing = True
        try:
            yield
        finally:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
