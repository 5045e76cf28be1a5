"""What is asked of every contestant."""

from dataclasses import dataclass

from bktree.protocol import BITS, Tolerance

RADII = (0, 2, 4, 6, 8, 10)
PHASH, DHASH = KINDS = (0, 1)
"""Which of both hashes."""

KIND_NAMES = {PHASH: "phash", DHASH: "dhash"}

AT_ONCE = 64
MANY = 1000


@dataclass(frozen=True)
class Near:
    """All files with one hash at most ``radius`` away, whatever the other; ``size`` queries at once."""

    kind: int
    radius: int
    size: int = 1

    @property
    def tolerance(self) -> Tolerance:
        """The same as a rule over both hashes."""
        return Tolerance(self.radius, BITS) if self.kind == PHASH else Tolerance(BITS, self.radius)

    def __str__(self) -> str:
        at_once = "" if self.size == 1 else f", {self.size} queries at once"
        return f"{KIND_NAMES[self.kind]}, r = {self.radius}{at_once}"


@dataclass(frozen=True)
class Both:
    """All files within a tolerance over both hashes; ``size`` queries at once."""

    tolerance: Tolerance
    size: int = 1

    def __str__(self) -> str:
        phash, dhash, closest = self.tolerance
        at_once = "" if self.size == 1 else f", {self.size:,} queries at once"
        return f"{phash}/{dhash}{'' if closest is None else f'/{closest}'}{at_once}"


@dataclass(frozen=True)
class Nearest:
    """The ``count`` files with the nearest hash of one kind."""

    kind: int
    count: int
    size: int = 1

    def __str__(self) -> str:
        return f"{self.count} nearest by {KIND_NAMES[self.kind]}"


Task = Near | Both | Nearest

NEAR = tuple(Near(kind, radius) for kind in KINDS for radius in RADII)
NEAR_AT_ONCE = tuple(Near(kind, 8, AT_ONCE) for kind in KINDS)
DEFAULT = Both(Tolerance())
EQUAL = Both(Tolerance(BITS, BITS, 0))
BOTH = (DEFAULT, EQUAL, Both(Tolerance(10, 10)))
DEFAULT_MANY = Both(Tolerance(), MANY)
NEAREST = tuple(Nearest(kind, 10) for kind in KINDS)

TASKS: tuple[Task, ...] = (*NEAR, *BOTH, *NEAR_AT_ONCE, DEFAULT_MANY, *NEAREST)
