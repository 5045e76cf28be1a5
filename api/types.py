"""The types of the GraphQL schema."""

from datetime import datetime
from typing import Annotated, cast

import strawberry
from strawberry import UNSET

from api import files, lookups, paging
from api.context import Info
from api.errors import BadInput, ReplicaUnavailable
from api.files import Facts, absolute
from api.lookups import Status
from api.scalars import Hash
from bktree.protocol import Matches, Tolerance
from commons.hashes import low_information

strawberry.enum(
    Status,
    name="FileStatus",
    description="Whether a file is hashed (INDEXED), not yet (NOT_INDEXED), or could not be (FAILED).",
)

Listed = tuple[int, int, int]
"""A match as engines list it: page id, distance of the pHashes and of the dHashes."""

Question = tuple[tuple[int, int], Tolerance]
"""What a listing answers: phash and dhash, and how far others may be."""

First = Annotated[
    int | None, strawberry.argument(description="How many to list, 0 to 100; with 0, they are only counted.")
]
After = Annotated[
    str | None,
    strawberry.argument(description="List those after this cursor, an endCursor of an earlier answer."),
]


@strawberry.input(
    name="Tolerance",
    description=(
        "How far hashes may be apart: inclusive Hamming distances, 0 to 64; null means the default. A file "
        "matches where both distances are within their bounds and the closer one is within closest."
    ),
)
class ToleranceInput:
    phash: int | None = strawberry.field(default=8, description="Bound on the distance of the pHashes.")
    dhash: int | None = strawberry.field(default=8, description="Bound on the distance of the dHashes.")
    closest: int | None = strawberry.field(
        default=UNSET, description="Bound on the closer of the two; with 0, one of them has to be equal."
    )

    def checked(self) -> Tolerance:
        """The rule for the engines; raises BadInput for a distance outside 0 to 64."""
        default = Tolerance()
        given = Tolerance(
            default.phash if self.phash is None else self.phash,
            default.dhash if self.dhash is None else self.dhash,
            None if self.closest is UNSET else self.closest,
        )
        for name, distance in given._asdict().items():
            if distance is not None and not 0 <= distance <= 64:  # noqa: PLR2004
                raise BadInput(f"tolerance.{name} is {distance}; a Hamming distance is from 0 to 64")
        return given


def checked_tolerance(tolerance: ToleranceInput | None) -> Tolerance:
    return tolerance.checked() if tolerance else Tolerance()


@strawberry.input(description="The two hashes of one picture.")
class HashPair:
    phash: Hash
    dhash: Hash


@strawberry.type(description="Where a listing goes on.")
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type(description="The hashes of a file, or of a picture elsewhere.")
class Hashes:
    page_id: strawberry.Private[int | None]
    phash: Hash = strawberry.field(description="Perceptual hash, by discrete cosine transform.")
    dhash: Hash = strawberry.field(description="Difference hash, by brightness from column to column.")

    @strawberry.field(description="phash as an unsigned decimal number.")
    def phash_decimal(self) -> str:
        return str(self.phash)

    @strawberry.field(description="dhash as an unsigned decimal number.")
    def dhash_decimal(self) -> str:
        return str(self.dhash)

    @strawberry.field(
        description=(
            "True where the picture is too plain for its hash to tell it apart (blank scans, solid colour)."
        )
    )
    def low_information(self) -> bool:
        return low_information(self.phash, self.dhash)

    @strawberry.field(description="When the file was hashed; null for a picture elsewhere.")
    async def created_at(self, info: Info) -> datetime | None:
        if self.page_id is None:
            return None
        row = await info.context.rows.load(self.page_id)
        return None if row is None else row.created


@strawberry.type(description="A file on Commons (or, with a page id below 0, in an indexed folder).")
class File:
    """A file, of which facts are only looked up when they are asked for."""

    page_id: int

    @strawberry.field(
        description="With the File: prefix and spaces; null while the Commons replica cannot be read."
    )
    async def title(self, info: Info) -> str | None:
        return (await self._facts(info)).title

    @strawberry.field(description="The address of the original.")
    async def url(self, info: Info) -> str | None:
        return absolute(info.context.base_url, (await self._facts(info)).url)

    @strawberry.field(
        description=(
            "The file's page on the wiki, where that of a deleted file says why; by page id while the title "
            "cannot be read. For a file in a folder the same as url."
        )
    )
    async def page_url(self, info: Info) -> str | None:
        service = info.context.service
        try:
            facts = await self._facts(info)
        except ReplicaUnavailable:
            present = self.page_id not in service.live.deleted
            facts = Facts(self.page_id, None, present=present, site=service.wiki.site)
        return absolute(info.context.base_url, facts.page_url)

    @strawberry.field(
        description="A thumbnail no narrower than asked, at one of the widths Wikimedia serves."
    )
    async def thumbnail_url(self, info: Info, width: int | None = 330) -> str | None:
        if width is not None and width < 1:
            raise BadInput(f"width is {width}; a thumbnail is 1 pixel wide or more")
        thumbnail = (await self._facts(info)).thumbnail(330 if width is None else width)
        return absolute(info.context.base_url, thumbnail)

    @strawberry.field(description="Of the original, in pixels.")
    async def width(self, info: Info) -> int | None:
        return (await self._facts(info)).width

    @strawberry.field(description="Of the original, in pixels.")
    async def height(self, info: Info) -> int | None:
        return (await self._facts(info)).height

    @strawberry.field(description="Such as image/jpeg.")
    async def mime(self, info: Info) -> str | None:
        return (await self._facts(info)).mime

    @strawberry.field(description="SHA-1 of the file's bytes, hexadecimal: equal means the very same file.")
    async def sha1(self, info: Info) -> str | None:
        return (await self._facts(info)).sha1

    @strawberry.field(description="When the newest version of the file was uploaded.")
    async def uploaded_at(self, info: Info) -> datetime | None:
        return (await self._facts(info)).uploaded_at

    @strawberry.field(
        description="Whether it is hashed (INDEXED), not yet (NOT_INDEXED), or could not be (FAILED)."
    )
    async def status(self, info: Info) -> Status:
        return await info.context.statuses.load(self.page_id)

    @strawberry.field(
        description="Whether the file has been deleted; as far as known, while the replica cannot be read."
    )
    async def deleted(self, info: Info) -> bool:
        if self.page_id in info.context.service.live.deleted:
            return True
        try:
            return not (await self._facts(info)).present
        except ReplicaUnavailable:
            return False

    @strawberry.field(description="Null where it is not indexed.")
    async def hashes(self, info: Info) -> Hashes | None:
        pair = await info.context.hashes.load(self.page_id)
        return (
            None if pair is None else Hashes(page_id=self.page_id, phash=Hash(pair[0]), dhash=Hash(pair[1]))
        )

    @strawberry.field(
        description="Files near this one, itself left out unless asked for; null where it is not indexed."
    )
    async def matches(
        self,
        info: Info,
        tolerance: ToleranceInput | None = UNSET,
        first: First = 20,
        after: After = UNSET,
        include_self: bool | None = False,
    ) -> "MatchConnection | None":
        pair = await info.context.hashes.load(self.page_id)
        if pair is None:
            return None
        without = None if include_self else self.page_id
        return await find_matches(info, pair, tolerance, first, after, without=without)

    async def _facts(self, info: Info) -> Facts:
        return await info.context.facts.load(self.page_id)


