"""What the resolvers of one GraphQL request share: the service, and reads gathered into few queries."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader
from strawberry.types import Info as StrawberryInfo

from api import files, lookups
from api.files import Facts
from api.lookups import Status
from api.service import Service
from sql.pairs import Pair

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


Info = StrawberryInfo[Context, None]


def _loader(
    service: Service, read: Callable[[Service, Sequence[int]], dict[int, Any]]
) -> DataLoader[int, Any]:
    async def load(page_ids: list[int]) -> list[Any]:
        found = await service.gather(read, page_ids)
        return [found.get(page_id) for page_id in page_ids]

    return DataLoader(load)
