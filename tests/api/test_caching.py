from dataclasses import replace

from api import caching
from api.service import POLL_SECONDS, Service
from commons.settings import Settings


def test_good_answers_are_kept_no_longer_than_until_the_next_poll(settings: Settings) -> None:
    for seconds, kept in ((POLL_SECONDS, 2), (0.9, 0), (3.7, 3)):
        service = Service(settings, poll_seconds=seconds)
        assert caching.lifetime(service) == {"Cache-Control": f"public, max-age={kept}"}
        service.close()


def test_answers_that_lack_something_are_not_kept(settings: Settings) -> None:
    loading = Service(replace(settings, engine="multi-index"))
    assert caching.unless_degraded(loading) == {}
    loading.close()
