"""A schema that knows its answers: what it takes is what any answer costs by the same stack.

An answer is the service's own, looked up the first time it is asked for. From then on nothing is, and every
field is an attribute.
"""

import strawberry

from api.context import Info
from api.scalars import Hash
from api.types import HashPair, find_matches


@strawberry.type
class File:
    """As far as it is asked for here, and so on."""

    page_id: int
    title: str | None


@strawberry.type
class Match:
    """A file and how near it is."""

    file: File
    phash_distance: int
    dhash_distance: int


@strawberry.type
class MatchConnection:
    """The files near a picture."""

    nodes: list[Match]


_known: dict[tuple[int, int, int], MatchConnection] = {}


@strawberry.type
class Query:
    """Two of the queries, by the same names."""

    @strawberry.field
    async def search(self, info: Info, phash: Hash, dhash: Hash, first: int = 20) -> MatchConnection:
        """The files near one picture."""
        return _known.get((phash, dhash, first)) or await _look_up(info, phash, dhash, first)

    @strawberry.field
    async def search_many(
        self, info: Info, pictures: list[HashPair], first: int = 5
    ) -> list[MatchConnection]:
        """The files near each of many."""
        return [
            _known.get((each.phash, each.dhash, first)) or await _look_up(info, each.phash, each.dhash, first)
            for each in pictures
        ]


async def _look_up(info: Info, phash: Hash, dhash: Hash, first: int) -> MatchConnection:
    found = await find_matches(info, (phash, dhash), None, first, None)
    nodes = [
        Match(
            file=File(
                page_id=near.file.page_id, title=(await info.context.facts.load(near.file.page_id)).title
            ),
            phash_distance=near.phash_distance,
            dhash_distance=near.dhash_distance,
        )
        for near in found.nodes
    ]
    return _known.setdefault((phash, dhash, first), MatchConnection(nodes=nodes))
