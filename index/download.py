"""A version of a file on a wiki to its hashes: fetched here, hashed wherever the executor runs."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from threading import Condition

from commons.fetching import LIMITS, Fetcher, Unfetchable
from commons.imageinfo import Version
from commons.pictures import Reason
from index.hashing import Outcome, hash_fetched

_DETAILS = {
    Reason.NO_FILE: "the page has no file",
    Reason.SUPPRESSED: "the file is hidden from the public",
    Reason.SOUND_OR_VIDEO: "sounds and videos are not hashed",
    Reason.UNSUPPORTED_TYPE: "files of this type are not hashed",
    Reason.NO_THUMBNAIL: "the wiki has no thumbnail of it",
    Reason.UNEXPECTED_ANSWER: "the wiki does not tell what the file is",
}

_ROOM = LIMITS.size
"""Bytes of all files that are held at a time: there are whole collections of files of 100 MB."""

_OF_THUMBNAIL = 2**20
"""Bytes to make room for where nobody tells how many there will be."""


class Download:
    """Fetches by one fetcher, so that its limits hold whatever number of machines hashes."""

    def __init__(self, fetcher: Fetcher, executor: Executor) -> None:
        self._fetcher = fetcher
        self._executor = executor
        self._room = _Room(_ROOM)

    def take(self, version: Version) -> Outcome[Version]:
        """Fetch and hash a file; every failure of the file or of the network is an outcome.

        Raises CrashedError and TimeoutError as the executor does.
        """
        if version.address is None:
            return Outcome(version, reason=version.reason, detail=version.reason and _DETAILS[version.reason])
        size = version.address.size or _OF_THUMBNAIL
        if size > LIMITS.size:
            detail = f"the file has {size:,} bytes; at most {LIMITS.size:,} are fetched"
            return Outcome(version, reason=Reason.TOO_LARGE, detail=detail)
        with self._room.taken(size):
            try:
                data = self._fetcher.fetch(version.address.url)
            except Unfetchable as error:
                return Outcome(version, reason=error.reason, detail=str(error))
            return self._executor.submit(hash_fetched, version, data).result()


class _Room:
    """So many bytes, which threads take and give back."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._given_back = Condition()

    @contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Wait until there is room, no more than there is at all."""
        with self._given_back:
            self._given_back.wait_for(lambda: self._free >= size)
            self._free -= size
        try:
            yield
        finally:
            with self._given_back:
                self._free += size
                self._given_back.notify_all()
