"""Answers that are kept for a while, to be had again without asking."""

import time
from threading import Lock
from typing import Generic, TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")


class Kept(Generic[_K, _V]):
    """Keeps the ``most`` newest answers for ``seconds`` each, None among them; for any number of threads."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._lock = Lock()
        self._answers: dict[_K, tuple[float, _V]] = {}

    def __getitem__(self, key: _K) -> _V:
        """Raises KeyError where there is none, or none any more."""
        with self._lock:
            until, answer = self._answers[key]
        if until <= time.monotonic():
            raise KeyError(key)
        return answer

    def __setitem__(self, key: _K, answer: _V) -> None:
        with self._lock:
            # To the end: the first is the oldest.
            self._answers.pop(key, None)
            self._answers[key] = time.monotonic() + self._seconds, answer
            if len(self._answers) > self._most:
                del self._answers[next(iter(self._answers))]

    def __contains__(self, key: _K) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True
