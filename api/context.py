"""What the resolvers of one GraphQL request share: the service, and reads gathered into few queries."""

import asyncio
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader
from strawberry.types import Info as StrawberryInfo

from api import files, lookups
from api.errors import TooManyPictures
from api.files import Facts
from api.finna import Records
from api.lookups import Status
from api.service import Service
from commons.hashes import Hashes
from sql.pairs import Pair

MOST_PICTURES = 30
"""That one request has fetched from elsewhere."""

_V = TypeVar("_V")


class Context:
    """Made anew for each request; ``base_url`` is this service's own address."""

    def __init__(self, service: Service, base_url: str) -> None:
        self.service = service
        self.base_url = base_url
        self.facts: DataLoader[int, Facts] = _loader(service, files.facts)
        self.hashes: DataLoader[int, tuple[int, int] | None] = _loader(service, lookups.hashes)
        self.rows: DataLoader[int, Pair | None] = _loader(service, lookups.hash_rows)
        self.statuses: DataLoader[int, Status] = _loader(service, lookups.statuses)

    @cached_property
    def pictures(self) -> DataLoader[str, Hashes]:
        """The hashes of pictures that are elsewhere, by their addresses."""
        return DataLoader(_Pictures(self.service.finna).load)


class _Pictures:
    """Fetches as many pictures as one request may ask for."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._left = MOST_PICTURES

    async def load(self, urls: list[str]) -> list[Hashes | BaseException]:
        return await asyncio.gather(*map(self._hashes, urls), return_exceptions=True)

    async def _hashes(self, url: str) -> Hashes:
        if not self._records.are_kept(url):
            if not self._left:
                raise TooManyPictures(
                    f"{MOST_PICTURES} pictures have been fetched, as many as one request may: ask again for "
                    "the others, these are kept"
                )
            self._left -= 1
        return await self._records.hashes(url)


Info = StrawberryInfo[Context, None]


def _loader(
    service: Service, read: Callable[[Service, Sequence[int]], dict[int, Any]]
) -> DataLoader[int, Any]:
    async def load(page_ids: list[int]) -> list[Any]:
        found = await service.gather(read, page_ids)
        return [found.get(page_id) for page_id in page_ids]

    return DataLoader(load)
