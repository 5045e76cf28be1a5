import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from api import elsewhere
from api.elsewhere import Asked
from api.errors import BadInput, NotFound
from api.service import Service
from commons.pictures import hash_picture, thumbnail
from commons.settings import Settings
from sql import results
from sql.database import Database
from tests.api.data import hashed, wiki_link
from tests.finna import SMALL, Finna


@pytest.fixture
def service(settings_with_finna: Settings) -> Iterator[Service]:
    service = Service(settings_with_finna)
    yield service
    service.close()


def test_a_host_is_read_both_ways() -> None:
    assert elsewhere.asked("finna.fi", "/Record") == Asked(("fi.finna.", "finna.fi."), "/Record")
    with pytest.raises(BadInput, match="is no host"):
        elsewhere.asked("finna", "/Record")


def test_links_are_listed_and_counted(service: Service, replica: Database) -> None:
    with replica.write() as connection:
        for page_id in (2, 3, 9):
            connection.exec_driver_sql(wiki_link(page_id, "https://fi.finna.", "/Record/1"))
    links = elsewhere.asked("finna.fi", "/Record")

    async def scene() -> None:
        assert await elsewhere.linking(service, links, first=1) == ([2], True)
        assert await elsewhere.linking(service, links, first=1, after=2) == ([3], False)
        assert await elsewhere.linking_count(service, links) == 2
        found = await elsewhere.linking_now(service, "fi.finna", "/Record", first=9)
        assert [file.name for file in found] == ["B.jpg", "C.jpg"]

    asyncio.run(scene())


def test_a_record_goes_by_its_first_picture(
    service: Service, hashes: Database, finna: Finna, photos: Path
) -> None:
    path = photos / "commons100" / "mural.jpg"
    finna.records |= {"museum.1": [path], "museum.2": []}
    with hashes.write() as connection:
        results.save(connection, [hashed(8, *hash_picture(thumbnail(path.read_bytes(), SMALL)).hashes)])
    service.live.poll()

    async def scene() -> None:
        (file,) = await elsewhere.equal_to_record(service, "museum.1", 3)
        assert file.name == "H.jpg"
        assert await elsewhere.equal_to_record(service, "museum.1", 0) == []
        for record_id in ("museum.2", "museum.3"):
            with pytest.raises(NotFound):
                await elsewhere.equal_to_record(service, record_id, 3)

    asyncio.run(scene())
