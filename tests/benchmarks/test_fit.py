"""What is fitted to some hashes is like them."""

import csv
import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")

from benchmarks import fit


def test_a_model_is_made_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    kinds = random.random((3, 128)) ** 3
    bits = random.random((1500, 128)) < kinds[random.integers(0, 3, 1500)]
    bits[:, 63] = True
    hashes = np.packbits(bits, axis=1, bitorder="little").view("<u8")
    path, model = tmp_path / "hashes.csv.gz", tmp_path / "model.npz"
    with gzip.open(path, "wt") as lines:
        rows = csv.writer(lines)
        rows.writerow(["phash_uint64", "dhash_uint64"])
        rows.writerows(hashes.tolist())
    np.testing.assert_array_equal(fit.read(path), bits)

    monkeypatch.setattr(fit, "MODEL", model)
    monkeypatch.setattr(fit, "CLUSTERS", 10)
    monkeypatch.setattr(sys, "argv", ["fit", str(path)])
    fit.main()
    with np.load(model) as fitted:
        factor, threshold = fitted["factor"].astype(float), fitted["threshold"]
        assert fitted["weight"].min() * len(bits) >= fit.SMALLEST - 0.5
        assert fitted["weight"].sum() == pytest.approx(1, abs=1e-3)
        assert fitted["rate"].shape == (len(fitted["weight"]), 128)
    drawn = random.standard_normal((20_000, 128)) @ factor.T > threshold
    np.testing.assert_allclose(drawn.mean(0), bits.mean(0), atol=0.05)
    beside = ~np.eye(128, dtype=bool) & (np.minimum(bits.std(0), bits.std(0)[:, None]) > 0.1)
    with np.errstate(invalid="ignore"):
        error = (np.corrcoef(drawn.T) - np.corrcoef(bits.T))[beside]
    assert np.abs(error).mean() < 0.06
