"""Which hashes to look by, and how far, for a rule over both of them."""

from operator import index
from typing import NamedTuple

from bktree.kernel import DHASH, PHASH
from bktree.protocol import BITS, Tolerance


class Probe(NamedTuple):
    """Rows whose one hash is at most ``radius`` away and whose other one is ``low`` to ``high`` away."""

    radius: int
    low: int
    high: int
    kind: int
    """Which hash the radius is for: `PHASH` or `DHASH`."""


NOTHING = Probe(-1, 0, -1, PHASH)
"""A probe that no row answers."""


class Plan(NamedTuple):
    """Two probes that find each match of a tolerance once; the second may be `NOTHING`."""

    probes: tuple[Probe, Probe]
    largest: int
    """The largest sum of both distances that the tolerance allows."""


def plan(tolerance: Tolerance) -> Plan:
    """Plan a search.

    Raises ValueError for a distance outside 0 to 64.
    """
    phash, dhash = _distance(tolerance.phash), _distance(tolerance.dhash)
    smaller, larger = min(phash, dhash), max(phash, dhash)
    closest = smaller if tolerance.closest is None else min(_distance(tolerance.closest), smaller)
    return Plan(_probes(phash, dhash, closest), closest + larger)


def _probes(phash: int, dhash: int, closest: int) -> tuple[Probe, Probe]:
    if closest < min(phash, dhash):
        return Probe(closest, 0, dhash, PHASH), Probe(closest, closest + 1, phash, DHASH)
    # At equal radii by phash: its bits are less alike, so that an index by it tells more apart.
    if phash <= dhash:
        return Probe(phash, 0, dhash, PHASH), NOTHING
    return Probe(dhash, 0, phash, DHASH), NOTHING


def _distance(value: int) -> int:
    if not 0 <= index(value) <= BITS:
        raise ValueError(f"a tolerance is a distance from 0 to {BITS}, not {value}")
    return index(value)
