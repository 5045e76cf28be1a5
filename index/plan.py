"""What a run over a wiki is asked to do."""

from dataclasses import dataclass
from datetime import datetime

from sql.pages import ALL, Shard


@dataclass(frozen=True)
class Plan:
    """A source, what of it, and how.

    ``since`` is where to start instead of where the last run stopped: a page id, or for sources that go by
    time a moment. ``limit`` is the most files to take up. ``dask`` is the address of a cluster that is to
    hash in the place of ``jobs`` processes here, ``events`` that of the wiki's stream. With ``thumbnails``
    those are hashed of whatever is larger.
    """

    source: str
    jobs: int
    domain: str | None = None
    shard: Shard = ALL
    since: int | datetime | None = None
    limit: int | None = None
    dask: str | None = None
    events: str | None = None
    thumbnails: bool = False

    @property
    def keyword(self) -> str:
        """What the position is kept under: the arguments that tell which files are hashed, and how."""
        parts = [self.source]
        if self.domain is not None:
            parts.append(f"--domain {self.domain}")
        if self.shard != ALL:
            parts.append(f"--shard {self.shard.number}/{self.shard.parts}")
        if self.thumbnails:
            parts.append("--input thumbnail")
        return " ".join(parts)
