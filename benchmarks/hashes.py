"""Pairs of hashes like those of the photos on Commons, as many as wanted.

Uniform hashes flatter every index. Bits of real ones are correlated, smooth pictures have hashes near each
other, files come in several versions, and blank scans share one hash; the phash of a photo has its top bit
and 31 others set. The mixture here is

- 70 %: a Gaussian copula with the rates and the correlations of the 128 bits of real pairs;
- 25 %: look-alikes, up to half of their bits away from one of 33,367 motifs that crowd together as real
  photos do. Motifs are drawn from clusters of real pairs, each known by the rate of every bit alone;
- 5 %: near-duplicates of other files, 0 to 6 bits away in each hash;
- 0.1 %: one of 40 degenerate pairs, some of them far more often than others.

`benchmarks.fit` has made ``model.npz`` from the hashes of real photos, none of which can be got back from it.
"""

import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from benchmarks.bits import ONES, TOP, photo_like, to_bits, to_hashes
from bktree.protocol import BITS, Hashes, PageIds

MODEL = Path(__file__).with_name("model.npz")

MOTIFS = 33_367
"""As many as there were real pairs: it sets how many look-alikes share one."""

LOOK_ALIKES, NEAR_DUPLICATES, DEGENERATE = 0.255, 0.05, 0.001
"""Shares of all files."""

RELATED = 0.12
"""Share of motifs that are another one, slightly changed: real photos come in series."""

DULL = 40
"""How many degenerate pairs there are."""

SOLID = np.uint64(1 << TOP), np.uint64(0)
"""Phash and dhash of any picture of one colour."""

BLOCK = 1 << 16
"""Files drawn at a time: few enough for the bits of all to stay in the processor's cache."""

LARGEST_GAP = 16
"""Page ids of files are less than this apart: other pages lie between them."""

Pair = tuple[Hashes, Hashes]
Random = np.random.Generator


class Sample(NamedTuple):
    """Files to build from, int64 page ids that ascend and uint64 hashes; and queries, mixed at random."""

    page_id: PageIds
    phash: Hashes
    dhash: Hashes
    query_phash: Hashes
    query_dhash: Hashes

    def head(self, rows: int) -> "Sample":
        """The first files alone, with all queries."""
        return self._replace(page_id=self.page_id[:rows], phash=self.phash[:rows], dhash=self.dhash[:rows])


class Model:
    """Draws pairs that are independent of each other, given the motifs."""

    def __init__(self, motifs_by: Random) -> None:
        with np.load(MODEL) as fitted:
            self._factor = fitted["factor"].astype(np.float32)
            self._threshold = fitted["threshold"]
            self._weight = fitted["weight"]
            self._rate = fitted["rate"].astype(np.float32) / np.iinfo(np.uint8).max
        self._motifs = self._draw_motifs(motifs_by)

    def draw(self, random: Random, count: int) -> Pair:
        """Draw pairs, look-alikes among the others at random."""
        look_alikes = int(random.binomial(count, LOOK_ALIKES))
        parts = self._copula(random, count - look_alikes), self._look_alikes(random, look_alikes)
        order = random.permutation(count)
        phash, dhash = (np.concatenate(columns)[order] for columns in zip(*parts, strict=True))
        return phash, dhash

    def _copula(self, random: Random, count: int) -> Pair:
        scores = random.standard_normal((count, 2 * BITS), np.float32) @ self._factor.T - self._threshold
        return photo_like(scores[:, :BITS]), to_hashes(scores[:, BITS:] > 0)

    def _look_alikes(self, random: Random, count: int) -> Pair:
        motif = random.integers(0, MOTIFS, count)
        rate = random.beta(1.2, 5, count).clip(0, 0.5)
        return changed(random, (self._motifs[0][motif], self._motifs[1][motif]), rate, rate)

    def _draw_motifs(self, random: Random) -> Pair:
        cluster = random.choice(len(self._weight), MOTIFS, p=self._weight / self._weight.sum())
        bits = random.random((MOTIFS, 2 * BITS), np.float32) < self._rate[cluster]
        motifs = mended(random, to_hashes(bits[:, :BITS])), to_hashes(bits[:, BITS:])
        related = random.permutation(MOTIFS)[: 2 * int(RELATED * MOTIFS)].reshape(2, -1)
        rate = random.random(related.shape[1]) / 5
        model, copy = related
        _put(copy, changed(random, (motifs[0][model], motifs[1][model]), rate, rate), motifs)
        return motifs


def flipped(random: Random, hashes: Hashes, rate: NDArray[np.float64]) -> Hashes:
    """Flip each bit of each hash with the probability that is the hash's own."""
    flips = random.random((len(hashes), BITS), np.float32) < rate[:, None].astype(np.float32)
    return hashes ^ to_hashes(flips)


