"""The types of what begins elsewhere: pictures in records of Finna, and files by their external links."""

from collections.abc import Sequence

import strawberry
from strawberry import UNSET

from api import elsewhere, paging, pictures
from api.context import Info
from api.elsewhere import Asked
from api.files import absolute
from api.scalars import Hash
from api.types import After, File, First, Hashes, MatchConnection, PageInfo, ToleranceInput, find_matches
from commons.finna import Record
from sql.links import Found


@strawberry.type(description="A picture elsewhere, which may be on Commons or not.")
class ExternalPicture:
    """A picture, which is only fetched when its hashes are needed."""

    url: str = strawberry.field(description="Where it is, large.")
    shown_at: strawberry.Private[str]

    @strawberry.field(description="The picture in small, shown by this service itself.")
    def thumbnail_url(self, info: Info) -> str | None:
        return absolute(info.context.base_url, self.shown_at)

    @strawberry.field(
        description=(
            "Fetched and computed when asked for, of 30 pictures in a request; null, with an error, where "
            "that failed."
        )
    )
    async def hashes(self, info: Info) -> Hashes | None:
        phash, dhash = await info.context.pictures.load(self.url)
        return Hashes(page_id=None, phash=Hash(phash), dhash=Hash(dhash))

    @strawberry.field(description="Files near it; null, with an error, where it could not be hashed.")
    async def matches(
        self, info: Info, tolerance: ToleranceInput | None = UNSET, first: First = 20, after: After = UNSET
    ) -> MatchConnection | None:
        pair = await info.context.pictures.load(self.url)
        return await find_matches(info, pair, tolerance, first, after)


@strawberry.type(description="A record of Finna.")
class FinnaRecord:
    """A record, and the pictures in it."""

    found: strawberry.Private[Record]

    @strawberry.field(description="Its own, which may be another than was asked for.")
    def id(self) -> str:
        return self.found.id

    @strawberry.field
    def title(self) -> str | None:
        return self.found.title

    @strawberry.field(description="All of them, in their order.")
    def pictures(self) -> list[ExternalPicture]:
        record = self.found
        return [
            ExternalPicture(url=picture.url, shown_at=pictures.address(record.id, index))
            for index, picture in enumerate(record.pictures)
        ]


@strawberry.type(description="A file and its place in the listing.")
class FileEdge:
    cursor: str
    node: File


@strawberry.type(description="Files, by page id.")
class FileConnection:
    """Files with links, which are only counted when that is asked for."""

    links: strawberry.Private[Asked]
    found: strawberry.Private[Found]
    total: strawberry.Private[int | None]

    @strawberry.field
    def edges(self) -> list[FileEdge]:
        return [
            FileEdge(cursor=self._cursor(page_id), node=File(page_id=page_id)) for page_id in self._listed
        ]

    @strawberry.field(description="The files without their cursors.")
    def nodes(self) -> list[File]:
        return [File(page_id=page_id) for page_id in self._listed]

    @strawberry.field
    def page_info(self) -> PageInfo:
        end = self._cursor(self._listed[-1]) if self._listed else None
        return PageInfo(has_next_page=self.found.more, end_cursor=end)

    @strawberry.field(description="How many files there are, listed here or not.")
    async def total_count(self, info: Info) -> int:
        if self.total is not None:
            return self.total
        return await elsewhere.linking_count(info.context.service, self.links)

    @strawberry.field(description="True where there are at least totalCount; all are counted.")
    def truncated(self) -> bool:
        return False

    @property
    def _listed(self) -> Sequence[int]:
        return self.found.page_ids

    def _cursor(self, page_id: int) -> str:
        return paging.encode(0, page_id, self.links)


async def find_links(
    info: Info, domain: str, path: str, first: int | None, after: str | None
) -> FileConnection:
    links = elsewhere.asked(domain, path)
    size = paging.check_first(first, 20)
    _, page_id = paging.decode(after, links) if after else (0, 0)
    found = await elsewhere.linking(info.context.service, links, first=size, after=page_id)
    # Where the first page is the last, it has them all.
    total = len(found.page_ids) if not after and not found.more else None
    return FileConnection(links=links, found=found, total=total)
