"""What engines in memory have in common: everything but how they find the rows near a hash."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from operator import index

import numpy as np
from numpy.typing import NDArray

from bktree.columns import Columns
from bktree.kernel import Pair, Query
from bktree.lock import SharedLock
from bktree.plan import Probe, plan
from bktree.protocol import BITS, BOUND, Hashes, PageIds, Tolerance
from bktree.ranking import (
    NO_BASE,
    Answer,
    Limits,
    Position,
    Ranking,
    limits_of,
    position_of,
    rank,
    ranking_of,
)

INT64 = np.iinfo(np.int64)


class Memory(ABC):
    """Fulfils `bktree.protocol.Engine`; a subclass names itself, indexes new rows and answers probes.

    Searches run side by side. Each sees all or nothing of what a call of `add` or `hide` does.
    """

    name: str

    def __init__(self, page_id: PageIds, phash: Hashes, dhash: Hashes) -> None:
        self._columns = Columns()
        self._lock = SharedLock()
        self.add(page_id, phash, dhash)

    @abstractmethod
    def _index(self, first: int) -> None:
        """Take the rows from ``first`` on into the index."""

    @abstractmethod
    def _probe(self, probe: Probe, query: Query) -> NDArray[np.int64]:
        """Find the rows that a probe asks for and that are alive, packed by `bktree.kernel.packed`."""

    def _put(self, pages: PageIds, hashes: Pair) -> None:
        first = self._columns.rows
        self._columns.put(pages, hashes)
        self._index(first)

    def _hide(self, pages: PageIds) -> None:
        self._columns.hide(pages)

    def _pairs(self, pages: PageIds) -> dict[int, tuple[int, int]]:
        return self._columns.pairs(pages)

    def _found(self) -> int:
        return self._columns.found

    def _answer(self, query: Query, probes: tuple[Probe, ...], after: Position, limits: Limits) -> Answer:
        parts = [self._probe(probe, query) for probe in probes]
        found = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return rank(found, (NO_BASE, self._columns.layer()), after, limits)

    def __len__(self) -> int:
        with self._lock.reading():
            return self._found()

    def add(self, page_id: PageIds, phash: Hashes, dhash: Hashes) -> None:
        """Make files findable by these hashes and no longer by those they had before.

        Takes one-dimensional arrays of one length: int64, uint64, uint64. Raises ValueError for others.
        """
        require_files(page_id, phash, dhash)
        with self._lock.writing():
            self._put(page_id, (phash, dhash))

    def hide(self, page_id: PageIds) -> None:
        """Make files unfindable until they are added again; unknown ids are passed over.

        Takes a one-dimensional array of int64. Raises ValueError for others.
        """
        _require(np.int64, page_id=page_id)
        with self._lock.writing():
            self._hide(page_id)

    def hashes(self, page_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Phash and dhash, as unsigned integers, of those of the files that can be found."""
        pages = np.array([page for page in page_ids if INT64.min <= page <= INT64.max], np.int64)
        with self._lock.reading():
            return self._pairs(pages)

    def search(
        self,
        phash: int,
        dhash: int,
        tolerance: Tolerance,
        *,
        first: int | None = None,
        after: tuple[int, int] | None = None,
        bound: int | None = BOUND,
    ) -> Ranking:
        """Find the files near a pair of hashes, as `bktree.protocol.Engine.search` describes.

        Raises ValueError for a hash outside 0 to 2**64 - 1, a distance outside 0 to 64, a negative
        ``first``, a ``bound`` below 1 and a position that takes more than 64 bits.
        """
        query = _hash(phash), _hash(dhash)
        probes, largest = plan(tolerance)
        position = position_of(after)
        limits = limits_of(first, bound)
        with self._lock.reading():
            answer = self._answer(query, probes, position, limits)
        return ranking_of(answer, largest)

    def search_many(
        self,
        phash: Hashes,
        dhash: Hashes,
        tolerance: Tolerance,
        *,
        first: int | None = None,
        bound: int | None = BOUND,
    ) -> list[Ranking]:
        """Answer many queries under one tolerance, in the order they were asked.

        Takes one-dimensional uint64 arrays of one length. Raises ValueError for others, and as `search` does.
        """
        require_hashes(phash, dhash)
        return [
            self.search(*pair, tolerance, first=first, bound=bound)
            for pair in zip(phash.tolist(), dhash.tolist(), strict=True)
        ]


def _hash(value: int) -> np.uint64:
    if not 0 <= index(value) < 1 << BITS:
        raise ValueError(f"a hash is from 0 to 2**{BITS} - 1, not {value}")
    return np.uint64(value)


def require_files(page_id: PageIds, phash: Hashes, dhash: Hashes) -> None:
    """Raise ValueError unless these are one-dimensional arrays of one length: int64, uint64, uint64."""
    _require(np.int64, page_id=page_id)
    _require(np.uint64, phash=phash, dhash=dhash)
    _require_same_length(page_id=page_id, phash=phash, dhash=dhash)


def require_hashes(phash: Hashes, dhash: Hashes) -> None:
    """Raise ValueError unless these are one-dimensional uint64 arrays of one length."""
    _require(np.uint64, phash=phash, dhash=dhash)
    _require_same_length(phash=phash, dhash=dhash)


def _require(dtype: type[np.generic], **arrays: NDArray[np.generic]) -> None:
    for name, array in arrays.items():
        if array.dtype != dtype or array.ndim != 1:
            raise ValueError(
                f"{name} is a one-dimensional array of {dtype.__name__}, "
                f"not a {array.ndim}-dimensional one of {array.dtype}"
            )


def _require_same_length(**arrays: NDArray[np.generic]) -> None:
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"arrays of one length are needed, not {lengths}")
