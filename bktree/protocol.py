"""What every search engine promises: exact Hamming search over pairs of 64-bit hashes.

A file is known by its page id and carries two hashes, phash and dhash. It matches a query where
both distances are within the tolerance's radii and the closer one is within ``closest``. Matches
come in the order of (phash distance + dhash distance, page id).

All engines, those in memory and the one over SQL, give the very same answer to the same question;
callers choose one by name and cannot tell them apart otherwise.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
PageIds = NDArray[np.int64]

BITS = 64
"""Bits of a hash, and so the largest distance."""

BOUND = 10_000
"""Distinct hash pairs after which a search goes no further outward, unless told otherwise."""


class Tolerance(NamedTuple):
    """The rule over both hashes: inclusive Hamming distances, 0 to 64.

    ``closest`` bounds the smaller of the two distances; None sets no such bound.
    ``Tolerance(64, 64, 0)`` reads: one of the hashes is equal, whatever the other.
    """

    phash: int = 8
    dhash: int = 8
    closest: int | None = None


class Matches(Protocol):
    """The answer to one query."""

    @property
    def listed(self) -> Sequence[tuple[int, int, int]]:
        """Page id, phash distance and dhash distance of the files asked for, in order."""

    @property
    def total(self) -> int:
        """How many files match, wherever the listing began or ended."""

    @property
    def truncated(self) -> bool:
        """Whether the search stopped at its bound; ``total`` is then a lower limit."""


class Engine(Protocol):
    """Searches files by their hashes; safe to call from many threads at once.

    Memory engines are built from three arrays of one length: page ids (int64, unique, in any
    order, negative ones included), phash and dhash (uint64).
    """

    @property
    def name(self) -> str:
        """The name that ``IMAGEHASH_ENGINE`` chooses it by."""

    def __len__(self) -> int:
        """How many files can be found."""

    def add(self, page_id: PageIds, phash: Hashes, dhash: Hashes) -> None:
        """Make files findable by these hashes and no longer by those they had before.

        Adding what is there already changes nothing. Where a page id is given twice, its last
        place counts.
        """

    def hide(self, page_id: PageIds) -> None:
        """Make files unfindable until they are added again; unknown ids are passed over."""

    def hashes(self, page_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Phash and dhash, as unsigned integers, of those of the files that can be found."""

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
    ) -> Matches:
        """Find the files near a pair of hashes.

        The search goes outward by the sum of both distances and stops after the first sum by
        which it has met ``bound`` distinct pairs of hashes (equal pairs are counted, not walked).
        Files with a larger sum are neither listed nor counted, and the answer is ``truncated``
        unless that sum was the largest that the tolerance allows. ``bound=None`` never stops.

        Listed are the ``first`` matches (None: all) that come after the position ``after``, a
        (distance sum, page id) that need not be a match itself.

        Raises TimeoutError at once where it would take more than ``within`` seconds, about, or have to wait
        for others.
        """

    def search_many(
        self,
        phash: Hashes,
        dhash: Hashes,
        tolerance: Tolerance,
        *,
        first: int | None = None,
        bound: int | None = BOUND,
        within: float = math.inf,
    ) -> Sequence[Matches]:
        """Answer many queries under one tolerance, in the order they were asked.

        Raises TimeoutError where any of them would take more than ``within`` seconds, or have to wait.
        """
