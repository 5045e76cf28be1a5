"""Files and queries are like those of the model that the tables of the design were measured with."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import hashes
from benchmarks.bits import ONES, TOP
from benchmarks.hashes import MODEL, SOLID, Sample

FILES = 200_000


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def sample(cache: Path) -> Sample:
    return hashes.load(FILES, queries=200, cache=cache)


def nearest(columns: NDArray[np.uint64], queries: NDArray[np.uint64]) -> list[int]:
    """The smallest distance of each query."""
    return [int(np.bitwise_count(columns ^ query).min()) for query in queries]


def test_arrays_are_as_engines_take_them(sample: Sample) -> None:
    assert sample.page_id.dtype == np.int64
    assert (np.diff(sample.page_id) > 0).all()
    assert {column.dtype for column in sample[1:]} == {np.dtype(np.uint64)}
    assert [column.shape for column in sample] == [(FILES,)] * 3 + [(200,)] * 2


def test_phash_is_a_photos(sample: Sample) -> None:
    assert (sample.phash >> np.uint64(TOP) == 1).all()
    odd = (np.bitwise_count(sample.phash) != ONES).mean()
    assert 0 < odd < 0.001


def test_bits_of_dhash_are_correlated(sample: Sample) -> None:
    bits = (sample.dhash[:20_000, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)).astype(np.float64)
    correlation = np.corrcoef(bits.T)
    beside = np.abs(np.diagonal(correlation, offset=1)).mean()
    assert beside > 3 * np.abs(np.diagonal(correlation, offset=21)).mean()


def test_some_files_are_degenerate(sample: Sample) -> None:
    solid = (sample.phash == SOLID[0]) & (sample.dhash == SOLID[1])
    assert 0.0002 < solid.mean() < 0.001


def test_some_files_are_near_duplicates(sample: Sample) -> None:
    _, times = np.unique(np.column_stack([sample.phash, sample.dhash]), axis=0, return_counts=True)
    assert 0.01 < (times[times > 1].sum() - len(times[times > 1])) / FILES < 0.05


def test_half_of_the_queries_are_near_duplicates(sample: Sample) -> None:
    pairs = zip(
        nearest(sample.phash, sample.query_phash), nearest(sample.dhash, sample.query_dhash), strict=True
    )
    near = sum(phash <= 8 and dhash <= 10 for phash, dhash in pairs)
    assert 100 <= near <= 160
    first = nearest(sample.phash, sample.query_phash[:50])
    assert sum(distance <= 6 for distance in first) >= 15, "near-duplicates are all over the queries"


def test_the_same_arguments_give_the_same(sample: Sample, cache: Path, tmp_path: Path) -> None:
    again = hashes.load(FILES, queries=200, cache=tmp_path)
    other = hashes.load(FILES, queries=200, seed=2, cache=tmp_path)
    for column, same, different in zip(sample, again, other, strict=True):
        np.testing.assert_array_equal(column, same)
        assert not np.array_equal(column, different)
    made = set(cache.iterdir())
    hashes.load(FILES, queries=200, cache=cache)
    assert set(cache.iterdir()) == made


def test_what_is_made_halfway_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(hashes, "_queries", fail)
    with pytest.raises(KeyboardInterrupt):
        hashes.load(1000, cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_no_photo_can_be_got_back_from_the_model(photos: Path) -> None:
    with np.load(MODEL) as model:
        weight, rate = model["weight"], model["rate"]
    assert rate.shape == (len(weight), 128)
    assert rate.dtype == np.uint8
    assert weight.min() * 33_367 >= 19.5, "a cluster of few photos would tell of them"
    assert MODEL.stat().st_size < 100_000
    assert photos.is_dir()
