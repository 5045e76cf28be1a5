"""Contestants agree, and refuse what they cannot do."""

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.contestants import (
    ENGINES,
    Contestant,
    Engine,
    FaissFlat,
    FaissMultiHash,
    NumpyScan,
    PyBKTree,
    Usearch,
)
from benchmarks.hashes import Sample
from benchmarks.tasks import BOTH, DEFAULT, NEAR, NEAREST, Near, Nearest


@pytest.mark.parametrize("name", [engine.name for engine in ENGINES])
def test_engines_agree_with_numpy(check: Callable[..., int], name: str) -> None:
    engine = Engine(name)
    assert check(NumpyScan(), engine) == engine.checked * len(engine.tasks)
    assert engine.nbytes() is not None


@pytest.mark.parametrize(
    "peer", [FaissFlat(), FaissMultiHash(), FaissMultiHash(kinds=(1,)), Usearch()], ids=lambda peer: peer.name
)
def test_peers_that_are_installed_agree_with_numpy(check: Callable[..., int], peer: Contestant) -> None:
    try:
        peer.prepare()
    except ImportError:
        pytest.skip(f"{peer.name} is not installed: make bench installs it")
    assert check(NumpyScan(), peer) == peer.checked * len(peer.tasks)


def test_numpy_agrees_with_its_definition(sample: Sample) -> None:
    numpy_scan = NumpyScan()
    numpy_scan.build(sample)
    phash, dhash = sample.query_phash[:1], sample.query_dhash[:1]
    distances = [np.bitwise_count(sample.phash ^ phash[0]), np.bitwise_count(sample.dhash ^ dhash[0])]
    for task in NEAR:
        hit = distances[task.kind] <= task.radius
        (answer,) = numpy_scan.found(task, phash, dhash)
        expected = np.column_stack([sample.page_id[hit], distances[task.kind][hit]])
        np.testing.assert_array_equal(answer, expected)
    for rule in BOTH:
        near, beside, closest = rule.tolerance
        hit = (distances[0] <= near) & (distances[1] <= beside)
        hit &= np.minimum(*distances) <= (64 if closest is None else closest)
        (answer,) = numpy_scan.found(rule, phash, dhash)
        np.testing.assert_array_equal(answer[:, 0], sample.page_id[hit])


@pytest.mark.parametrize(
    ("contestant", "task"),
    [(Engine("scan"), NEAREST[0]), (PyBKTree(), DEFAULT), (FaissFlat(), DEFAULT), (Usearch(), Near(0, 2))],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_they_cannot_do_is_refused(sample: Sample, contestant: Contestant, task: Near | Nearest) -> None:
    with pytest.raises(TypeError):
        contestant.ask(task, sample.query_phash[:1], sample.query_dhash[:1])
