"""The engine in memory: a frozen base, and beside it what was added since."""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from operator import index

import numpy as np
from numpy.typing import NDArray

from bktree import answers, bitmap
from bktree.added import Added
from bktree.answers import NO_FILES, NO_PROBES, Effort
from bktree.columns import by_page, last_places
from bktree.frozen import Frozen, nbytes, rows_of
from bktree.kernel import DHASH, PHASH, Pair
from bktree.lending import Lent, lent
from bktree.lock import SharedLock
from bktree.plan import plan
from bktree.protocol import BITS, BOUND, Hashes, PageIds, Tolerance
from bktree.ranking import HIGHEST, LOWEST, Ranking, limits_of, matches_of, position_of, ranking_of

LARGEST = (1 << BITS) - 1


class Memory:
    """Fulfils `bktree.protocol.Engine` over files that were frozen, which are never written to.

    Searches run side by side. Each sees all or nothing of what a call of `add` or `hide` does.
    """

    def __init__(self, name: str, files: Frozen) -> None:
        self.name = name
        self._files = files
        self._alive = bitmap.bitmap(len(files.page_id))
        self._in_base = len(files.page_id)
        self._added = Added()
        self._lend()
        self._lock = SharedLock()

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays of the base, mapped ones included."""
        return nbytes(self._files) + self._alive.nbytes

    def __len__(self) -> int:
        with self._lock.reading():
            return self._in_base + self._added.found

    def add(self, page_id: PageIds, phash: Hashes, dhash: Hashes) -> None:
        """Make files findable by these hashes and no longer by those they had before.

        Takes one-dimensional arrays of one length: int64, uint64, uint64. Raises ValueError for others.
        """
        require_files(page_id, phash, dhash)
        last = last_places(page_id)
        with self._lock.writing():
            self._put(page_id[last], (phash[last], dhash[last]))

    def hide(self, page_id: PageIds) -> None:
        """Make files unfindable until they are added again; unknown ids are passed over.

        Takes a one-dimensional array of int64. Raises ValueError for others.
        """
        _require(np.int64, page_id=page_id)
        rows = rows_of(self._files, np.array(page_id))
        with self._lock.writing():
            self._mark(rows[rows >= 0], False)
            self._added.hide(page_id)
            self._lend()

    def hashes(self, page_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Phash and dhash, as unsigned integers, of those of the files that can be found."""
        pages = np.array([page for page in page_ids if LOWEST <= page <= HIGHEST], np.int64)
        with self._lock.reading():
            return by_page(*answers.pairs_of(self._lent, pages)) | self._added.pairs(pages)

    def search(
        self,
        phash: int,
        dhash: int,
        tolerance: Tolerance,
        *,
        first: int | None = None,
        after: tuple[int, int] | None = None,
        bound: int | None = BOUND,
        within: float = math.inf,
    ) -> Ranking:
        """Find the files near a pair of hashes, as `bktree.protocol.Engine.search` describes.

        Raises TimeoutError, and ValueError for a hash outside 0 to 2**64 - 1, a distance outside 0 to 64,
        a negative ``first``, a ``bound`` below 1 and a position that takes more than 64 bits.
        """
        query = _hash(phash), _hash(dhash)
        probes, largest = _planned(tolerance)
        position = position_of(after)
        limits = limits_of(first, bound)
        with self._reading(within):
            answer, done = answers.answer_one(
                self._lent, effort(), query, probes, position, limits, within * 1e9
            )
        if not done:
            raise TimeoutError(f"a search takes longer than {within:g} seconds")
        return ranking_of(answer, largest)

    def search_many(
        self,
        phash: Hashes,
        dhash: Hashes,
        tolerance: Tolerance,
        *,
        first: int | None = None,
        bound: int | None = BOUND,
        within: float = math.inf,
    ) -> list[Ranking]:
        """Answer many queries under one tolerance at one time, in the order they were asked.

        Takes one-dimensional uint64 arrays of one length. Raises ValueError for others, and as `search` does.
        """
        require_hashes(phash, dhash)
        probes, largest = _planned(tolerance)
        limits = limits_of(first, bound)
        queries = np.array(phash), np.array(dhash)
        with self._reading(within):
            listed, ends = answers.answer_many(self._lent, effort(), queries, probes, limits, within * 1e9)
        if len(ends) < len(phash):
            raise TimeoutError(f"a search takes longer than {within:g} seconds")
        matches, start = matches_of(listed), 0
        rankings = []
        for end, total, stop in ends.tolist():
            rankings.append(Ranking(matches[start:end], total, stop < largest))
            start = end
        return rankings

    def _reading(self, within: float) -> AbstractContextManager[None]:
        return self._lock.reading() if within == math.inf else self._lock.reading_now()

    def _lend(self) -> None:
        # Kept beside, as nothing else keeps what is lent while others search.
        self._layers = (self._files, self._alive), self._added.layer()
        self._lent = lent(self._layers, NO_FILES)

    def _put(self, pages: PageIds, hashes: Pair) -> None:
        rows = rows_of(self._files, pages)
        known = rows >= 0
        same = known.copy()
        for column, new in zip(self._files.hashes, hashes, strict=True):
            same[known] &= column[rows[known]] == new[known]
        self._mark(rows[same], True)
        self._mark(rows[known & ~same], False)
        self._added.hide(pages[same])
        self._added.put(pages[~same], (hashes[PHASH][~same], hashes[DHASH][~same]))
        self._lend()

    def _mark(self, rows: NDArray[np.int64], alive: bool) -> None:
        changed = bitmap.put(self._alive, rows, alive)
        self._in_base += changed if alive else -changed


def effort() -> Effort:
    """The figures by which a way is chosen."""
    return answers.SWEPT, answers.REACH


def _planned(tolerance: Tolerance) -> tuple[Lent, int]:
    # What only equals a whole number is refused, whether or not that was asked for before.
    phash, dhash, closest = tolerance
    return _plan(index(phash), index(dhash), closest if closest is None else index(closest))


@lru_cache
def _plan(phash: int, dhash: int, closest: int | None) -> tuple[Lent, int]:
    probes, largest = plan(Tolerance(phash, dhash, closest))
    return lent(probes, NO_PROBES), largest


def _hash(value: int) -> np.uint64:
    if not 0 <= index(value) <= LARGEST:
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
