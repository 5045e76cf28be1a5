import pytest

from index.plan import Plan
from sql.pages import Shard


@pytest.mark.parametrize(
    ("plan", "keyword"),
    [
        (Plan("page", 2), "page"),
        (Plan("recentchanges", 2), "recentchanges"),
        (Plan("page", 2, shard=Shard(1, 1)), "page"),
        (Plan("page", 2, shard=Shard(2, 4)), "page --shard 2/4"),
        (Plan("page", 2, thumbnails=True), "page --input thumbnail"),
        (
            Plan("page", 2, shard=Shard(1, 2), thumbnails=True),
            "page --shard 1/2 --input thumbnail",
        ),
        (Plan("externallinks", 2, domain="fi.finna"), "externallinks --domain fi.finna"),
        (
            Plan("externallinks", 2, domain="fi.finna", shard=Shard(1, 2)),
            "externallinks --domain fi.finna --shard 1/2",
        ),
        (
            Plan("externallinks", 2, domain="fi.finna", thumbnails=True),
            "externallinks --domain fi.finna --input thumbnail",
        ),
        (
            Plan("externallinks", 2, domain="fi.finna", shard=Shard(1, 2), thumbnails=True),
            "externallinks --domain fi.finna --shard 1/2 --input thumbnail",
        ),
    ],
)
def test_a_position_is_kept_for_what_is_hashed(plan: Plan, keyword: str) -> None:
    assert plan.keyword == keyword


def test_how_it_is_hashed_does_not_matter_to_the_position() -> None:
    assert Plan("page", 8, since=5, limit=3, dask="tcp://here:8786").keyword == "page"
