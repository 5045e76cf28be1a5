"""Fit ``model.npz`` to the hashes of real photos: ``python -m benchmarks.fit HASHES.csv.gz``.

The file has columns phash_uint64 and dhash_uint64. What is kept are the rates of the 128 bits and their
correlations over all photos; and clusters of at least 20 photos, each as the rates of its bits, found by
expectation maximisation for a mixture of Bernoulli distributions (Bishop, Pattern Recognition, 9.3.3).
"""

import argparse
import csv
import gzip
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri, softmax

from benchmarks.bits import to_bits
from benchmarks.hashes import MODEL, Random
from bktree.protocol import BITS

CLUSTERS = 300
SMALLEST = 20
"""Photos of a cluster, so that its rates tell of none of them."""

STEPS = 60

SHARPNESS = np.repeat([1.4, 1.36], BITS)
"""By how much the log-odds of the bits within a cluster are raised, in phash and in dhash.

Bits of a cluster are drawn one by one, while those of real photos also agree for other reasons. This makes
the distances between motifs what they are between real photos.
"""

Array = NDArray[np.float64]


def read(path: Path) -> Array:
    """Bits of both hashes of each photo: float64[n, 128] of 0 and 1."""
    with gzip.open(path, "rt") as lines:
        pairs = [(int(row["phash_uint64"]), int(row["dhash_uint64"])) for row in csv.DictReader(lines)]
    phash, dhash = np.array(pairs, np.uint64).T
    return np.hstack([to_bits(phash), to_bits(dhash)]).astype(np.float64)


def copula(bits: Array) -> tuple[Array, Array]:
    """Factor [128, 128] and thresholds [128] of a normal distribution whose signs are like the bits.

    The correlation of two normal variables is sin(pi/2 c) where that of their signs is c (Sheppard 1899).
    """
    rate = bits.mean(0).clip(1e-4, 1 - 1e-4)
    spread = bits.std(0)
    # The top bit of phash never varies, and correlates with nothing.
    covariance = np.cov(bits.T, bias=True) / np.maximum(np.outer(spread, spread), 1e-6)
    np.fill_diagonal(covariance, 1)
    values, vectors = np.linalg.eigh(np.sin(np.pi / 2 * covariance))
    factor = vectors * np.sqrt(values.clip(1e-6))
    return factor / np.linalg.norm(factor, axis=1, keepdims=True), -cast("Array", ndtri(rate))


def clusters(random: Random, bits: Array) -> tuple[Array, Array]:
    """Weights [k] and bit rates [k, 128] of a mixture, fitted by expectation maximisation."""
    overall = bits.mean(0)
    rate = (bits[random.choice(len(bits), CLUSTERS, replace=False)] + overall) / 2
    weight = np.full(CLUSTERS, 1 / CLUSTERS)
    for _ in range(STEPS):
        odds = logit(rate.clip(0.002, 0.998))
        share = softmax(bits @ odds.T - np.logaddexp(0, odds).sum(1) + np.log(weight), axis=1)
        share = share[:, share.sum(0) >= SMALLEST]
        size = share.sum(0)
        rate = (share.T @ bits + overall) / (size[:, None] + 1)
        weight = size / size.sum()
    return weight, rate


def main() -> None:
    """Read the hashes and write the model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("hashes", type=Path)
    bits = read(parser.parse_args().hashes)
    factor, threshold = copula(bits)
    weight, rate = clusters(np.random.default_rng(1), bits)
    sharp = expit(SHARPNESS * logit(rate.clip(0.002, 0.998)))
    np.savez_compressed(
        MODEL,
        factor=factor.astype(np.float16),
        threshold=threshold.astype(np.float32),
        weight=weight.astype(np.float32),
        rate=np.rint(sharp * np.iinfo(np.uint8).max).astype(np.uint8),
    )


if __name__ == "__main__":
    main()
