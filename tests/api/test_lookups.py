import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from api import lookups
from api.errors import BadInput, DatabaseUnavailable, NoReplica, ReplicaUnavailable
from api.lookups import Status
from api.service import Service
from bktree.protocol import Tolerance
from commons.settings import Settings
from tests.api.conftest import make_snapshot
from tests.api.data import DHASH, FILES, PHASH


@pytest.fixture(params=["scan", "sql"])
def service(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Service]:
    settings = replace(settings, engine=request.param)
    make_snapshot(settings)
    service = Service(settings)
    service.live.poll()
    assert service.live.in_memory == (request.param != "sql")
    yield service
    service.close()


def test_near_and_near_many_agree(service: Service) -> None:
    asked = list(FILES.values())
    rule = Tolerance(64, 64, 4)
    one_by_one = [list(lookups.near(service, *pair, rule, first=3).listed) for pair in asked]
    assert [list(found.listed) for found in lookups.near_many(service, asked, rule, first=3)] == one_by_one
    assert lookups.near_many(service, [], rule, first=3) == []


@pytest.mark.parametrize("quick", [lookups.QUICK, 0.0])
def test_searches_at_the_same_time_are_answered_like_each_alone(
    service: Service, monkeypatch: pytest.MonkeyPatch, quick: float
) -> None:
    monkeypatch.setattr(lookups, "QUICK", quick)
    rules = [
        {"tolerance": Tolerance(64, 64, 4), "first": 3},
        {"tolerance": Tolerance(64, 64, 4), "first": 3, "after": (2, 1)},
        {"tolerance": Tolerance(2, 2), "first": None, "bound": None},
    ]
    asked = [(*pair, rule) for pair in FILES.values() for rule in rules]

    async def together() -> list[object]:
        return await asyncio.gather(
            *(lookups.found_near(service, phash, dhash, **rule) for phash, dhash, rule in asked)  # type: ignore[arg-type]
        )

    alone = [lookups.near(service, phash, dhash, **rule) for phash, dhash, rule in asked]  # type: ignore[arg-type]
    assert asyncio.run(together()) == alone


def test_the_old_rules(service: Service) -> None:
    assert [file.page_id for file in asyncio.run(lookups.equal(service, PHASH, DHASH))] == [1, 2, 4, 5]
    for difference, expected in [
        (-5, []),
        (0, []),
        (1, [1]),
        (3, [1, 2]),
        (65, [1, 2, 4, 5]),
        (10**30, [1, 2, 4, 5]),
    ]:
        files = asyncio.run(lookups.equal_within(service, 1, difference))
        assert files is not None
        assert [file.page_id for file in files] == expected
    assert asyncio.run(lookups.equal_within(service, 8, 3)) is None


def test_nothing_is_no_answer_of_the_old_rules_while_the_database_may_know_more(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(service.live), "stale", True)
    assert len(asyncio.run(lookups.equal(service, PHASH, DHASH))) == 4
    for asked in (lookups.equal(service, 5, 6), lookups.equal_within(service, 8, 3)):
        if service.live.in_memory:
            with pytest.raises(DatabaseUnavailable, match="nothing is found in memory"):
                asyncio.run(asked)
        else:
            assert not asyncio.run(asked)


def test_statuses(service: Service) -> None:
    assert lookups.statuses(service, [1, 7, 8]) == {
        1: Status.INDEXED,
        7: Status.FAILED,
        8: Status.NOT_INDEXED,
    }


def test_titles_become_page_ids_in_order(service: Service) -> None:
    assert lookups.page_ids_of(service, ["C.jpg", "nothing.jpg", "File:b.jpg", "C.jpg"]) == [3, None, 2, 3]
    assert lookups.page_ids_of(service, []) == []
    with pytest.raises(BadInput, match="names no file"):
        lookups.page_ids_of(service, ["File:"])


def test_what_the_replica_would_tell_is_missed_not_made_up(settings: Settings) -> None:
    service = Service(replace(settings, commons_url=None))
    service.live.poll()
    with pytest.raises(ReplicaUnavailable, match="IMAGEHASH_COMMONS_URL"):
        asyncio.run(lookups.equal(service, PHASH, DHASH))
    with pytest.raises(NoReplica):
        lookups.page_ids_of(service, ["C.jpg"])
    service.close()