def mended(random: Random, phash: Hashes) -> Hashes:
    """The nearest phashes that photos can have, chosen at random where several are."""
    odd = (np.bitwise_count(phash) != ONES) | (phash >> np.uint64(TOP) == 0)
    noise = random.random((int(odd.sum()), BITS), np.float32) * np.float32(0.5)
    phash = phash.copy()
    phash[odd] = photo_like(to_bits(phash[odd]) + noise)
    return phash


def changed(
    random: Random, pair: Pair, phash_rate: NDArray[np.float64], dhash_rate: NDArray[np.float64]
) -> Pair:
    """Change each bit at the file's own rate; a phash stays, or becomes, one that photos can have."""
    return mended(random, flipped(random, pair[0], phash_rate)), flipped(random, pair[1], dhash_rate)


def load(files: int, *, queries: int = 1000, seed: int = 1, cache: Path) -> Sample:
    """Make a sample, or map it from the cache folder where it is already; the same arguments give the same.

    Half of the queries are near-duplicates of stored files, half are drawn anew.
    """
    made_by = zlib.crc32(Path(__file__).read_bytes() + MODEL.read_bytes())
    folder = cache / f"{files}-{queries}-{seed}-{made_by:08x}"
    if not folder.is_dir():
        partial_folder = folder.with_suffix(f".{os.getpid()}")
        partial_folder.mkdir(parents=True)
        try:
            _write(partial_folder, files, queries, seed)
            partial_folder.rename(folder)
        finally:
            shutil.rmtree(partial_folder, ignore_errors=True)
    return Sample(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in Sample._fields))


def _write(folder: Path, files: int, queries: int, seed: int) -> None:
    """Write the columns of a sample, holding only some blocks in memory at a time."""
    random = np.random.default_rng(seed)
    model = Model(random)
    phash, dhash = (
        open_memmap(folder / f"{name}.npy", "w+", np.uint64, (files,)) for name in ("phash", "dhash")
    )
    for start, pair in _blocks(partial(_drawn, model, seed), files):
        _put(np.arange(start, start + len(pair[0])), pair, (phash, dhash))
    _duplicate(random, (phash, dhash), int(files * NEAR_DUPLICATES))
    _dull(random, model, (phash, dhash), int(files * DEGENERATE))
    asked = _queries(random, model, (phash, dhash), queries)
    gaps = random.integers(1, LARGEST_GAP, files)
    np.save(folder / "page_id.npy", np.cumsum(gaps))
    np.save(folder / "query_phash.npy", asked[0])
    np.save(folder / "query_dhash.npy", asked[1])


def _drawn(model: Model, seed: int, start: int, count: int) -> tuple[int, Pair]:
    # A block has random numbers of its own, so that it does not matter which thread draws it when.
    return start, model.draw(np.random.default_rng([seed, start]), count)


def _blocks(draw: Callable[[int, int], tuple[int, Pair]], files: int) -> Iterator[tuple[int, Pair]]:
    """Draw block by block, in as many threads as there are processors."""
    starts = range(0, files, BLOCK)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        yield from threads.map(draw, starts, (min(BLOCK, files - start) for start in starts))


def _put(rows: NDArray[np.int64], pair: Pair, into: Pair) -> None:
    for column, hashes in zip(into, pair, strict=True):
        column[rows] = hashes


def _near(random: Random, pair: Pair) -> Pair:
    """Near-duplicates of pairs: half as many bits of phash change as of dhash, as in photos made smaller."""
    rate = random.choice([0, 1, 2, 4], len(pair[0])) / BITS
    return changed(random, pair, rate / 2, rate)


def _duplicate(random: Random, columns: Pair, count: int) -> None:
    """Make that many files near-duplicates of others."""
    source, target = random.integers(0, len(columns[0]), (2, count))
    pair = columns[0][source], columns[1][source]
    for start in range(0, count, BLOCK):
        part = slice(start, start + BLOCK)
        _put(target[part], _near(random, (pair[0][part], pair[1][part])), columns)


def _dull(random: Random, model: Model, columns: Pair, count: int) -> None:
    """Make that many files degenerate; a third of such pairs have a phash without exactly 32 ones."""
    phash, dhash = model.draw(random, DULL)
    phash[1::3] ^= np.uint64(0b111)
    phash[0], dhash[0] = SOLID
    kind = random.zipf(1.6, count).clip(max=DULL) - 1
    _put(random.integers(0, len(columns[0]), count), (phash[kind], dhash[kind]), columns)


def _queries(random: Random, model: Model, columns: Pair, count: int) -> Pair:
    source = random.integers(0, len(columns[0]), count // 2)
    near = _near(random, (columns[0][source], columns[1][source]))
    fresh = model.draw(random, count - count // 2)
    order = random.permutation(count)
    phash, dhash = (np.concatenate(halves)[order] for halves in zip(near, fresh, strict=True))
    return phash, dhash
