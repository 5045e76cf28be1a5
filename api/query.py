"""The queries of the GraphQL schema."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from api import lookups, paging
from api.context import Info
from api.errors import BadInput, NoReplica
from api.files import Facts
from api.scalars import Hash
from api.sources import FileConnection, FinnaRecord, find_links
from api.types import (
    After,
    File,
    First,
    HashPair,
    Index,
    MatchConnection,
    ToleranceInput,
    checked_tolerance,
    connection,
    find_matches,
)

MOST = 500
"""Pictures, or files, in one query."""

MOST_LISTED = 5000
"""Matches of all the pictures in one query."""


@strawberry.type(description="What can be asked.")
class Query:
    @strawberry.field(description="Files whose hashes lie near the two given.")
    async def search(
        self,
        info: Info,
        phash: Hash,
        dhash: Hash,
        tolerance: ToleranceInput | None = UNSET,
        first: First = 20,
        after: After = UNSET,
    ) -> MatchConnection:
        return await find_matches(info, (phash, dhash), tolerance, first, after)

    @strawberry.field(
        description="The same for up to 500 pictures at once, answered in the order they were asked."
    )
    async def search_many(
        self,
        info: Info,
        pictures: list[HashPair],
        tolerance: ToleranceInput | None = UNSET,
        first: First = 5,
    ) -> list[MatchConnection]:
        _check_number(len(pictures), "pictures")
        rule = checked_tolerance(tolerance)
        size = paging.check_first(first, 5)
        _check_listed(len(pictures), size)
        pairs = [(picture.phash, picture.dhash) for picture in pictures]
        service = info.context.service
        found = await service.search(lookups.near_many, service, pairs, rule, first=size + 1)
        return [connection(matches, size, (pair, rule)) for matches, pair in zip(found, pairs, strict=True)]

    @strawberry.field(
        description=(
            "One Commons file, by page id or by title, exactly one of them; null where Commons has no such "
            "file. A deleted one that is hashed is found by its id."
        )
    )
    async def file(self, info: Info, page_id: int | None = UNSET, title: str | None = UNSET) -> File | None:
        page_ids = [] if page_id is None or page_id is UNSET else [page_id]
        titles = [] if title is None or title is UNSET else [title]
        if len(page_ids) + len(titles) != 1:
            raise BadInput("give either pageId or title")
        found: Any = (await _files(info, page_ids or await _page_ids(info, titles)))[0]
        if isinstance(found, BaseException):
            raise found
        return found  # type: ignore[no-any-return]

    @strawberry.field(
        description=(
            "Up to 500 files: those asked by page id, then those by title, in order, null where there is "
            "none."
        )
    )
    async def files(
        self, info: Info, page_ids: list[int] | None = UNSET, titles: list[str] | None = UNSET
    ) -> list[File | None]:
        _check_number(len(page_ids or ()) + len(titles or ()), "files")
        named = await _page_ids(info, titles) if titles else []
        return await _files(info, [*(page_ids or ()), *named])

    @strawberry.field(
        description="A Finna record with all its pictures; null where Finna has no such record."
    )
    async def finna(
        self,
        info: Info,
        record_id: Annotated[str, strawberry.argument(name="id", description="Such as museovirasto.4878.")],
    ) -> FinnaRecord | None:
        found = await info.context.service.finna.record(record_id)
        return None if found is None else FinnaRecord(found=found)

    @strawberry.field(
        description=(
            "Files that link to a site: its host (finna.fi or, as the link table has it, fi.finna) and part "
            "of the path."
        )
    )
    async def external_links(
        self,
        info: Info,
        domain: str,
        path: Annotated[str, strawberry.argument(description="3 characters or more, taken literally.")],
        first: First = 20,
        after: After = UNSET,
    ) -> FileConnection:
        return await find_links(info, domain, path, first, after)

    @strawberry.field(description="What is searched: how many files, by which engine, as of when.")
    async def index(self, info: Info) -> Index:
        service = info.context.service
        return Index(
            file_count=await service.search(lookups.file_count, service),
            engine=service.live.engine.name,
            indexed_through=service.live.indexed_through,
            live_count=service.live.added,
        )


def _check_number(asked: int, what: str) -> None:
    if asked > MOST:
        raise BadInput(f"{asked} {what} are too many for one query: ask for up to {MOST} at a time")


def _check_listed(pictures: int, first: int) -> None:
    if pictures * first > MOST_LISTED:
        raise BadInput(
            f"{pictures} pictures with {first} matches each are more than the {MOST_LISTED} matches that one "
            f"query lists: ask for first: {MOST_LISTED // pictures}"
        )


async def _page_ids(info: Info, titles: Sequence[str]) -> list[int | None]:
    service = info.context.service
    return await service.read(lookups.page_ids_of, service, titles)


async def _files(info: Info, page_ids: Sequence[int | None]) -> list[File | None]:
    """Those that Commons or the index has, in order; an error stands for one of which it cannot be told."""
    context = info.context
    asked = list({page_id for page_id in page_ids if page_id is not None})
    indexed = await context.hashes.load_many(asked)
    known: dict[int | None, File | None] = {
        page_id: File(page_id=page_id) if pair else None for page_id, pair in zip(asked, indexed, strict=True)
    }
    rest = [page_id for page_id in asked if known[page_id] is None]
    facts = await asyncio.gather(*map(context.facts.load, rest), return_exceptions=True)
    known |= {page_id: _file(page_id, fact) for page_id, fact in zip(rest, facts, strict=True)}
    untold = [page_id for page_id, fact in zip(rest, facts, strict=True) if isinstance(fact, NoReplica)]
    if untold:
        of_folders = await context.service.read(lookups.is_of_folders, context.service)
        known |= dict.fromkeys(untold if of_folders else ())
    return [known.get(page_id) for page_id in page_ids]


def _file(page_id: int, known: Facts | BaseException) -> Any:
    if isinstance(known, BaseException):
        return known
    return File(page_id=page_id) if known.present else None