@strawberry.type(description="A file near the hashes asked for, and how near.")
class Match:
    file: File
    phash_distance: int = strawberry.field(description="Of 64 bits, how many differ in the pHashes.")
    dhash_distance: int = strawberry.field(description="Of 64 bits, how many differ in the dHashes.")


@strawberry.type(description="A match and its place in the listing.")
class MatchEdge:
    cursor: str
    node: Match


@strawberry.type(description="Matches, closest first: by phashDistance + dhashDistance, then by page id.")
class MatchConnection:
    """What a `Listing` tells."""

    edges: list[MatchEdge]
    nodes: list[Match] = strawberry.field(description="The matches without their cursors.")
    page_info: PageInfo
    total_count: int = strawberry.field(description="How many files match, listed here or not.")
    truncated: bool = strawberry.field(
        description="True where the search stopped at its bound of hits: there are at least totalCount."
    )
    low_information: bool = strawberry.field(
        description="True where the hashes asked for are too plain to tell their picture from others."
    )


class Listing:
    """A `MatchConnection`, of which only that is made which is asked for.

    By properties: a resolver of Strawberry takes as long as some of the searches.
    """

    def __init__(self, found: Matches, size: int, question: Question, *, without: int | None = None) -> None:
        listed = [match for match in found.listed if match[0] != without]
        self._listed = listed[:size]
        self._more = len(listed) > size
        self._question = question
        self.total_count = found.total - (without is not None)
        self.truncated = found.truncated

    @property
    def edges(self) -> list[MatchEdge]:
        """The matches, each with its cursor."""
        return [MatchEdge(cursor=self._cursor(match), node=_match(match)) for match in self._listed]

    @property
    def nodes(self) -> list[Match]:
        """The matches."""
        return list(map(_match, self._listed))

    @property
    def page_info(self) -> PageInfo:
        """Where the listing goes on."""
        end = self._cursor(self._listed[-1]) if self._listed else None
        return PageInfo(has_next_page=self._more, end_cursor=end)

    @property
    def low_information(self) -> bool:
        """Whether the hashes asked for say little."""
        return low_information(*self._question[0])

    def _cursor(self, match: Listed) -> str:
        page_id, phash, dhash = match
        return paging.encode(phash + dhash, page_id, *self._question)


@strawberry.type(description="What is searched.")
class Index:
    file_count: int = strawberry.field(description="Files that can be found.")
    engine: str = strawberry.field(description="How it is searched.")
    indexed_through: datetime | None = strawberry.field(description="The newest row the answers know of.")
    live_count: int = strawberry.field(description="Rows taken in since the index was loaded.")

    @strawberry.field(
        description="Image files on Commons, for coverage; null while the replica cannot be read."
    )
    async def commons_file_count(self, info: Info) -> int | None:
        service = info.context.service
        try:
            return await service.read(files.commons_count, service)
        except ReplicaUnavailable:
            return None


async def find_matches(
    info: Info,
    pair: tuple[int, int],
    tolerance: ToleranceInput | None,
    first: int | None,
    after: str | None,
    *,
    without: int | None = None,
) -> MatchConnection:
    rule = checked_tolerance(tolerance)
    size = paging.check_first(first, 20)
    position = paging.decode(after, pair, rule) if after else None
    service = info.context.service
    # One more tells whether there is a next page, and another stands in for the one left out.
    found = await lookups.found_near(service, *pair, rule, first=size + 2, after=position)
    return connection(found, size, (pair, rule), without=without)


def connection(
    found: Matches, size: int, question: Question, *, without: int | None = None
) -> MatchConnection:
    return cast("MatchConnection", Listing(found, size, question, without=without))


def _match(match: Listed) -> Match:
    page_id, phash, dhash = match
    return Match(file=File(page_id=page_id), phash_distance=phash, dhash_distance=dhash)
